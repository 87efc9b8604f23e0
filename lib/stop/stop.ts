import type { ChildProcess } from 'node:child_process'
import { aborted } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { checkIdentity } from '../inspect/process.ts'
import { boot, leaderTarget, type Named, nameMany, nameProcess } from './named.ts'
import { checkStopOptions } from './plan.ts'
import { settled, stopAll } from './rounds.ts'
import { pidfdOf, Target } from './target.ts'
import type { ProcessIdentity } from '../inspect/types.ts'
import type { StopOptions, StopPlan, StopResult } from './types.ts'

/** @internal */
export { checkStopOptions } from './plan.ts'

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
 * @throws `EPERM`, `EACCES`, `ENOSYS` a sandbox refuses getpgid() or getsid(), which tell members from others; nothing
 * was signalled
 * @platform Linux
 * @see killpg(3), pidfd_send_signal(2)
 */
export async function stopGroup(
  target: number | ChildProcess,
  options: StopOptions = {},
): Promise<StopResult> {
  const plan = checkStopOptions(options)
  return stopNamed(plan, nameMany('group', target, refusalOf(plan)))
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
  return stopNamed(plan, nameMany('session', target, refusalOf(plan)))
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

const refusalOf = ({ allowSelf }: StopPlan) => (allowSelf ? undefined : ', without allowSelf')

async function stopNamed(plan: StopPlan, named: Named): Promise<StopResult> {
  if (typeof named === 'string') return settled(named)
  const { signal } = plan
  if (signal?.aborted === true) {
    named.close()
    throw aborted(signal)
  }
  return stopAll(plan, named)
}
