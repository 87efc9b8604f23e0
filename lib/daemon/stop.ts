import { resolve } from 'node:path'
import { string } from '../base/check.ts'
import { checkHost } from '../base/host.ts'
import { EBUSY } from '../base/errno.ts'
import { native } from '../base/native.ts'
import { identify, isSameProcess } from '../inspect/process.ts'
import { sessionMembers } from '../inspect/list.ts'
import {
  checkStopOptions,
  holdOrphans,
  holdSession,
  type SessionHold,
  stopProcess,
} from '../stop/stop.ts'
import { settled } from '../stop/rounds.ts'
import { PidFile } from './pidfile.ts'
import { type Judged, judgeNamed, judgePath, unknownDaemon } from './status.ts'
import { reaches } from './trust.ts'
import type { ProcessIdentity } from '../inspect/types.ts'
import type { StopOptions, StopPlan, StopResult } from '../stop/types.ts'

/**
 * Stops the daemon of a pidfile and waits until it is gone. First it sends SIGTERM to the daemon
 * alone, which knows best how to end its children; then it stops the rest of the session.
 * It also removes the pidfile, even a stale one, unless it is not ours to remove: another user's, or
 * for root one in another user's folder.
 *
 * If another user could have written the pidfile, the call stops only processes of that user. If the daemon has ended
 * and members of its session still hold its lock, the call stops those.
 *
 * @param pidFile path
 * @returns `already-gone` where there is no pidfile; `stale` where it names no process that lives
 * @throws `EBUSY` it can't be told whether the daemon runs, or whose process it is (`reason: 'other-program'`,
 * `'held-by-another'`, `'other-namespace'`, `'hidden'`, `'lock-hidden'`, `pids`); nothing was signalled or removed
 * @throws `EPERM` its author may not signal the process that it names (`reason: 'untrusted-pidfile'`, `pids`)
 * @throws `EINVAL` it has no pid (`reason: 'not-a-pidfile'`)
 * @throws `ERR_RUNTIME_UNSUPPORTED` the runtime is Deno
 * @throws as `daemonStatus()` and `stopProcess()`
 * @platform Linux
 */
export async function stopDaemon(pidFile: string, options: StopOptions = {}): Promise<StopResult> {
  const path = resolve(string(pidFile, 'pidFile'))
  const plan = checkStopOptions(options)
  checkHost('stopDaemon()')
  return stopAt(path, plan)
}

async function stopAt(path: string, plan: StopPlan): Promise<StopResult> {
  const judged = await judgeNamed(path)
  const { state, identity } = judged
  if (state === 'stopped') return settled('already-gone')
  if (state === 'stale') {
    await removeStale(path)
    return settled('stale')
  }
  if (state === 'running' && identity !== null) {
    const result = await stopNamed(judged, identity, plan)
    // The daemon has ended since the pidfile was judged: judge the pidfile again.
    if (result === undefined) return stopAt(path, plan)
    if (result.outcome !== 'survivors') await removeStale(path)
    return result
  }
  const orphans = await orphansOf(judged, path)
  if (orphans === undefined) {
    // They may have ended meanwhile.
    if (judgePath(path).state !== 'unknown') return stopAt(path, plan)
    throw unknownDaemon(EBUSY, path, judged)
  }
  const result = await orphans.stop(plan)
  if (result.outcome !== 'survivors') await removeStale(path)
  return result
}

async function stopNamed(
  { found }: Judged,
  identity: ProcessIdentity,
  plan: StopPlan,
): Promise<StopResult | undefined> {
  const { pid } = identity
  const author = found?.author ?? 'anyone'
  // Take it while the daemon lives: after its end the number alone doesn't tell whose session it is.
  const hold = holdSession(identity)
  if (hold === undefined && !isSameProcess(identity)) return undefined
  try {
    // The session of another user's daemon may contain processes that this user may not stop.
    const own =
      author === 'trusted'
        ? []
        : sessionMembers(pid)
            .filter((member) => reaches(author, member) === true)
            .flatMap(named)
    const first = await (hold?.stopLeader(plan) ?? stopProcess(identity, plan))
    if (first.outcome === 'survivors' || hold === undefined) return first
    const rest = { ...plan, grace: Math.max(0, plan.grace - first.elapsed) }
    if (author === 'trusted') return together([first, await hold.stop(rest)])
    return together([first, await stopAll(own, rest)])
  } finally {
    hold?.release()
  }
}

/** How long we look for members that start a successor and end, in milliseconds. */
const HAND_OVER = 500

/**
 * The session of a daemon that has ended, if only its members hold the daemon's lock: the file is ours, and all holders
 * are in the session that the daemon led. Each holder of the lock descends from the daemon, and the daemon can't lead a
 * new session any more. So a holder in the session proves that the look before saw the daemon's session. Then the
 * caller stops all of it, even if its members start successors.
 */
async function orphansOf(judged: Judged, path: string): Promise<SessionHold | undefined> {
  const { reason, found } = judged
  const identity = found?.content.identity
  if (reason !== 'held-by-another' || found?.author !== 'trusted' || !identity) return undefined
  const deadline = performance.now() + HAND_OVER
  for (;;) {
    const hold = holdOrphans(identity)
    const sids = (judgePath(path).pids ?? [])
      .map((pid) => native.getsid(pid))
      .filter((sid) => sid >= 0)
    const areAll = sids.length > 0 && sids.every((sid) => sid === identity.pid)
    // If another process has the daemon's number now, it leads another session of that number.
    const isTaken = native.getsid(identity.pid) >= 0 && !isSameProcess(identity)
    if (hold !== undefined && areAll && !isTaken) return hold
    hold?.release()
    // Try again only if no holder was seen: each may have ended before it was asked.
    if (sids.length > 0 || performance.now() > deadline) return undefined
    await new Promise((done) => setTimeout(done, 2))
  }
}

/** The identity of a process, as a list: it is empty if the process has ended. */
function named(pid: number): ProcessIdentity[] {
  try {
    return [identify(pid)]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return []
    throw error
  }
}

const stopAll = async (all: ProcessIdentity[], options: StopOptions): Promise<StopResult> =>
  together(await Promise.all(all.map((each) => stopProcess(each, options))))

function together(results: StopResult[]): StopResult {
  const survivors = results.flatMap((result) => result.survivors)
  return {
    ...settled(survivors.length > 0 ? 'survivors' : 'gone'),
    signalled: results.flatMap((result) => result.signalled),
    escalated: results.some((result) => result.escalated),
    survivors,
    elapsed: results.reduce((sum, { elapsed }) => sum + elapsed, 0),
    hidden: results.some(({ hidden }) => hidden),
  }
}

/** How long the last threads of a process that has ended may still hold its lock, in milliseconds. */
const LAST_THREADS = 1000

/**
 * Removes the file that a killed daemon has left. A file that is not ours, or another daemon's by now, stays.
 * The kernel releases the lock with the last thread, a little after the process is seen to have ended.
 */
async function removeStale(path: string): Promise<void> {
  const deadline = performance.now() + LAST_THREADS
  for (;;) {
    // If there is no file, take() would create a lock, and a start at this moment would see it.
    if (judgePath(path).found === undefined) return
    try {
      PidFile.take(path).release()
      return
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return
      if (code !== 'EAGAIN') throw error
      if (performance.now() > deadline) return
    }
    await new Promise((done) => setTimeout(done, 10))
  }
}
