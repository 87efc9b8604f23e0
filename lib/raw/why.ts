import { EACCES, EIO, ENOTTY, EPERM, ESRCH } from '../base/errno.ts'
import { type Reason, systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { memberIds, SCOPE } from '../base/scope.ts'

// Why raw calls have failed. An import does not load this.

/** Why setsid(2) has failed. */
export function whySetsid(result: number): Reason | undefined {
  if (result !== EPERM) return undefined
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
 * Which of the kernel's reasons it was (sys_setpgid in kernel/sys.c), as far as it
 * can be seen afterwards: a security module may have had one of its own.
 */
export function whySetpgid(result: number, pid: number, pgid: number): Reason | undefined {
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
function sessionOfGroup(pgid: number): number | undefined {
  const members = memberIds(SCOPE.kGroup, pgid)
  const [member] = typeof members === 'number' ? [] : members
  const sid = member === undefined ? -1 : native.getsid(member)
  return sid < 0 ? undefined : sid
}

/** The error of a tcsetpgrp() that has failed. @internal */
export function setForegroundError(result: number, fd: number, pgid: number): Error {
  const why = result === EPERM ? whyNotForeground(pgid) : whyNotTerminal(result, fd)
  return systemError(result, 'tcsetpgrp', why)
}

/** Why a call refused a descriptor as a terminal. @internal */
export function whyNotTerminal(result: number, fd: number): Reason | undefined {
  if (result !== ENOTTY && result !== EIO) return undefined
  // A terminal that has hung up answers every call by EIO, but for tcsetpgrp, and
  // isatty() calls it none (hung_up_tty_ioctl in drivers/tty/tty_io.c).
  if (native.tcgetpgrp(fd) === EIO) {
    return { reason: 'hung-up', text: `the terminal of descriptor ${fd} has hung up`, fd }
  }
  if (result === EIO) return undefined
  const name = native.ttyname(fd)
  if (name === ENOTTY) {
    return { reason: 'not-a-terminal', text: `descriptor ${fd} is not a terminal`, fd }
  }
  const which = typeof name === 'string' ? name : `descriptor ${fd}`
  const text = `${which} is not the controlling terminal of process ${process.pid}`
  return { reason: 'not-controlling', text, fd }
}

/** Why a terminal has no name. */
export const whyNoName = (result: number, fd: number): Reason | undefined =>
  result === EIO ? whyNotTerminal(result, fd) : undefined

function whyNotForeground(pgid: number): Reason | undefined {
  const session = native.getsid(0)
  const sid = sessionOfGroup(pgid) ?? native.getsid(pgid)
  if (sid < 0 || sid === session) return undefined
  const text = `process group ${pgid} is in session ${sid}, the caller in ${session}`
  return { reason: 'group-in-other-session', text, pgid, sid }
}
