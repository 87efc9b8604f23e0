import type { ChildProcess } from 'node:child_process'
import { aborted, invalidArgType, invalidArgValue } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { checkGroup } from '../base/check.ts'
import { checkIdentity, isSameProcess } from '../inspect/process.ts'
import { tableError } from '../inspect/row.ts'
import { hasEnded, isChild } from '../spawn/child.ts'
import { hold, leaderOf } from '../spawn/leader.ts'
import { checkStopOptions } from './plan.ts'
import { settled, stopAll } from './rounds.ts'
import { Report } from './report.ts'
import { copyOf, idOf, type Kind, pidfdOf, Target } from './target.ts'
import type { ProcessIdentity } from '../inspect/types.ts'
import type { StopOptions, StopPlan, StopResult } from './types.ts'

export { checkStopOptions } from './plan.ts'

/** What a number or a child names: a target to stop, or the outcome when there is none. */
type Named = Target | 'already-gone' | 'stale'

/**
 * Ends one process and waits until it is gone: it sends the signal and SIGCONT, and after
 * `grace` SIGKILL. It leaves children alone: see `stopGroup()` and `stopSession()`.
 *
 * The signals go through a pidfd, taken before the process is compared with the
 * identity: so they can't hit another process that has got its pid meanwhile. If the kernel or a
 * sandbox refuses pidfds, the comparison comes right before the signal.
 *
 * @param target process ID, 2 or more, what `identify()` gave, or a child
 * @returns when it has ended or would not; never before it was looked at
 * @throws `ERR_INVALID_ARG_TYPE` no number, identity or `ChildProcess`
 * @throws `ERR_OUT_OF_RANGE` a pid of 1 or less; a number that is no signal's
 * @throws `ERR_INVALID_ARG_VALUE` the caller itself; a signal that can't end a process
 * @throws `ENOENT` /proc is not mounted, or shows another pid namespace (`reason: 'no-proc'`)
 * @throws `EMFILE`, `ENFILE` no descriptor is free
 * @throws `AbortError` `options.signal` was aborted
 * @platform Linux
 * @see pidfd_send_signal(2), kill(2)
 */
export async function stopProcess(
  target: number | ProcessIdentity | ChildProcess,
  options: StopOptions = {},
): Promise<StopResult> {
  const plan = checkStopOptions(options)
  return stopNamed(plan, nameProcess(target))
}

/**
 * Ends every member of a process group and sees all of them gone, also those that
 * are started meanwhile. The leader may have ended long ago.
 *
 * A child that `spawn()` started as the leader of a group is held from its start on: this is safe long after its
 * exit, when another process may have its number. A number means the group that has it at the call. If the
 * kernel can (Linux 6.9), the whole group gets its signal at once through its leader's pidfd. Otherwise each member
 * gets it through its own pidfd. A number that was free meanwhile is not signalled again.
 *
 * @param target process group ID, 2 or more, or a child that leads a group
 * @returns when no live member is left, which the kernel has confirmed, or some would not go
 * @throws `ERR_INVALID_ARG_TYPE` no number and no `ChildProcess`
 * @throws `ERR_OUT_OF_RANGE` a group of 1 or less; a number that is no signal's
 * @throws `ERR_INVALID_ARG_VALUE` our own group, without `allowSelf`; a live child that leads no group; the number
 * of a live process that is no group; a signal that can't end a process
 * @throws `ENOENT`, `EMFILE`, `ENFILE`, `AbortError` as `stopProcess()`
 * @platform Linux
 * @see killpg(3), pidfd_send_signal(2)
 */
export async function stopGroup(
  target: number | ChildProcess,
  options: StopOptions = {},
): Promise<StopResult> {
  const plan = checkStopOptions(options)
  return stopNamed(plan, nameMany('group', target, plan))
}

/**
 * Ends every process of a session, in all its groups, and sees them gone.
 *
 * No kernel object names a session. We trust its number as long as a member that was seen is still there, or the
 * kernel can't have given the number out again. A member that we can't prove to be of the session is a survivor,
 * `not-signalled`.
 *
 * @param target session ID, 2 or more, or a child that leads a session
 * @throws as `stopGroup()`
 * @platform Linux
 */
export async function stopSession(
  target: number | ChildProcess,
  options: StopOptions = {},
): Promise<StopResult> {
  const plan = checkStopOptions(options)
  return stopNamed(plan, nameMany('session', target, plan))
}

/**
 * A hold on a session, taken while its leader is there. It stops the rest of the session after the leader has ended:
 * then the session's number alone no longer tells whose session it is.
 *
 * @internal
 */
export interface SessionHold {
  /** Stops its leader alone. */
  stopLeader(options?: StopOptions): Promise<StopResult>
  /** Stops what is left of the session, and lets go of it. */
  stop(options?: StopOptions): Promise<StopResult>
  /** Lets go of it. */
  release(): void
}

/** undefined: that process is gone, or leads no session. @internal */
export function holdSession(identity: ProcessIdentity): SessionHold | undefined {
  const { pid, startTicks, bootId } = checkIdentity(identity, 'identity')
  // Our own session must not be stopped, and that of init can't be.
  if (pid <= 1 || startTicks === 0 || native.getsid(0) === pid) return undefined
  const target = leaderTarget('session', pid, pidfdOf(pid), startTicks)
  if (target === undefined || bootId !== boot() || native.getsid(pid) !== pid) {
    target?.close()
    return undefined
  }
  return holdOf(target)
}

const holdOf = (target: Target): SessionHold => ({
  stopLeader: async (options = {}) => stopAll(checkStopOptions(options), target.leader()),
  stop: async (options = {}) => stopAll(checkStopOptions(options), target),
  release: () => target.close(),
})

/**
 * The session that a process has left behind, from a look now. The caller must prove whose it is: after this look it
 * must find a member that descends from that process. No process can make that session again, so the look saw it too.
 * undefined: the session is empty, or another's.
 * @internal
 */
export function holdOrphans({ pid, startTicks }: ProcessIdentity): SessionHold | undefined {
  if (pid <= 1 || startTicks === 0 || native.getsid(0) === pid) return undefined
  const target = new Target('session', pid, { start: startTicks })
  const { meaning, live } = target.lookNow(undefined, true)
  return meaning === 'same' && live > 0 ? holdOf(target) : undefined
}

async function stopNamed(plan: StopPlan, named: Named): Promise<StopResult> {
  if (typeof named === 'string') return settled(named)
  const { signal } = plan
  if (signal?.aborted === true) {
    named.close()
    throw aborted(signal)
  }
  return stopAll(plan, named)
}

/** Looks at the leader and compares it with `start`; undefined: the leader is gone. */
function leaderTarget(kind: Kind, pid: number, pidfd: number, start = 0): Target | undefined {
  const named = { pidfd, start }
  const leader = new Target('process', pid, named)
  try {
    const before = leader.lookNow()
    if (before.meaning === 'same' && before.leader !== -1) {
      return new Target(kind, pid, { pidfd, start: before.leader, before })
    }
    leader.close()
    return undefined
  } catch (error) {
    leader.close()
    throw error
  }
}

function nameProcess(target: unknown): Named {
  if (isChild(target)) {
    if (target.pid === undefined || hasEnded(target)) return 'already-gone'
    return nameNumber(target.pid)
  }
  if (typeof target === 'number') return nameNumber(target)
  if (typeof target !== 'object' || target === null || Array.isArray(target)) {
    const expected = 'of type number, a ProcessIdentity or an instance of ChildProcess'
    throw invalidArgType('target', expected, target)
  }
  const identity = checkIdentity(target, 'target')
  const { pid, startTicks, bootId } = identity
  checkOther(pid, 'target.pid')
  // To native code a start of 0 means any process. Only kernel threads have that start, and no signal ends them.
  if (bootId !== boot() || (startTicks === 0 && !isSameProcess(identity))) {
    return idOf('group', pid) === undefined ? 'already-gone' : 'stale'
  }
  return new Target('process', pid, { start: startTicks })
}

/** The process that has the number now. */
function nameNumber(pid: number): Named {
  checkOther(pid, 'target')
  return leaderTarget('process', pid, -1) ?? 'already-gone'
}

function checkOther(pid: number, name: string): void {
  checkGroup(pid, name)
  if (pid === process.pid) {
    throw invalidArgValue('target', pid, 'must not be the caller itself')
  }
}

function nameMany(kind: 'group' | 'session', target: unknown, plan: StopPlan): Named {
  if (isChild(target)) return nameChild(kind, target, plan)
  if (typeof target !== 'number') {
    throw invalidArgType('target', 'of type number or an instance of ChildProcess', target)
  }
  checkGroup(target, 'target')
  refuseSelf(kind, target, plan)
  const place = idOf(kind, target)
  if (place !== undefined && place !== target && isEmpty(kind, target) && isLive(target)) {
    const why = `is the pid of a process and no ${nameOf(kind)}: that process is in ${nameOf(kind)} ${place}`
    throw invalidArgValue('target', target, why)
  }
  return new Target(kind, target, { pidfd: pidfdOf(target) })
}

function nameChild(kind: 'group' | 'session', child: ChildProcess, plan: StopPlan): Named {
  const { pid } = child
  // It was never started.
  if (pid === undefined) return 'already-gone'
  if (!hasEnded(child)) {
    const place = idOf(kind, pid)
    if (place !== undefined && place !== pid) {
      const why = `must be a child that leads a ${nameOf(kind)}: spawn it with ${kind}: 'new'. It is in ${nameOf(kind)} ${place}`
      throw invalidArgValue('target', pid, why)
    }
    refuseSelf(kind, pid, plan)
    hold(child)
    return leaderTarget(kind, pid, copyOf(leaderOf(child)?.pidfd ?? -1)) ?? 'already-gone'
  }
  const leader = leaderOf(child)
  if (leader?.left === 'nothing') return 'stale'
  if (leader?.left === 'no-group' && kind === 'group') return 'already-gone'
  refuseSelf(kind, pid, plan)
  const pidfd = copyOf(leader?.pidfd ?? -1)
  const mark = kind === 'session' ? leader?.mark : undefined
  if (mark !== undefined) return new Target(kind, pid, { pidfd, before: new Report(mark) })
  // We know only that this child has ended, as it was not held: another process with its number is a stranger.
  return new Target(kind, pid, { pidfd, start: -1 })
}

const nameOf = (kind: 'group' | 'session') => (kind === 'group' ? 'process group' : 'session')

function isEmpty(kind: 'group' | 'session', id: number): boolean {
  const { live, zombies } = new Target(kind, id).lookNow()
  return live + zombies === 0
}

const isLive = (pid: number) => pid === process.pid || new Target('process', pid).lookNow().live > 0

/** Refuses our own group or session, whether a number or a child names it. */
function refuseSelf(kind: 'group' | 'session', id: number, plan: StopPlan): void {
  if (plan.allowSelf || idOf(kind, 0) !== id) return
  const why = `must not be the caller's own ${nameOf(kind)}, without allowSelf`
  throw invalidArgValue('target', id, why)
}

function boot(): string {
  const result = native.bootId()
  if (typeof result === 'number') throw tableError(result, 'stop')
  return result
}
