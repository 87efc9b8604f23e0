import type { ChildProcess } from 'node:child_process'
import { ESRCH } from '../base/errno.ts'
import { native } from '../base/native.ts'
import { type Containment, containmentOf, programOf } from './contain.ts'

/**
 * A child that leads a process group, and perhaps a session, held by more than its number. The number is free for
 * others once the child was reaped and no member of its group or session is left.
 */
export interface Leader {
  readonly pid: number
  /** It names the group as long as it is open, even after the child was reaped; -1: we could get none. */
  pidfd: number
  /** Whether it leads a session too. */
  readonly session: boolean
  /** Whether its end was noted, which tells the rest. */
  ended: boolean
  /** What we know of the session's number at the child's end. A later look at the session goes on from it. */
  mark: ArrayBuffer | undefined
  /** What the child's end has shown: the group is empty, or another process has the number already. */
  left: 'unknown' | 'no-group' | 'nothing'
}

const leaders = new WeakMap<ChildProcess, Leader>()
const dropped = new FinalizationRegistry<Leader>(release)

/** Holds a child that was just spawned, before the event loop can come to reap it. Gives the child. */
export function holdSoon<T extends ChildProcess>(child: T): T {
  if (child.pid !== undefined) process.nextTick(holdNow, child)
  return child
}

function holdNow(child: ChildProcess): void {
  hold(child)
  // The supervisor of a contained child reaps it, and waits until we hold it.
  containmentOf(child)?.say('held')
}

/** Holds a child that was not reaped yet, from now on, if it leads its process group. */
export function hold(child: ChildProcess): void {
  const pid = programOf(child)
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  if (leaders.has(child) || native.getpgid(pid) !== pid) return
  // On an old kernel, or without a free descriptor, there is no pidfd: the number and the time of its end must do.
  const pidfd = Math.max(native.pidfdOpen(pid), -1)
  const session = native.getsid(pid) === pid
  const leader: Leader = { pid, pidfd, session, ended: false, mark: undefined, left: 'unknown' }
  leaders.set(child, leader)
  dropped.register(child, leader)
  child.prependOnceListener('exit', () => noteEnd(leader, containmentOf(child)))
}

/** What is held of a child, if it leads a group. */
export const leaderOf = (child: ChildProcess): Leader | undefined => leaders.get(child)

/** The same for a child that was reaped, also before Node has told of its end. */
export function endedLeaderOf(child: ChildProcess): Leader | undefined {
  const leader = leaders.get(child)
  if (leader !== undefined) noteEnd(leader, containmentOf(child))
  return leader
}

// Signal 0 asks, and reaches no process.
function noteEnd(leader: Leader, containment: Containment | undefined): void {
  if (leader.ended) return
  leader.ended = true
  // The kernel gives no pid to a process while it is the ID of a group or session. The program of a contained child
  // may still be there: its supervisor kills it when somebody has killed the process that stands for it.
  const isOther = () => containment === undefined || containment.isProgram() === false
  if (native.getsid(leader.pid) >= 0 && isOther()) leader.left = 'nothing'
  else if (native.killpg(leader.pid, 0) === ESRCH) leader.left = 'no-group'
  if (leader.session && leader.left !== 'nothing') leader.mark = native.stopMark()
  if (leader.left !== 'unknown') release(leader)
}

function release(leader: Leader): void {
  if (leader.pidfd >= 0) native.close(leader.pidfd)
  leader.pidfd = -1
}
