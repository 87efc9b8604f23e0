// A daemon is launched from a terminal, by the launcher and by a restart in turns, and at a random moment of that launcher,
// program or both are killed, stopped or interrupted, by signals and by keys. Then nothing of it is left, but for a daemon
// that is ready, and the terminal, its modes and its foreground are as before.
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { daemonStatus } from 'setsid'
import { app, hunt, killAll, markOf, sess } from './commands.mjs'
import { inField, programs, seed } from './field.mjs'
import { randomOf } from './random.mjs'
import { onTerminal } from './terminal.mjs'
import { livesOf, table, within } from './witness.mjs'

const LIMIT = 90_000
const SETTLE = 20_000
const MOMENT = 200
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15, SIGSTOP: 19 }
const KEYS = { 'Ctrl-C': 'key 3', 'Ctrl-Z': 'key 26', 'hang up': 'hang up' }

function planOf(i) {
  const { pick, choose } = randomOf(seed, i, 7)
  const hasPidFile = pick(2) === 0
  const weigh = (...list) => choose(list)
  return {
    i,
    way: i % 2 === 0 ? 'launcher' : 'restart',
    mode: weigh([2, 'job'], [1, 'script']),
    modes: pick(64),
    hasPidFile,
    before: pick(30),
    after: pick(60),
    // One in ten is let alone, and shows how long it takes.
    isShot: i % 20 > 1,
    /** In thousandths of the time that it takes. */
    moment: pick(1200),
    what: weigh(
      [10, 'SIGKILL'],
      [10, 'SIGTERM'],
      ...['SIGINT', 'SIGHUP', 'SIGSTOP', ...Object.keys(KEYS)].map((name) => [2, name]),
    ),
    whom: weigh(
      [3, 'launcher'],
      [3, 'program'],
      [3, 'launcher,program'],
      [1, 'canary'],
      [1, 'launcher,program,canary,other'],
    ),
  }
}

/** How long each way takes, in milliseconds, without a shot. */
const lives = { launcher: 400, restart: 600 }

async function launch(field, i) {
  const plan = planOf(i)
  const { way, mode, isShot, what, whom } = plan
  const mark = markOf(i)
  const pidFile = plan.hasPidFile ? `${field.folder}/${i}.pid` : undefined
  const says = `${field.folder}/${i}.ready`
  const options = { pidFile, strategy: way }
  const config = { before: plan.before, after: plan.after, fault: 'none', options, says }
  const program = [process.execPath, app, JSON.stringify(config)]
  const command = way === 'launcher' ? [sess, 'launch', '--', ...program] : program
  const shooter = hunt(field.tools.hunter, i, -1, [mark], ({ role, pid }) => {
    if (what === 'SIGKILL') field.claim(pid)
    field.shots.add(`${what} ${role}`)
  })
  const began = performance.now()
  const file = `${programs}/ttyshell`
  const terminal = await onTerminal(file, mode, plan.modes, command, i)
  const fault = (name, facts) => {
    field.fault(name, plan, { ...facts, told: terminal.told, output: terminal.output() })
    console.error(table(mark))
  }

  let hits = 0
  let shotAt = Infinity
  const shoot = async () => {
    await delay((plan.moment * lives[way]) / 1000)
    if (terminal.told.ended !== undefined) return
    if (what in SIGNALS) {
      hits = await shooter.shoot(whom, SIGNALS[what])
      shotAt = Date.now()
    } else {
      terminal.tell(KEYS[what])
      field.shots.add(what)
      hits = 1
    }
  }
  const shot = isShot ? shoot() : Promise.resolve()
  const late = delay(LIMIT, 'late', { ref: false })
  if ((await Promise.race([terminal.ended, late])) === 'late') fault('hang', {})
  await shot
  await shooter.end()
  if (!isShot) lives[way] = (2 * lives[way] + performance.now() - began) / 3

  const { ended } = terminal.told
  const isReady = ended?.code === 0
  // Nothing of it is left, but for a daemon that is ready.
  const left = () => {
    const now = livesOf(mark)
    const daemon = existsSync(says) ? Number(readFileSync(says, 'utf8')) : undefined
    return now.filter(({ pid, sid, tty }) => pid !== daemon || sid !== pid || tty !== 0)
  }
  const isQuiet = await within(SETTLE, () => left().length === 0)
  if (!isQuiet) fault('left', { left: left() })
  // Who is killed just now has no environment any more, and lives on in the table for a moment.
  let daemon, state
  await within(5000, async () => {
    ;[daemon] = livesOf(mark)
    state = pidFile === undefined ? undefined : (await daemonStatus(pidFile)).state
    return state === undefined || (daemon !== undefined) === (state === 'running')
  })
  // Between its last word and the launcher's end, a moment, a daemon is on its own.
  const isLost = what === 'SIGKILL' && shooter.shot.some(({ role }) => role === 'launcher')
  if (isLost && daemon !== undefined && statSync(says).mtimeMs > shotAt + MOMENT)
    fault('ready without its launcher', {})
  if (isReady && daemon === undefined && hits === 0) fault('not running', {})
  if (!isShot && !isReady) fault('not started', {})
  if (pidFile !== undefined) {
    const expected = daemon === undefined ? ['stopped', 'stale'] : ['running']
    if (!expected.includes(state)) fault('status', { state })
    // The launcher takes it away, if it has not been killed itself.
    const byLauncher = !/launcher/.test(whom) || what !== 'SIGKILL'
    if (daemon === undefined && !isReady && byLauncher && existsSync(pidFile))
      fault('pidfile left', { state })
  }
  const last = await terminal.leave()
  if (what !== 'hang up' || hits === 0) {
    const isAsBefore = (word) => word?.modes === true && word.foreground === word.shell
    if (!isAsBefore(ended) || !isAsBefore(last)) fault('terminal', { last })
  }
  await killAll(field.tools.hunter, mark)
  for (const path of [pidFile, says]) if (path !== undefined) rmSync(path, { force: true })

  const end = ended?.signal ? `signal ${ended.signal}` : `exit code ${ended?.code}`
  const came = ended === undefined ? 'the shell has ended' : end
  const word = !isShot ? 'let alone' : hits > 0 ? 'shot' : 'shot at, and missed'
  field.outcomes.add(`${way}, ${word}: ${came}${daemon ? ', a daemon' : ''}`)
}

await inField(4, (field) => ({ operate: (i) => launch(field, i) }))
