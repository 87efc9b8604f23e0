// Stops and waits for all of a contained child: its supervisor signals, looks, and tells when nothing is left.
import type { ChildProcess } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { ESRCH, ETIMEDOUT } from '../base/errno.ts'
import { aborted, systemError } from '../base/errors.ts'
import { signals } from '../base/signals.ts'
import { startOf } from '../inspect/process.ts'
import { checkWaitOptions } from '../inspect/wait.ts'
import type { ProcessInfo, WaitOptions } from '../inspect/types.ts'
import type { Containment } from '../spawn/contain.ts'
import { checkContained } from '../spawn/contained.ts'
import { checkStopOptions } from './plan.ts'
import { KILL_WAIT, settled } from './rounds.ts'
import type { Member } from './report.ts'
import { describeSurvivors } from './survivors.ts'
import type { StopOptions, StopPlan, StopResult } from './types.ts'

/** The pause in milliseconds between two looks at the cgroup of a lost supervisor. */
const PAUSE = 20

/** The time in milliseconds after which members that we may not signal are not waited for any more. */
const NO_RIGHT = 300

/**
 * Ends everything that a contained child has started, and sees all of it gone: also what has left it by setsid, nohup
 * or a double fork, and when the child itself has long ended.
 *
 * The child's supervisor, which is the parent or a forefather of all of them, signals each by a pidfd. SIGKILL comes
 * when all are stopped, so that none can start another one.
 *
 * @param child a child that `spawn()` started with `contain: true`
 * @param options those of `stopGroup()`; `allowSelf` changes nothing
 * @returns when the kernel knows no process of it any more, or some would not go
 * @throws `ERR_INVALID_ARG_TYPE` `child` is no `ChildProcess`; a wrong option
 * @throws `ERR_INVALID_ARG_VALUE` it is not contained; a signal that can't end a process
 * @throws `AbortError` `options.signal` was aborted
 * @throws `ENOENT`, `EMFILE`, `ENFILE` as `stopProcess()`
 * @platform Linux
 * @see PR_SET_CHILD_SUBREAPER(2const)
 */
export async function stopContained(
  child: ChildProcess,
  options: StopOptions = {},
): Promise<StopResult> {
  const plan = checkStopOptions(options)
  const containment = checkContained(child)
  throwIfAborted(plan.signal)
  if (containment === undefined || containment.state === 'empty') return settled('already-gone')
  // Throws where /proc can't be read: then the supervisor finds nobody either.
  containment.isSupervised()
  const began = performance.now()
  const stop = new Stop(containment, plan)
  containment.hold()
  try {
    const outcome = await stop.run()
    return { ...stop.told(), ...outcome, elapsed: performance.now() - began }
  } finally {
    stop.end()
    containment.release()
  }
}

/**
 * Waits until nothing of what a contained child has started is left.
 *
 * @param child a child that `spawn()` started with `contain: true`
 * @param options
 * @throws `AbortError` `options.signal` was aborted; its reason is the `cause`
 * @throws `ETIMEDOUT` processes are left after `options.timeout` (`reason: 'still-running'`, `pids`)
 * @throws `ESRCH` somebody has killed the supervisor after the child had ended: what is left is nobody's
 * (`reason: 'no-supervisor'`)
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` no contained child
 * @throws `ENOENT` /proc is not mounted, or shows another pid namespace (`reason: 'no-proc'`)
 * @throws `EMFILE`, `ENFILE` no descriptor is free to look with
 * @platform Linux
 */
export async function waitForContained(
  child: ChildProcess,
  options: WaitOptions = {},
): Promise<void> {
  const { signal, timeout } = checkWaitOptions(options)
  const containment = checkContained(child)
  if (containment === undefined) return
  throwIfAborted(signal)
  containment.hold()
  try {
    await ended(containment, timeout, signal)
    throwIfAborted(signal)
    if (containment.state === 'live') {
      const pids = containment.members().map(({ pid }) => pid)
      const text = `${pids.join(', ')} of it are still there after ${timeout} ms`
      throw systemError(ETIMEDOUT, 'waitForContained', { reason: 'still-running', text, pids })
    }
    if (!(await isEmptied(containment, timeout, signal))) {
      const text = 'its supervisor was killed, and what is left of it can not be found'
      throw systemError(ESRCH, 'waitForContained', { reason: 'no-supervisor', text })
    }
  } finally {
    containment.release()
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted(signal)
}

/** Whether nothing is left. The cgroup of a lost supervisor is waited for; false: there is none, and nobody knows. */
async function isEmptied(
  containment: Containment,
  limit = Infinity,
  abort?: AbortSignal,
): Promise<boolean> {
  const { state, cgroup } = containment
  if (state === 'empty') return true
  if (cgroup === undefined) return false
  const deadline = performance.now() + limit
  while (!cgroup.isEmpty()) {
    throwIfAborted(abort)
    if (performance.now() >= deadline) {
      const pids = cgroup.pids()
      const text = `${pids.join(', ')} of it are still there after ${limit} ms`
      throw systemError(ETIMEDOUT, 'waitForContained', { reason: 'still-running', text, pids })
    }
    await delay(PAUSE)
  }
  cgroup.remove()
  containment.state = 'empty'
  return true
}

/** Fulfilled when the supervisor has ended, after `limit` ms, or when it is aborted. */
async function ended(
  containment: Containment,
  limit = Infinity,
  abort?: AbortSignal,
): Promise<void> {
  if (containment.state !== 'live') return
  const over = new AbortController()
  const cancel = () => over.abort()
  containment.once('ended', cancel)
  abort?.addEventListener('abort', cancel)
  // Without a prototype: Node reads more options than `signal`, and would find them on Object.prototype.
  const options = { __proto__: null, signal: over.signal } as object
  // A longer timer of Node's would fire at once.
  await delay(Math.min(limit, 2 ** 31 - 1), undefined, options).catch(() => undefined)
  containment.off('ended', cancel)
  abort?.removeEventListener('abort', cancel)
}

/** How many stops of a containment are under way: the last one lets the supervisor rest. */
const underWay = new WeakMap<Containment, number>()

class Stop {
  readonly #containment: Containment
  readonly #plan: StopPlan
  readonly #sent = new Set<number>()
  readonly #denied = new Set<number>()
  #escalated = false

  constructor(containment: Containment, plan: StopPlan) {
    this.#containment = containment
    this.#plan = plan
    underWay.set(containment, (underWay.get(containment) ?? 0) + 1)
    containment.on('sent', this.#noteSent).on('denied', this.#noteDenied)
  }

  readonly #noteSent = (pid: number) => this.#sent.add(pid)
  readonly #noteDenied = (pid: number) => this.#denied.add(pid)

  end(): void {
    const others = (underWay.get(this.#containment) ?? 1) - 1
    underWay.set(this.#containment, others)
    this.#containment.off('sent', this.#noteSent).off('denied', this.#noteDenied)
    if (others === 0) this.#containment.say('rest')
  }

  told(): Pick<StopResult, 'signalled' | 'escalated'> {
    return { signalled: [...this.#sent].sort((a, b) => a - b), escalated: this.#escalated }
  }

  async run(): Promise<Pick<StopResult, 'outcome' | 'survivors' | 'hidden'>> {
    const { killSignal, grace, escalate } = this.#plan
    await this.#send(killSignal, grace)
    if (this.#containment.state === 'live' && escalate !== false && !this.#isHopeless()) {
      this.#escalated = true
      await this.#send(escalate, KILL_WAIT)
    }
    if (this.#containment.state !== 'live') {
      const proven = await this.#killCgroup(this.#containment)
      if (!proven) return { outcome: 'survivors', survivors: [], hidden: true }
      return {
        outcome: this.#sent.size > 0 ? 'gone' : 'already-gone',
        survivors: [],
        hidden: false,
      }
    }
    const killed = this.#escalated && escalate === signals.SIGKILL
    const members = this.#containment.members().flatMap((info) => this.#memberOf(info))
    const { survivors, unseen } = await describeSurvivors(members, killed)
    return { outcome: 'survivors', survivors, hidden: unseen || survivors.length === 0 }
  }

  async #send(signal: number, limit: number): Promise<void> {
    if (signal === signals.SIGKILL) this.#containment.say('kill')
    else this.#containment.say('signal', signal)
    const deadline = performance.now() + limit
    const { signal: abort } = this.#plan
    // Where we may signal none of those that are left, the rest of the time changes nothing.
    await ended(this.#containment, Math.min(limit, NO_RIGHT), abort)
    const left = deadline - performance.now()
    if (left > 0 && abort?.aborted !== true && !this.#isHopeless()) {
      await ended(this.#containment, left, abort)
    }
    throwIfAborted(abort)
  }

  /** Ends what a lost supervisor has left. Without it there is no grace: SIGKILL comes at once. */
  async #killCgroup(containment: Containment): Promise<boolean> {
    const { state, cgroup } = containment
    if (state === 'empty') return true
    if (cgroup === undefined) return false
    for (const pid of cgroup.pids()) this.#sent.add(pid)
    this.#escalated = this.#sent.size > 0
    const deadline = performance.now() + KILL_WAIT
    while (!cgroup.isEmpty()) {
      if (performance.now() >= deadline) return false
      cgroup.kill()
      await delay(PAUSE)
    }
    cgroup.remove()
    containment.state = 'empty'
    return true
  }

  #isHopeless(): boolean {
    const members = this.#denied.size > 0 ? this.#containment.members() : []
    return members.length > 0 && members.every(({ pid }) => this.#denied.has(pid))
  }

  #memberOf({ pid }: ProcessInfo): Member[] {
    try {
      const startTicks = startOf(pid, 'stopContained')
      const [sent, denied] = [this.#sent.has(pid), this.#denied.has(pid)]
      return startTicks === undefined ? [] : [{ pid, startTicks, live: true, sent, denied }]
    } catch {
      return []
    }
  }
}
