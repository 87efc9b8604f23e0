// Stops and waits for all of a contained child: its supervisor signals, looks, and tells when nothing is left.
import type { ChildProcess } from 'node:child_process'
import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises'
import { ESRCH, ETIMEDOUT } from '../base/errno.ts'
import { aborted, systemError } from '../base/errors.ts'
import { signals } from '../base/signals.ts'
import { identify, startOf } from '../inspect/process.ts'
import { checkWaitOptions } from '../inspect/wait.ts'
import type { ProcessIdentity, ProcessInfo, WaitOptions } from '../inspect/types.ts'
import type { Cgroup } from '../spawn/cgroup.ts'
import type { Containment } from '../spawn/contain.ts'
import { checkContained } from '../spawn/contained.ts'
import { checkStopOptions } from './plan.ts'
import { KILL_WAIT, settled } from './rounds.ts'
import type { Member } from './report.ts'
import { stopProcess } from './stop.ts'
import { describeSurvivors } from './survivors.ts'
import type { StopOptions, StopPlan, StopResult } from './types.ts'

/** The pause in milliseconds between two looks at the cgroup of a lost supervisor. */
const PAUSE = 20

/** A longer timer of Node's would fire at once. */
const LONGEST = 2 ** 31 - 1

/** The time in milliseconds after which members that we may not signal are not waited for any more. */
const NO_RIGHT = 300

/**
 * Ends everything that a contained child has started, and sees all of it gone: also what has left it by setsid, nohup
 * or a double fork, and when the child itself has long ended.
 *
 * The child's supervisor, which is the parent or a forefather of all of them, signals each by a pidfd. SIGKILL ends a
 * cgroup at once; what is in none is stopped first, so that it can start nothing while others are killed.
 *
 * @param child a child that `spawn()` started with `contain: true`
 * @param options those of `stopGroup()`; `allowSelf` changes nothing
 * @returns when the kernel knows no process of it any more, or some would not go
 * @throws `ERR_INVALID_ARG_TYPE` `child` is no `ChildProcess`; a wrong option
 * @throws `ERR_INVALID_ARG_VALUE` it is not contained; a signal that can't end a process
 * @throws `AbortError` `options.signal` was aborted
 * @throws `EMFILE`, `ENFILE` as `stopProcess()`
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
  const deadline = performance.now() + (timeout ?? Infinity)
  containment.hold()
  try {
    await ended(containment, timeout, signal)
    throwIfAborted(signal)
    if (containment.state === 'live') {
      throw stillRunning(containment.members().map(({ pid }) => pid))
    }
    if (!(await isEmptied(containment, deadline, signal))) {
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
  deadline: number,
  abort?: AbortSignal,
): Promise<boolean> {
  const cgroup = containment.openCgroup()
  if (cgroup === undefined) return containment.state === 'empty'
  try {
    while (!cgroup.isEmpty()) {
      throwIfAborted(abort)
      if (performance.now() >= deadline) throw stillRunning(cgroup.pids())
      await delay(PAUSE)
    }
    cgroup.remove()
  } finally {
    cgroup.close()
  }
  containment.state = 'empty'
  return true
}

function stillRunning(pids: number[]): Error {
  const text = `${pids.join(', ')} of it are still there when the time is over`
  return systemError(ETIMEDOUT, 'waitForContained', { reason: 'still-running', text, pids })
}

/** Fulfilled when the supervisor has ended, after `limit` ms, or when it is aborted. */
async function ended(
  containment: Containment,
  limit = Infinity,
  abort?: AbortSignal,
): Promise<void> {
  if (containment.state !== 'live') return
  const deadline = performance.now() + limit
  const over = new AbortController()
  const cancel = () => over.abort()
  containment.once('ended', cancel)
  abort?.addEventListener('abort', cancel)
  // Without a prototype: Node reads more options than `signal`, and would find them on Object.prototype.
  const options = { __proto__: null, signal: over.signal } as object
  do {
    const left = deadline - performance.now()
    await delay(Math.min(left, LONGEST), undefined, options).catch(() => undefined)
  } while (!over.signal.aborted && performance.now() < deadline)
  // A late event loop runs its timers before it reads what the supervisor has told.
  if (!over.signal.aborted) await immediate()
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
    const members = this.#members()
    if (members === undefined) return { outcome: 'survivors', survivors: [], hidden: true }
    const left = members.flatMap((info) => this.#memberOf(info))
    const { survivors, unseen } = await describeSurvivors(left, killed)
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
    const cgroup = containment.openCgroup()
    if (cgroup === undefined) return containment.state === 'empty'
    const deadline = performance.now() + KILL_WAIT
    try {
      while (!cgroup.isEmpty()) {
        if (performance.now() >= deadline) return false
        this.#escalated = true
        const pids = cgroup.pids()
        if (cgroup.kill()) for (const pid of pids) this.#sent.add(pid)
        else await this.#killEach(cgroup)
        await delay(PAUSE)
      }
      cgroup.remove()
    } finally {
      cgroup.close()
    }
    containment.state = 'empty'
    return true
  }

  /** Each is named first. Then it is still in the cgroup, or is left alone. */
  async #killEach(cgroup: Cgroup): Promise<void> {
    const named = cgroup.pids().flatMap((pid) => nameOf(pid) ?? [])
    const still = new Set(cgroup.pids())
    const options = { killSignal: 'SIGKILL', escalate: false, grace: PAUSE } as const
    for (const identity of named.filter(({ pid }) => still.has(pid))) {
      const { signalled } = await stopProcess(identity, options)
      for (const pid of signalled) this.#sent.add(pid)
    }
  }

  /** undefined: /proc is not there, or hides some. */
  #members(): ProcessInfo[] | undefined {
    try {
      return this.#containment.members()
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EMFILE' || code === 'ENFILE') throw error
      return undefined
    }
  }

  #isHopeless(): boolean {
    const members = (this.#denied.size > 0 ? this.#members() : undefined) ?? []
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

function nameOf(pid: number): ProcessIdentity | undefined {
  try {
    return identify(pid)
  } catch {
    return undefined
  }
}
