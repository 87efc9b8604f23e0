import { EACCES, EPERM, ESRCH } from '../base/errno.ts'
import { type Reason, systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { memberIds, SCOPE } from '../base/scope.ts'
import {
  boolean,
  checkGroup,
  checkInt32,
  checkMainThread,
  checkObject,
  checkOptions,
  signalNumber,
} from '../base/check.ts'

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
  if (sid < 0) throw systemError(sid, 'setsid', sid === EPERM ? whySetsid() : undefined)
  return sid
}

function whySetsid(): Reason | undefined {
  const { pid } = process
  const members = memberIds(SCOPE.kGroup, pid)
  if (typeof members === 'number' || members.length === 0) return undefined
  const list = `(members ${members.join(', ')})`
  if (native.getpgrp() !== pid) {
    const text = `process group ${pid} is still in use ${list}`
    return { reason: 'group-in-use', text, pgid: pid, members }
  }
  const session = native.getsid(0) === pid ? ` and of session ${pid}` : ''
  const text = `already the leader of process group ${pid} ${list}${session}`
  return { reason: 'group-leader', text, pgid: pid, members }
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

const lookup = { throwIfNoEntry: boolean }

/** The option of that name, checked. @internal */
export function throwIfNoEntry(options: LookupOptions): boolean {
  checkObject(options, 'options')
  const names = Object.keys(options)
  if (names.length !== 1 || names[0] !== 'throwIfNoEntry') {
    return checkOptions(options, lookup).throwIfNoEntry ?? true
  }
  // What most callers give. A call with it costs what one without costs.
  const value = options.throwIfNoEntry
  return value === undefined || boolean(value, 'options.throwIfNoEntry')
}

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
 * Which of the kernel's reasons it was (sys_setpgid in kernel/sys.c), as far as it
 * can be seen afterwards: a security module may have had one of its own.
 */
function whySetpgid(result: number, pid: number, pgid: number): Reason | undefined {
  const target = pid === 0 ? process.pid : pid
  const theirs = native.getsid(target)
  if (theirs < 0) return undefined
  const isChild = target !== process.pid
  if (result === EACCES && isChild) {
    const text = `the child ${target} has already called exec`
    return { reason: 'has-execed', text, pid: target }
  }
  if (result === ESRCH && isChild) {
    const text = `process ${target} is neither the caller nor a child of it`
    return { reason: 'not-a-child', text, pid: target }
  }
  if (result !== EPERM) return undefined
  const session = native.getsid(0)
  if (theirs === target) {
    const text = `process ${target} is a session leader and keeps its group`
    return { reason: 'session-leader', text, pid: target, sid: target }
  }
  if (theirs !== session) {
    const text = `process ${target} is in session ${theirs}, the caller in ${session}`
    return { reason: 'other-session', text, pid: target, sid: theirs }
  }
  return whyNotGroup(pgid === 0 ? target : pgid)
}

/**
 * Why a process of our session can't join a group, as far as that can be seen.
 * @internal
 */
export function whyNotGroup(pgid: number): Reason | undefined {
  const session = native.getsid(0)
  if (native.killpg(pgid, 0) === ESRCH) {
    return { reason: 'no-such-group', text: `there is no process group ${pgid}`, pgid }
  }
  const sid = sessionOfGroup(pgid)
  if (sid === undefined || sid === session) return undefined
  const text = `process group ${pgid} is in session ${sid}, the caller in ${session}`
  return { reason: 'group-in-other-session', text, pgid, sid }
}

/**
 * The session of a process group, as long as it has members that we can see.
 * @internal
 */
export function sessionOfGroup(pgid: number): number | undefined {
  const members = memberIds(SCOPE.kGroup, pgid)
  const [member] = typeof members === 'number' ? [] : members
  const sid = member === undefined ? -1 : native.getsid(member)
  return sid < 0 ? undefined : sid
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
