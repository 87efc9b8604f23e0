import { ESRCH } from '../base/errno.ts'
import { boolean, checkOptions, signalNumber } from '../base/check.ts'
import { native } from '../base/raw-native.ts'
import { checkGroup, checkInt32, checkMainThread } from '../base/quick.ts'
import { systemError } from '../base/system-error.ts'
import { whySetpgid, whySetsid } from './why.ts'

/** The options of `getsid()` and `getpgid()`. */
export interface LookupOptions {
  /** Throw when there is no such process. When false the result is `undefined`. Default: true. */
  throwIfNoEntry?: boolean | undefined
}

/**
 * Makes the calling process the leader of a new session and of a new process
 * group in it, with no controlling terminal.
 *
 * A process group leader is refused, and so is a process whose number is still
 * in use as a process group: use `detach()`, which gets there from both. Open
 * descriptors of the old terminal stay open. `process.ppid` doesn't change.
 *
 * @returns the new session ID, which is the pid (as the process sees it; in a
 * pid namespace that is its number there)
 * @throws `EPERM` some process, this one or another, has this pid as its process
 * group ID. `reason` is `'group-leader'` or `'group-in-use'`, `members` its pids.
 * @throws `ERR_WORKER_UNSUPPORTED_OPERATION` called in a worker thread
 * @platform Linux, macOS
 * @see POSIX setsid()
 * @see setsid(2)
 */
export function setsid(): number {
  checkMainThread('setsid')
  const sid = native.setsid()
  if (sid < 0) throw systemError(sid, 'setsid', whySetsid(sid))
  return sid
}

/**
 * The session ID of a process. Any process may be asked for, in any session.
 *
 * A zombie still has its session. On Linux, a session whose leader lives outside
 * the caller's pid namespace shows as 0.
 *
 * @param pid process ID; 0, the default, is the caller
 * @param options `throwIfNoEntry: false` gives `undefined` for a pid that is gone, without the price of an exception
 * @returns the session ID
 * @throws `ESRCH` there is no process `pid`
 * @platform Linux, macOS. Systems other than these may refuse another session's pid with EPERM.
 * @see POSIX getsid()
 * @see getsid(2)
 */
export function getsid(pid?: number, options?: LookupOptions & { throwIfNoEntry?: true }): number
export function getsid(pid: number | undefined, options: LookupOptions): number | undefined
export function getsid(pid = 0, options?: LookupOptions): number | undefined {
  checkInt32(pid, 'pid')
  const throws = options === undefined || throwIfNoEntry(options)
  const sid = native.getsid(pid)
  if (sid >= 0) return sid
  if (sid === ESRCH && !throws) return undefined
  throw systemError(sid, 'getsid')
}

/**
 * The process group ID of a process.
 *
 * @param pid process ID; 0, the default, is the caller
 * @param options `throwIfNoEntry: false` gives `undefined` for a pid that is gone
 * @returns the process group ID; 0 on Linux when the group's leader lives outside the caller's pid namespace
 * @throws `ESRCH` there is no process `pid`
 * @platform Linux, macOS
 * @see POSIX getpgid()
 * @see getpgid(2)
 */
export function getpgid(pid?: number, options?: LookupOptions & { throwIfNoEntry?: true }): number
export function getpgid(pid: number | undefined, options: LookupOptions): number | undefined
export function getpgid(pid = 0, options?: LookupOptions): number | undefined {
  checkInt32(pid, 'pid')
  const throws = options === undefined || throwIfNoEntry(options)
  const pgid = native.getpgid(pid)
  if (pgid >= 0) return pgid
  if (pgid === ESRCH && !throws) return undefined
  throw systemError(pgid, 'getpgid')
}

/** The option of that name, checked. @internal */
export function throwIfNoEntry(options: LookupOptions): boolean {
  // What most callers give. A call with it costs what one without costs.
  if (isPlain(options)) {
    const names = Object.keys(options)
    if (names.length === 1 && names[0] === 'throwIfNoEntry') {
      const value: unknown = options.throwIfNoEntry
      if (typeof value === 'boolean') return value
      return value === undefined || boolean(value, 'options.throwIfNoEntry')
    }
  }
  return checkOptions(options, { throwIfNoEntry: boolean }).throwIfNoEntry ?? true
}

const isPlain = (value: unknown): value is LookupOptions =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * The caller's process group ID.
 *
 * @returns the process group ID
 * @platform Linux, macOS
 * @see POSIX getpgrp()
 * @see getpgrp(2)
 */
export function getpgrp(): number {
  const pgid = native.getpgrp()
  if (pgid < 0) throw systemError(pgid, 'getpgrp')
  return pgid
}

/**
 * Moves a process into a process group of its session, or makes it the leader of
 * a new one.
 *
 * Only the caller and children of it that have not called exec can be moved.
 * Node's children always have: give them their group with `spawn()`.
 *
 * @param pid process to move; 0, the default, is the caller
 * @param pgid group to join; 0, the default, is the number of `pid`, which makes a new group
 * @throws `EACCES` the child `pid` has already called exec (`reason: 'has-execed'`)
 * @throws `EINVAL` `pgid` is negative, or `pid` is a thread and not a process
 * @throws `EPERM` one of four causes, told apart by `reason`: `'session-leader'` (it can never change
 * its group), `'other-session'` (the child is not in the caller's session), `'no-such-group'` (no process
 * is in `pgid`), `'group-in-other-session'`
 * @throws `ESRCH` `pid` is neither the caller nor a child of it (`reason: 'not-a-child'` where it exists)
 * @throws `ERR_WORKER_UNSUPPORTED_OPERATION` called in a worker thread
 * @platform Linux, macOS
 * @see POSIX setpgid()
 * @see setpgid(2)
 */
export function setpgid(pid = 0, pgid = 0): void {
  checkMainThread('setpgid')
  checkInt32(pid, 'pid')
  checkInt32(pgid, 'pgid')
  const result = native.setpgid(pid, pgid)
  if (result < 0) throw systemError(result, 'setpgid', whySetpgid(result, pid, pgid))
}

/**
 * Sends a signal to every member of a process group that the caller may signal.
 *
 * It succeeds when one member could be signalled, and zombies count: success
 * doesn't mean that all were, nor that anyone is alive. `stopGroup()` looks.
 *
 * @param pgid process group ID, 2 or more: POSIX leaves the rest undefined, and kill(2) takes 0 for the
 * caller's own group and -1 for every process
 * @param signal name or number; 0 sends nothing and only checks. Default: `'SIGTERM'`
 * @throws `EINVAL` no such signal number
 * @throws `EPERM` the group has members, and the caller may signal none of them
 * @throws `ESRCH` there is no process group `pgid`
 * @platform Linux, macOS
 * @see POSIX killpg()
 * @see killpg(3)
 */
export function killpg(pgid: number, signal: NodeJS.Signals | number = 'SIGTERM'): void {
  checkGroup(pgid, 'pgid')
  const number = signalNumber(signal, 'signal')
  const result = native.killpg(pgid, number)
  if (result < 0) throw systemError(result, 'killpg')
}
