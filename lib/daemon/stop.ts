import { errnoOf, systemError } from '../base/errors.ts'
import {
  checkStopOptions,
  holdSession,
  type StopOptions,
  type StopResult,
  stopProcess,
} from '../stop/stop.ts'
import { checkPidFile, daemonStatus, PidFile, readStatus } from './pidfile.ts'

/**
 * Stops the daemon of a pidfile and sees it gone: SIGTERM to the daemon alone,
 * which knows best how to end its children; then what is left in its session.
 * The pidfile is gone afterwards, also a stale one.
 *
 * @param pidFile path
 * @returns `already-gone` where there is no pidfile; `stale` where it names nobody who lives
 * @throws `EBUSY` somebody holds the lock whom we can't name from here, such as a daemon in another
 * container (`reason: 'unknown-daemon'`); nothing was signalled
 * @throws as `daemonStatus()` and `stopProcess()`
 * @platform Linux
 */
export async function stopDaemon(pidFile: string, options: StopOptions = {}): Promise<StopResult> {
  checkPidFile(pidFile, 'pidFile')
  const { grace } = checkStopOptions(options)
  const { state, identity, locked } = await daemonStatus(pidFile)
  const result: StopResult = {
    outcome: state === 'stopped' ? 'already-gone' : 'stale',
    signalled: [],
    escalated: false,
    survivors: [],
    hidden: false,
    elapsed: 0,
  }
  if (state === 'stopped') return result
  if (state === 'stale') {
    if (!locked) await removeStale(pidFile)
    return result
  }
  if (identity === null) {
    const text = `${pidFile} is locked by a process that can't be named from here`
    const why = { reason: 'unknown-daemon', text, path: pidFile }
    throw systemError(errnoOf('EBUSY'), 'stopDaemon', why)
  }
  // Taken while the daemon is there: after its end the number alone would not say whose session it is.
  const hold = holdSession(identity)
  let rest = result
  let first: StopResult
  try {
    first = await stopProcess(identity, options)
    if (first.outcome === 'survivors') return first
    const left = Math.max(0, grace - first.elapsed)
    if (hold !== undefined) rest = await hold.stop({ ...options, grace: left })
  } finally {
    hold?.release()
  }
  await removeStale(pidFile)
  return {
    outcome: rest.outcome === 'survivors' ? 'survivors' : 'gone',
    signalled: [...first.signalled, ...rest.signalled],
    escalated: first.escalated || rest.escalated,
    survivors: rest.survivors,
    hidden: rest.hidden,
    elapsed: first.elapsed + rest.elapsed,
  }
}

/** How long the last threads of a process that has ended may still hold its lock, in milliseconds. */
const LAST_THREADS = 1000

/**
 * A daemon that was killed leaves its file. What is no pidfile, or another daemon's, stays.
 * The lock goes with the last thread, a little after the process is seen to have ended.
 */
async function removeStale(path: string): Promise<void> {
  const deadline = performance.now() + LAST_THREADS
  for (;;) {
    // Where there is none, to take it would make one, which a start at this moment would see.
    const { content } = readStatus(path)
    if (content === null || content === 'foreign') return
    try {
      PidFile.take(path).release()
      return
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return
      if (code !== 'EAGAIN') throw error
      if (performance.now() > deadline) return
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
