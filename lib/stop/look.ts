// What a look at a group, a session or a process proves, and the wait from one look to the next.
import { setTimeout as delay } from 'node:timers/promises'
import { native } from '../base/native.ts'
import { waitForExit } from '../inspect/wait.ts'
import type { Report } from './report.ts'
import type { Target } from './target.ts'

/** `hidden`: the kernel says that there are members, and a look shows none. */
export type Verdict = 'live' | 'absent' | 'hidden' | 'unknown'

/** How many looks in a row may show no member of a group, while the kernel says that it has some. */
const LOOKS = 3

/**
 * Absence needs proof: the kernel's own answer, an empty look during which no process was started, or a second empty
 * look that began after the first.
 *
 * @param report the last look
 * @param lookAgain takes another one
 */
export async function verdictOf(
  { kind, id }: Target,
  report: Report,
  lookAgain: () => Promise<Report>,
): Promise<Verdict> {
  let last = report
  for (let look = 1; ; look++) {
    const { meaning, live, isEmptyGroup, zombies, wasAlone } = last
    if (meaning === 'taken') return 'absent'
    if (live > 0) return meaning === 'unknown' ? 'unknown' : 'live'
    if (kind === 'process' || (kind === 'group' && isEmptyGroup)) return 'absent'
    // The kernel says that the group has members: its zombies, this process, or members that /proc hides.
    const explained = kind === 'session' || zombies > 0 || id === native.getpgrp()
    if ((look > 1 || wasAlone) && explained) return 'absent'
    if (look > LOOKS) return 'hidden'
    last = await lookAgain()
  }
}

/** The shortest time in milliseconds for which a member is watched, as that costs about as much. */
const WATCHED = 4

/**
 * Fulfilled when a member has ended, after `limit` ms, or when `abort` is aborted. One member is watched, whatever
 * their number; where none can be, `pause` ms have to do.
 */
export async function memberEnds(
  { toWaitFor }: Report,
  limit: number,
  pause: number,
  abort: AbortSignal | undefined,
): Promise<void> {
  const over = new AbortController()
  const cancel = () => over.abort()
  abort?.addEventListener('abort', cancel)
  // Without a prototype: Node reads more options than `signal`, and would find them on Object.prototype.
  const options = { __proto__: null, signal: over.signal } as object
  const sleep = async (ms: number): Promise<void> => delay(Math.min(ms, limit), undefined, options)
  const boot = native.bootId()
  const waits: Promise<void>[] = []
  if (toWaitFor !== undefined && typeof boot === 'string' && limit > WATCHED) {
    const exit = waitForExit({ ...toWaitFor, bootId: boot }, { signal: over.signal })
    waits.push(
      sleep(limit),
      exit.catch(async () => sleep(pause)),
    )
  } else waits.push(sleep(pause))
  await Promise.race(waits).catch(() => undefined)
  over.abort()
  abort?.removeEventListener('abort', cancel)
  await Promise.allSettled(waits)
}
