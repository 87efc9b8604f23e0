// One start and one stop of a daemon, with what must be true after each.
import { rmSync } from 'node:fs'
import { daemonStatus } from 'setsid'
import { app, command, environment, hunt, isEmpty, killAll, markOf, sess } from './commands.mjs'
import { isDocumented } from './documented.mjs'
import { livesOf, table, within } from './witness.mjs'

/** Milliseconds for a command, and for what must come true after it. */
const LIMIT = 90_000
const SETTLE = 20_000

const of = (list, ...roles) => list.some(({ role }) => roles.includes(role))
/** What a command of ours may end by. */
const CODES = { 'sess start': [0, 1, 4, 5], 'sess stop': [0, 1, 4] }

export class Operation {
  #plan
  #soak
  #starter
  #mark
  #pidFile
  #identity
  #shot = []
  #hunter

  /** `soak`: tools (their paths), folder, claim, fault, outcomes, shots. */
  constructor(plan, soak, starter) {
    this.#plan = plan
    this.#soak = soak
    this.#starter = starter
    this.#mark = markOf(plan.i)
    if (plan.hasPidFile) this.#pidFile = `${soak.folder}/${plan.i}.pid`
  }

  async run() {
    const { way, huntStop, again } = this.#plan
    this.#hunt()
    const started = await this.#heard(await this.#limited('start', this.#start()))
    this.#add(way, this.#wordOf(started, way === 'startDaemon' ? 'startDaemon' : way))
    if (!huntStop) await this.#endHunt()
    const state = await this.#settle()
    if (!huntStop) this.#judgeStart(started, state)
    if (again && state === 'running' && !huntStop) await this.#again()
    await this.#stopAll()
    if (this.#pidFile !== undefined) rmSync(this.#pidFile, { force: true })
  }

  #fault(kind, facts) {
    const shot = this.#shot.map(({ signal, role, pid }) => `${signal} ${role} ${pid}`)
    this.#soak.fault(kind, this.#plan, { ...facts, shot })
  }

  #add(call, word) {
    this.#soak.outcomes.add(`${call}: ${word}`)
  }

  // ---- the hunter

  #hunt() {
    const { shots, hunterSeed } = this.#plan
    if (shots === 0) return
    const marks = [this.#mark, this.#starter.mark]
    this.#hunter = hunt(this.#soak.tools.hunter, hunterSeed, shots, marks, (told) => {
      this.#shot.push(told)
      this.#soak.shot(this.#plan, told)
      if (told.signal === 'SIGKILL') this.#soak.claim(told.pid)
    })
  }

  /** The hunter may tell of its shot after the end of who was shot. */
  async #heard(ended) {
    if (ended.signal === 'SIGKILL') await within(1000, () => this.#killed('node', 'other'))
    return ended
  }

  async #endHunt() {
    await this.#hunter?.end()
    this.#hunter = undefined
  }

  #killed(...roles) {
    return of(
      this.#shot.filter(({ signal }) => signal === 'SIGKILL'),
      ...roles,
    )
  }

  async #limited(what, promise) {
    let timer
    const late = new Promise((done) => (timer = setTimeout(done, LIMIT, 'late')))
    const result = await Promise.race([promise, late])
    clearTimeout(timer)
    if (result !== 'late') return result
    this.#fault('hang', { what })
    console.error(table(this.#mark))
    await this.#endHunt()
    await killAll(this.#soak.tools.hunter, this.#mark)
    await killAll(this.#soak.tools.hunter, this.#starter.mark)
    await promise
    return { killed: 'hang' }
  }

  // ---- start

  #start() {
    const { i, way, words, ready, readyTimeout, grace, config } = this.#plan
    const { tools, claim } = this.#soak
    const pidFile = this.#pidFile
    if (way === 'startDaemon') {
      const env = environment(i)
      const options = { env, pidFile, ready, readyTimeout, grace }
      return this.#starter.call('startDaemon', tools.soakd, words, options)
    }
    if (way === 'sess start') {
      const flags = { fd: '--ready-fd', notify: '--notify', upFor: '--up-for' }
      const [[kind, value]] = Object.entries(ready)
      const asked = kind === 'notify' ? [flags[kind]] : [flags[kind], String(value)]
      const line = ['--pid-file', pidFile, ...asked, '--timeout', String(readyTimeout), '--']
      return command(i, [sess, 'start', ...line, tools.soakd, ...words], claim)
    }
    const options = { pidFile, readyTimeout: config.readyTimeout }
    const launch = way === 'setsid/launch'
    const program = [process.execPath, app, JSON.stringify({ ...config, options, launch })]
    return command(i, way === 'sess launch' ? [sess, 'launch', '--', ...program] : program, claim)
  }

  /** What came of a call or a command, as a word; what it must not be is a fault. */
  #wordOf({ value, error, killed, code, signal, stderr }, call) {
    if (killed !== undefined) return 'Node was killed'
    if (error !== undefined) {
      if (!isDocumented(call, error)) this.#fault('undocumented error', { call, error })
      return [error.code, error.reason].filter(Boolean).join(' ')
    }
    if (value !== undefined) {
      this.#identity = value.identity ?? this.#identity
      return value.outcome ?? 'ready'
    }
    if (signal !== null) {
      if (
        signal !== 'SIGKILL' ||
        !this.#killed('node', 'launcher', 'program', 'canary', 'guard', 'other')
      )
        this.#fault('ended by a signal', { call, signal, stderr })
      return signal
    }
    if (code !== 0 && stderr === '') this.#fault('silent failure', { call, code })
    // 2 is bin/sess itself, whose shell could not ask the launcher.
    if (CODES[call]?.includes(code) === false && !this.#killed('other', 'launcher'))
      this.#fault('exit code', { call, code, stderr })
    return code === 0 ? 'exit code 0' : `exit code ${code}`
  }

  // ---- what is there

  async #status() {
    if (this.#pidFile === undefined) return { state: 'none', pids: [] }
    return daemonStatus(this.#pidFile)
  }

  /** Those that live and that status, or without a pidfile the start itself, does not tell of. */
  #strays(status) {
    const { identity = this.#identity, pids = [] } = status
    const lives = livesOf(this.#mark)
    const sids = new Set(identity ? [identity.pid] : [])
    for (const { pid, sid } of lives) if (pids.includes(pid)) sids.add(sid)
    if (this.#pidFile === undefined && this.#identity === undefined)
      return lives.filter((life) => this.#isOwner(life))
    return lives.filter(({ sid }) => !sids.has(sid))
  }

  /** Without a pidfile a daemon of daemonize() is known to nobody but itself. */
  #isOwner({ pid, sid }) {
    return this.#plan.config === undefined || pid !== sid
  }

  /** The state when nothing is left that status does not tell of. */
  async #settle() {
    const deadline = performance.now() + SETTLE
    let status = await this.#status()
    let strays = this.#strays(status)
    while (strays.length > 0 && performance.now() < deadline) {
      await within(100, () => false)
      status = await this.#status()
      strays = this.#strays(status)
    }
    if (strays.length > 0 && !this.#isExcused()) {
      this.#fault('stray', { status, strays })
      console.error(table(this.#mark))
    }
    if (status.state === 'running') this.#identity = status.identity
    return status.state
  }

  /**
   * What has left its session is known to guard and launcher alone. A launcher without its guard looks like one. A daemon
   * without a pidfile is known to the Node that started it, and that may end in the moment when it is ready.
   */
  #isExcused() {
    const { words = [], way } = this.#plan
    if (way === 'startDaemon' && this.#pidFile === undefined && this.#killed('node')) return true
    const both = this.#shot.filter(
      ({ signal, role }) => signal === 'SIGKILL' && (role === 'guard' || role === 'launcher'),
    )
    return words.includes('leave') && new Set(both.map(({ pid }) => pid)).size > 1
  }

  #judgeStart({ value, error, code, killed }, state) {
    if (this.#pidFile === undefined || killed !== undefined) return
    const isReady = value !== undefined || code === 0
    if (isReady && state !== 'running' && !this.#killed('program', 'other'))
      this.#fault('not running', { state })
    const byHim = this.#killed('node', 'guard', 'launcher', 'canary', 'other')
    if (!isReady && state !== 'stopped' && !byHim)
      this.#fault('pidfile left', { state, error, code })
  }

  async #again() {
    const { tools } = this.#soak
    const second = this.#starter.call('startDaemon', tools.soakd, [], {
      env: environment(this.#plan.i),
      pidFile: this.#pidFile,
    })
    const { error, killed } = await this.#limited('second start', second)
    if (killed === undefined && error?.reason !== 'already-running')
      this.#fault('started twice', { error })
  }

  // ---- stop

  async #stopAll() {
    const { stop } = this.#plan
    this.#soak.claim(this.#identity?.pid ?? 0)
    let told = await this.#heard(await this.#limited('stop', this.#stop(stop.by)))
    const word = this.#wordOf(told, told.code === undefined ? this.#stopCall() : 'sess stop')
    this.#add(told.code === undefined ? this.#stopCall() : 'sess stop', word)
    await this.#endHunt()
    // Its own processes were shot: it has stopped nobody.
    const isShot = told.code === 2 && this.#killed('other', 'launcher')
    if (told.killed !== undefined || (told.signal ?? null) !== null || isShot) {
      told = await this.#limited('stop', this.#stop('stopDaemon'))
      this.#add(this.#stopCall(), this.#wordOf(told, this.#stopCall()))
    }
    await this.#judgeStop(told)
  }

  #stopCall() {
    return this.#pidFile === undefined ? 'stopProcess' : 'stopDaemon'
  }

  async #stop(by) {
    const { grace } = this.#plan.stop
    if (this.#pidFile !== undefined && by === 'sess stop') {
      const line = ['stop', '--pid-file', this.#pidFile, '--grace', String(grace)]
      return command(this.#plan.i, [sess, ...line], () => undefined)
    }
    if (this.#pidFile !== undefined)
      return this.#starter.call('stopDaemon', this.#pidFile, { grace })
    const [daemon] = livesOf(this.#mark).filter(({ pid, sid }) => pid === sid)
    if (this.#plan.config !== undefined && daemon !== undefined) {
      const { bootId } = (await import('setsid')).identify()
      this.#identity = { pid: daemon.pid, startTicks: daemon.startTicks, bootId }
    }
    if (this.#identity === undefined) return { value: { outcome: 'already-gone' } }
    return this.#starter.call('stopProcess', this.#identity, { grace })
  }

  async #judgeStop({ value, code, error }) {
    const sid = this.#identity?.pid
    const isGone = code === 0 || (value !== undefined && value.outcome !== 'survivors')
    const left = livesOf(this.#mark).filter((life) => life.sid === sid)
    if (isGone && left.length > 0) this.#fault('left', { value, code, left })
    if (value?.outcome === 'survivors') this.#fault('survivors', value)
    const status = await this.#status()
    if (isGone && !['stopped', 'none'].includes(status.state))
      this.#fault('pidfile left', { after: 'stop', value, code, status })
    const isTold = error?.reason === 'held-by-another' && status.state === 'unknown'
    const isOver = () => isEmpty(this.#soak.tools.hunter, this.#mark)
    if (!isTold && !(await within(SETTLE, isOver))) {
      if (!this.#isExcused()) {
        this.#fault('stray', {
          after: 'stop',
          value,
          code,
          error,
          status,
          strays: livesOf(this.#mark),
        })
        console.error(table(this.#mark))
      }
    }
    await killAll(this.#soak.tools.hunter, this.#mark)
  }
}
