import { EINVAL } from '../base/errno.ts'
import { boolean, checkGroup, checkOptions, signalNumber } from '../base/check.ts'
import { invalidArgValue, systemError } from '../base/errors.ts'
import { MAX_SIGNAL } from '../base/signals.ts'
import { idOf, pidfdOf, Target } from './target.ts'
import type { SignalOptions, SignalResult } from './types.ts'

/**
 * Sends a signal to every member of a process group, and says which processes got it. Members that are started
 * meanwhile get it too.
 *
 * SIGSTOP and SIGCONT pause and resume a job. The call doesn't wait for the members: `stopGroup()`
 * does that. A group that is gone gives an empty result. While its leader is there, the whole group gets the signal
 * at once (Linux 6.9). Otherwise each member gets it through a pidfd.
 *
 * @param pgid process group ID, 2 or more; its leader may be gone
 * @param signal name or number. Default: `'SIGTERM'`
 * @throws `ERR_OUT_OF_RANGE` a group of 1 or less
 * @throws `ERR_INVALID_ARG_VALUE` the caller's own group, without `allowSelf`
 * @throws `EINVAL` no such signal number
 * @throws `ENOENT` /proc is not mounted, or shows another pid namespace (`reason: 'no-proc'`)
 * @throws `EMFILE`, `ENFILE` no descriptor is free
 * @throws `EPERM`, `EACCES`, `ENOSYS` a sandbox refuses getpgid() or getsid(), which tell members from others; nothing
 * was signalled
 * @platform Linux
 * @see POSIX killpg()
 * @see pidfd_send_signal(2)
 */
export function signalGroup(
  pgid: number,
  signal: NodeJS.Signals | number = 'SIGTERM',
  options: SignalOptions = {},
): SignalResult {
  return signalMany('group', 'pgid', pgid, signal, options)
}

/**
 * Sends a signal to every process of a session, in all its groups, and says which
 * processes got it. Those that are started meanwhile get it too.
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
  return signalMany('session', 'sid', sid, signal, options)
}

function signalMany(
  kind: 'group' | 'session',
  name: string,
  id: number,
  signal: NodeJS.Signals | number,
  options: SignalOptions,
): SignalResult {
  checkGroup(id, name)
  const number = signalNumber(signal, 'signal')
  if (number < 0 || number > MAX_SIGNAL) throw systemError(EINVAL, 'kill')
  const { allowSelf = false } = checkOptions(options, { allowSelf: boolean })
  const self = idOf(kind, 0) === id
  if (self && !allowSelf) {
    throw invalidArgValue(name, id, "must not be the caller's own, without allowSelf")
  }
  const result: SignalResult = { signalled: [], notSignalled: [] }
  const target = new Target(kind, id, { pidfd: pidfdOf(id) })
  try {
    for (const { pid, live, sent, denied } of target
      .lookNow({ signal: number, phase: 1 }, true)
      .members()) {
      if (sent) result.signalled.push(pid)
      else if (live && denied) result.notSignalled.push({ pid, code: 'EPERM' })
    }
  } finally {
    target.close()
  }
  if (self) {
    result.signalled.push(process.pid)
    // Last: it may end us.
    process.kill(process.pid, number)
  }
  return result
}
