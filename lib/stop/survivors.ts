import { readFileSync } from 'node:fs'
import { identify, isDead, processInfo } from '../inspect/process.ts'
import type { Member } from './report.ts'
import type { ProcessInfo } from '../inspect/types.ts'
import type { Survivor } from './types.ts'

/** The longest that the event loop is held at a time, in milliseconds. */
const SLICE = 2

/** Which members are left, and why. `unseen`: there are some that /proc doesn't show. */
export async function describeSurvivors(
  members: Member[],
  killed: boolean,
): Promise<{ survivors: Survivor[]; unseen: boolean }> {
  const survivors: Survivor[] = []
  let unseen = false
  let end = performance.now() + SLICE
  for (const member of members) {
    const info = infoOf(member)
    if (info === 'unseen') unseen = true
    else if (info !== undefined) survivors.push({ ...info, reason: whySurvived(member, killed) })
    if (performance.now() < end) continue
    await new Promise(setImmediate)
    end = performance.now() + SLICE
  }
  return { survivors, unseen }
}

/** undefined: it has ended since. */
function infoOf({ pid, startTicks }: Member): ProcessInfo | 'unseen' | undefined {
  if (startTicks === 0) return 'unseen'
  try {
    const info = processInfo(pid, { throwIfNoEntry: false })
    // Another process may have its pid by now.
    if (info === undefined || isDead(info)) return undefined
    return identify(pid).startTicks === startTicks ? info : undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? undefined : 'unseen'
  }
}

function whySurvived({ pid, denied, sent }: Member, killed: boolean): Survivor['reason'] {
  if (denied) return 'EPERM'
  if (!sent) return 'not-signalled'
  if (isTraced(pid)) return 'traced'
  if (isFrozen(pid)) return 'frozen'
  return killed ? 'uninterruptible' : 'ignored'
}

const isTraced = (pid: number) => /^TracerPid:\t[1-9]/m.test(read(`/proc/${pid}/status`))

/** The freezer of a version 1 cgroup shows only in wchan, the place in the kernel where the process waits. */
function isFrozen(pid: number): boolean {
  if (/refrigerator|freezer_trap/.test(read(`/proc/${pid}/wchan`))) return true
  const group = /^0::(\/.*)$/m.exec(read(`/proc/${pid}/cgroup`))?.[1]
  if (group === undefined) return false
  const events = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].map((root) =>
    read(`${root}${group}/cgroup.events`),
  )
  return events.some((text) => /^frozen 1$/m.test(text))
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
