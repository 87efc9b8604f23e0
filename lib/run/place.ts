// What a run can find, wait for and stop of what its program has started.
import type { ChildProcess } from 'node:child_process'
import { listProcessesSync } from '../inspect/list.ts'
import type { ProcessInfo } from '../inspect/types.ts'
import { isDead } from '../inspect/process.ts'
import { containmentOf } from '../spawn/contain.ts'
import { leaderOf } from '../spawn/leader.ts'
import { stopContained, waitForContained } from '../stop/contained.ts'
import { stopGroup, stopProcess, stopSession } from '../stop/stop.ts'
import type { StopOptions, StopResult } from '../stop/types.ts'
import { waitForGroup, waitForSession } from '../stop/wait.ts'

export interface Place {
  /** Whether nothing can leave it unseen. */
  isWhole(): boolean
  members(): ProcessInfo[]
  stop(options: StopOptions): Promise<StopResult>
  /** Fulfilled when nothing is left. */
  empty(signal: AbortSignal): Promise<void>
}

/** `child` has just been started. */
export function placeOf(child: ChildProcess): Place {
  const containment = containmentOf(child)
  if (containment !== undefined) {
    return {
      // Whoever kills the supervisor frees what it holds.
      isWhole: () => containment.state !== 'lost',
      members: () => containment.members(),
      stop: (options) => stopContained(child, options),
      empty: (signal) => waitForContained(child, { signal }),
    }
  }
  const pid = child.pid ?? 0
  const leader = leaderOf(child)
  if (leader === undefined) return alone(child)
  const [kind, stop, wait] = leader.session
    ? (['sid', stopSession, waitForSession] as const)
    : (['pgid', stopGroup, waitForGroup] as const)
  return {
    isWhole: () => false,
    members: () => {
      const all = leader.left === 'nothing' ? [] : listProcessesSync({ [kind]: pid })
      // The leader has ended: a process with its number is the leader of strangers.
      const strange = leader.ended && all.some((info) => info.pid === pid)
      return strange ? [] : all.filter((info) => !isDead(info))
    },
    stop: (options) => stop(child, options),
    empty: (signal) => wait(child, { signal }),
  }
}

/** The program alone: it shares our own group or another's. */
const alone = (child: ChildProcess): Place => ({
  isWhole: () => false,
  members: () => [],
  stop: (options) => stopProcess(child, options),
  empty: () => Promise.resolve(),
})
