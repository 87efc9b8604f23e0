import { constants } from 'node:os'
import { errnoOf, invalidArgValue, systemError } from '../base/errors.ts'
import { listProcessesSync } from '../inspect/list.ts'
import { isOver, type ProcessInfo, processInfo } from '../inspect/process.ts'
import { native } from '../base/native.ts'
import { killpg } from '../raw/session.ts'
import { checkBoolean, checkGroup, checkObject, signalNumber } from '../base/check.ts'

export interface SignalOptions {
  /** Allow it for the caller's own group or session, the caller included. Default: false. */
  allowSelf?: boolean | undefined
}

/** What became of a signal to many. Zombies are not counted. */
export interface SignalResult {
  /** The pids that were sent it. */
  signalled: number[]
  /** The live members that were not, each with the name of its error. */
  notSignalled: { pid: number; code: 'EPERM' }[]
}

const { SIGCONT } = constants.signals
const EPERM = errnoOf('EPERM')
const ESRCH = errnoOf('ESRCH')
const ENOSYS = errnoOf('ENOSYS')
/** A session that starts processes faster than this many rounds isn't caught up with. */
const MAX_ROUNDS = 100

/**
 * Sends a signal to every member of a process group at once, and says who got it.
 *
 * SIGSTOP and SIGCONT pause and resume a job. Nothing is waited for: `stopGroup()`
 * does that. A group that is gone gives an empty result.
 *
 * @param pgid process group ID, 2 or more; its leader may be gone
 * @param signal name or number. Default: `'SIGTERM'`
 * @throws `ERR_OUT_OF_RANGE` a group of 1 or less
 * @throws `ERR_INVALID_ARG_VALUE` the caller's own group, without `allowSelf`
 * @throws `EINVAL` no such signal number
 * @platform Linux
 * @see POSIX killpg()
 */
export function signalGroup(
  pgid: number,
  signal: NodeJS.Signals | number = 'SIGTERM',
  options: SignalOptions = {},
): SignalResult {
  checkGroup(pgid, 'pgid')
  const number = signalNumber(signal, 'signal')
  checkSelf('pgid', pgid, native.getpgrp(), options)
  const result: SignalResult = { signalled: [], notSignalled: [] }
  for (const info of listProcessesSync({ pgid }).filter((info) => !isOver(info))) {
    if (isAllowed(info, number)) result.signalled.push(info.pid)
    else result.notSignalled.push({ pid: info.pid, code: 'EPERM' })
  }
  if (result.signalled.length === 0) return result
  // One call, so that no member can start another in between.
  try {
    killpg(pgid, number)
  } catch (error) {
    // They have all ended since.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    result.signalled = []
  }
  return result
}

/**
 * Sends a signal to every process of a session, in all its groups, and says who
 * got it. Those that are started meanwhile get it too.
 *
 * Each is signalled through a pidfd, so that a recycled pid can't be hit.
 *
 * @param sid session ID, 2 or more; its leader may be gone
 * @param signal name or number. Default: `'SIGTERM'`
 * @throws as `signalGroup()`, of the caller's own session
 * @platform Linux
 * @see pidfd_send_signal(2)
 */
export function signalSession(
  sid: number,
  signal: NodeJS.Signals | number = 'SIGTERM',
  options: SignalOptions = {},
): SignalResult {
  checkGroup(sid, 'sid')
  const number = signalNumber(signal, 'signal')
  const self = checkSelf('sid', sid, native.getsid(0), options)
  const result: SignalResult = { signalled: [], notSignalled: [] }
  const seen = new Set([process.pid])
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const fresh = listProcessesSync({ sid }).filter((info) => !seen.has(info.pid) && !isOver(info))
    if (fresh.length === 0) break
    for (const { pid } of fresh) {
      seen.add(pid)
      const sent = signalMember(pid, sid, number)
      if (sent === 0) result.signalled.push(pid)
      else if (sent === EPERM) result.notSignalled.push({ pid, code: 'EPERM' })
      else if (sent !== ESRCH) throw systemError(sent, 'pidfd_send_signal')
    }
  }
  if (self) {
    result.signalled.push(process.pid)
    process.kill(process.pid, number)
  }
  return result
}

/** Whether the caller is meant too. */
function checkSelf(name: string, id: number, own: number, options: SignalOptions): boolean {
  checkObject(options, 'options')
  const { allowSelf = false } = options
  checkBoolean(allowSelf, 'options.allowSelf')
  if (id !== own) return false
  if (!allowSelf) throw invalidArgValue(name, id, "must not be the caller's own, without allowSelf")
  return true
}

/** By kill(2): SIGCONT is free within a session, the rest goes by user. */
function isAllowed(info: ProcessInfo, signal: number): boolean {
  if (signal === SIGCONT && info.sid === native.getsid(0)) return true
  try {
    return process.kill(info.pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EPERM'
  }
}

/** 0 or -errno; -ESRCH when that pid is no longer a process of the session. */
function signalMember(pid: number, sid: number, signal: number): number {
  const pidfd = native.pidfdOpen(pid)
  if (pidfd < 0 && pidfd !== ENOSYS) return pidfd
  try {
    // The pidfd holds whoever has the pid now.
    if (processInfo(pid, { throwIfNoEntry: false })?.sid !== sid) return ESRCH
    if (pidfd >= 0) return native.pidfdSignal(pidfd, signal, 0)
    process.kill(pid, signal)
    return 0
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno ?? ESRCH
  } finally {
    if (pidfd >= 0) native.close(pidfd)
  }
}
