import type { ChildProcess } from 'node:child_process'
import { ETIMEDOUT } from '../base/errno.ts'
import { aborted, systemError } from '../base/errors.ts'
import { checkWaitOptions } from '../inspect/wait.ts'
import type { WaitOptions } from '../inspect/types.ts'
import { memberEnds, verdictOf } from './look.ts'
import { nameMany } from './named.ts'
import type { Report } from './report.ts'
import type { Target } from './target.ts'

/**
 * The first pause between two looks and the longest, in milliseconds, where there is no member to watch: /proc hides
 * all of them, or no descriptor is free.
 */
const PAUSE = 4
const LONGEST_PAUSE = 250
/** A longer timer of Node's would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1

/**
 * Waits until a process group has no live member. A member that joins meanwhile is waited for too; a zombie has ended.
 *
 * It is fulfilled when that is proven: by the kernel's own answer, or by a second look after an empty one. While
 * members live nothing polls: one of them is watched at a time. A pending wait keeps the event loop alive.
 *
 * @param target process group ID, 2 or more, or a child that leads a group
 * @param options
 * @throws `AbortError` `options.signal` was aborted; its reason is the `cause`
 * @throws `ETIMEDOUT` live members are left after `options.timeout` (`reason: 'still-running'`, `pids`: those that
 * can be seen)
 * @throws `ERR_OUT_OF_RANGE` a group of 1 or less
 * @throws `ERR_INVALID_ARG_VALUE` the caller's own group; a live child that leads no group; the number of a live
 * process that is no group
 * @throws `ENOENT` /proc is not mounted, or shows another pid namespace (`reason: 'no-proc'`)
 * @throws `EMFILE`, `ENFILE` no descriptor is free to look with
 * @throws `EPERM`, `EACCES`, `ENOSYS` a sandbox refuses getpgid() or getsid(), which tell members from others
 * @platform Linux
 * @see killpg(3), pidfd_open(2)
 */
export async function waitForGroup(
  target: number | ChildProcess,
  options: WaitOptions = {},
): Promise<void> {
  return waitForMany('group', target, options)
}

/**
 * Waits until a session has no live member, in any of its groups.
 *
 * @param target session ID, 2 or more, or a child that leads a session
 * @param options
 * @throws as `waitForGroup()`
 * @platform Linux
 * @see pidfd_open(2)
 */
export async function waitForSession(
  target: number | ChildProcess,
  options: WaitOptions = {},
): Promise<void> {
  return waitForMany('session', target, options)
}

async function waitForMany(
  kind: 'group' | 'session',
  target: number | ChildProcess,
  options: WaitOptions,
): Promise<void> {
  const { signal, timeout } = checkWaitOptions(options)
  const named = nameMany(kind, target, ', which can not end before the caller does')
  if (signal?.aborted === true) {
    if (typeof named !== 'string') named.close()
    throw aborted(signal)
  }
  if (typeof named === 'string') return
  try {
    await waitUntilAbsent(named, signal, timeout)
  } finally {
    named.close()
  }
}

async function waitUntilAbsent(
  target: Target,
  abort: AbortSignal | undefined,
  timeout = Infinity,
): Promise<void> {
  const began = performance.now()
  const throwIfAborted = () => {
    if (abort?.aborted === true) throw aborted(abort)
  }
  for (let pause = PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    throwIfAborted()
    let report = await target.look(undefined, true)
    const verdict = await verdictOf(target, report, async () => {
      report = await target.look(undefined, true)
      return report
    })
    if (verdict === 'absent') return
    throwIfAborted()
    const left = timeout - (performance.now() - began)
    if (left <= 0) throw stillThere(target, report, timeout)
    await memberEnds(report, Math.min(left, LONGEST_TIMER), pause, abort)
  }
}

function stillThere({ kind, id }: Target, report: Report, timeout: number): Error {
  const pids = [...report.members()].filter(({ live }) => live).map(({ pid }) => pid)
  const list =
    pids.length === 0 ? 'has members that are hidden from here' : `has ${pids.join(', ')}`
  const name = kind === 'group' ? 'process group' : 'session'
  const text = `${name} ${id} still ${list} after ${timeout} ms`
  const call = kind === 'group' ? 'waitForGroup' : 'waitForSession'
  return systemError(ETIMEDOUT, call, { reason: 'still-running', text, pids })
}
