// Children in all places, contained, run, watched and in the foreground of terminals, with Node, stand-in, supervisor, watcher,
// program and all below it killed, stopped and continued at random; some slots have no cgroup to contain by. What was
// stopped is gone, what was contained ends with its Node, and a Node that has done all this has no descriptor, no thread
// and no memory more than before.
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import { spawn, stopContained } from 'setsid'
import { environment, hunt, isEmpty, killAll, markOf, Starter } from './commands.mjs'
import { planOf } from './children-plan.mjs'
import { judges } from './children-judge.mjs'
import { isDocumented } from './documented.mjs'
import { inField, programs, seed } from './field.mjs'
import { Flat } from './flat.mjs'
import { onTerminal } from './terminal.mjs'
import { livesOf, table, within } from './witness.mjs'

const LIMIT = 90_000
const SETTLE = 20_000
const fg = fileURLToPath(new URL('fg.mjs', import.meta.url))

/** In a mount namespace without cgroups, and then Node. */
const uncontrolled = ['unshare', '--mount', 'sh', '-c']
uncontrolled.push('umount -R -l /sys/fs/cgroup; exec "$@"', 'sh')

class Child {
  #plan
  #field
  #slot
  #mark
  #shot = []

  constructor(plan, field, slot) {
    this.#plan = plan
    this.#field = field
    this.#slot = slot
    this.#mark = markOf(plan.i)
  }

  async run() {
    const { i, way, volleys, kill } = this.#plan
    const { tools, outcomes, claim } = this.#field
    const { starter } = this.#slot
    const marks = way === 'foreground' ? [this.#mark] : [this.#mark, starter.mark]
    const hunter = hunt(tools.hunter, i, -1, marks, (told) => {
      this.#shot.push(told)
      this.#field.shot(this.#plan, told)
      if (told.signal === 'SIGKILL') claim(told.pid)
    })
    let isOver = false
    const shooting = volleys.map(async ({ after, roles, signal }) => {
      await delay(after)
      // The Node of the slot goes on to the next.
      if (!isOver) await hunter.shoot(roles, signal)
    })
    const answer = await this.#limited(way === 'foreground' ? this.#foreground() : this.#call())
    isOver = true
    const seen = answer.value ?? {}
    // Before what comes after it is changed.
    const live = livesOf(this.#mark)
    await Promise.all(shooting)
    await hunter.end()
    if (answer.error !== undefined) this.#fault('error', { error: answer.error })
    for (const error of seen.errors ?? []) this.#checkError(error)
    const judge = { ...{ plan: this.#plan, seen, live, shot: this.#shot }, fault: this.#fault }
    let word = answer.killed === undefined ? judges[way](judge) : 'Node was killed'
    for (const { call, code, reason } of seen.errors ?? [])
      word = [call, code, reason].filter(Boolean).join(' ')
    outcomes.add(`${way}: ${word}`)

    // Some are to end with the Node, and with nothing else.
    const mayStay = ['place', 'watch', 'foreground'].includes(way)
    if (way === 'death' || (!mayStay && !(await isEmpty(tools.hunter, this.#mark))))
      await starter.end(kill || way === 'death' ? 'SIGKILL' : undefined)
    if (!(mayStay && seen.stopped === undefined)) await this.#settle()
    await killAll(tools.hunter, this.#mark)
    if (i % 4 === 0) await this.#slot.flat.look(starter, this.#fault)
  }

  #fault = (name, facts) => {
    const shot = this.#shot.map(({ signal, role, pid }) => `${signal} ${role} ${pid}`)
    this.#field.fault(name, this.#plan, { ...facts, shot, cgroup: this.#slot.hasCgroup })
  }

  #checkError(error) {
    const { call } = error
    if (!isDocumented(call, error)) this.#fault('undocumented error', { error })
  }

  #call() {
    const { i, way } = this.#plan
    const { soakd } = this.#field.tools
    const env = { SETSID_SOAK: environment(i).SETSID_SOAK }
    return this.#slot.starter.call(way, { ...this.#plan, soakd, env })
  }

  async #foreground() {
    const { i, mode, modes, words } = this.#plan
    const config = { soakd: this.#field.tools.soakd, words, lend: i % 3 === 0 }
    const command = [process.execPath, fg, JSON.stringify(config)]
    const terminal = await onTerminal(`${programs}/ttyshell`, mode, modes, command, i)
    const ended = await terminal.ended
    const last = await terminal.leave()
    const [, line] = /^RESULT (.*?)\r?$/m.exec(terminal.output()) ?? []
    return { value: { ended, last, result: line === undefined ? undefined : JSON.parse(line) } }
  }

  async #limited(promise) {
    const late = delay(LIMIT, 'late', { ref: false })
    const result = await Promise.race([promise, late])
    if (result !== 'late') return result
    this.#fault('hang', {})
    console.error(table(this.#mark))
    await this.#slot.starter.end('SIGKILL')
    await killAll(this.#field.tools.hunter, this.#mark)
    return { killed: 'hang' }
  }

  /** Nothing is left, unless those who would have ended it were killed. */
  async #settle() {
    const isGone = await within(SETTLE, () => isEmpty(this.#field.tools.hunter, this.#mark))
    if (isGone) return
    const killed = this.#shot.filter(({ signal }) => signal === 'SIGKILL')
    const keepers = killed.filter(({ role }) => /stand-in|supervisor|watcher/.test(role))
    const { words, end } = this.#plan
    // A stop of its group ends the program, and so its stand-in.
    const hasEnded = end === 'group' || words.some((word) => /^exit|^crash/.test(word))
    const isLost = hasEnded || killed.length > 1
    if (keepers.length > 0 && (isLost || this.#plan.way === 'death')) {
      this.#field.outcomes.add(`${this.#plan.way}: left by a killed supervisor or watcher`)
      return
    }
    this.#fault('stray', { left: livesOf(this.#mark) })
    console.error(table(this.#mark))
  }
}

await inField(4, (field, name) => {
  const hasCgroup = name % 2 === 0
  const before = hasCgroup ? [] : uncontrolled
  const starter = new Starter(`node${name}`, field.claim, before)
  const slot = { starter, hasCgroup, flat: new Flat() }
  return {
    operate: (i) => new Child(planOf(seed, i), field, slot).run(),
    end: () => starter.end(),
  }
})

// A cgroup whose stand-in and supervisor were both killed stays until the next contained child, which removes it.
await stopContained(spawn('true', { contain: true, stdio: 'ignore' }))
