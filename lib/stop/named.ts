// Which process, group or session a number, a child or an identity means.
import type { ChildProcess } from 'node:child_process'
import { checkGroup, isChild } from '../base/check.ts'
import { invalidArgType, invalidArgValue } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { checkIdentity, isSameProcess } from '../inspect/process.ts'
import { tableError } from '../inspect/row.ts'
import { hasEnded } from '../spawn/child.ts'
import { containmentOf, programOf } from '../spawn/contain.ts'
import { endedLeaderOf, hold, leaderOf } from '../spawn/leader.ts'
import { Report } from './report.ts'
import { copyOf, idOf, type Kind, pidfdOf, Target } from './target.ts'

/** What is meant, or how it is when there is nothing. */
export type Named = Target | 'already-gone' | 'stale'

/** The words that say why the caller's own group or session is refused; undefined where it is not. */
type Refusal = string | undefined

/** Looks at the leader and compares it with `start`; undefined: the leader is gone. */
export function leaderTarget(
  kind: Kind,
  pid: number,
  pidfd: number,
  start = 0,
): Target | undefined {
  const named = { pidfd, start }
  const leader = new Target('process', pid, named)
  try {
    const before = leader.lookNow()
    if (before.meaning === 'same' && before.leader !== -1) {
      return new Target(kind, pid, { pidfd, start: before.leader, before })
    }
    leader.close()
    return undefined
  } catch (error) {
    leader.close()
    throw error
  }
}

export function nameProcess(target: unknown): Named {
  if (isChild(target)) {
    if (target.pid === undefined || hasEnded(target)) return 'already-gone'
    const program = containmentOf(target)?.program
    if (program !== undefined)
      return new Target('process', program.pid, { start: program.startTicks })
    return nameNumber(target.pid)
  }
  if (typeof target === 'number') return nameNumber(target)
  if (typeof target !== 'object' || target === null || Array.isArray(target)) {
    const expected = 'of type number, a ProcessIdentity or an instance of ChildProcess'
    throw invalidArgType('target', expected, target)
  }
  const identity = checkIdentity(target, 'target')
  const { pid, startTicks, bootId } = identity
  checkOther(pid, 'target.pid')
  // To native code a start of 0 means any process. Only kernel threads have that start, and no signal ends them.
  if (bootId !== boot() || (startTicks === 0 && !isSameProcess(identity))) {
    return idOf('group', pid) === undefined ? 'already-gone' : 'stale'
  }
  return new Target('process', pid, { start: startTicks })
}

/** The process that has the number now. */
function nameNumber(pid: number): Named {
  checkOther(pid, 'target')
  return leaderTarget('process', pid, -1) ?? 'already-gone'
}

function checkOther(pid: number, name: string): void {
  checkGroup(pid, name)
  if (pid === process.pid) {
    throw invalidArgValue('target', pid, 'must not be the caller itself')
  }
}

/** What a group's or session's number means, or a child that leads one. */
export function nameMany(kind: 'group' | 'session', target: unknown, refusal: Refusal): Named {
  if (isChild(target)) return nameChild(kind, target, refusal)
  if (typeof target !== 'number') {
    throw invalidArgType('target', 'of type number or an instance of ChildProcess', target)
  }
  checkGroup(target, 'target')
  refuseSelf(kind, target, refusal)
  const place = idOf(kind, target)
  if (place !== undefined && place !== target && isEmpty(kind, target) && isLive(target)) {
    const why = `is the pid of a process and no ${nameOf(kind)}: that process is in ${nameOf(kind)} ${place}`
    throw invalidArgValue('target', target, why)
  }
  return new Target(kind, target, { pidfd: pidfdOf(target) })
}

function nameChild(kind: 'group' | 'session', child: ChildProcess, refusal: Refusal): Named {
  const pid = programOf(child)
  // It was never started.
  if (pid === undefined) return 'already-gone'
  const containment = containmentOf(child)
  // Node reaps all children that have ended before it tells of the first one: of the others it does not know yet. The
  // number of a contained child's program is free as soon as its supervisor has reaped it.
  const there = !hasEnded(child) && containment?.isProgram() !== false
  const place = there ? idOf(kind, pid) : undefined
  if (place !== undefined) {
    if (place !== pid) {
      const why = `must be a child that leads a ${nameOf(kind)}: spawn it with ${kind}: 'new'. It is in ${nameOf(kind)} ${place}`
      throw invalidArgValue('target', pid, why)
    }
    refuseSelf(kind, pid, refusal)
    hold(child)
    const start = containment?.program.startTicks
    const target = leaderTarget(kind, pid, copyOf(leaderOf(child)?.pidfd ?? -1), start)
    // Otherwise it was reaped in this moment, by other code than Node's.
    if (target !== undefined) return target
  }
  const leader = endedLeaderOf(child)
  if (leader?.left === 'nothing') return 'stale'
  if (leader?.left === 'no-group' && kind === 'group') return 'already-gone'
  refuseSelf(kind, pid, refusal)
  const pidfd = copyOf(leader?.pidfd ?? -1)
  const mark = kind === 'session' ? leader?.mark : undefined
  if (mark !== undefined) return new Target(kind, pid, { pidfd, before: new Report(mark) })
  // We know only that this child has ended, as it was not held: another process with its number is a stranger.
  return new Target(kind, pid, { pidfd, start: -1 })
}

const nameOf = (kind: 'group' | 'session') => (kind === 'group' ? 'process group' : 'session')

function isEmpty(kind: 'group' | 'session', id: number): boolean {
  const { live, zombies } = new Target(kind, id).lookNow()
  return live + zombies === 0
}

const isLive = (pid: number) => pid === process.pid || new Target('process', pid).lookNow().live > 0

function refuseSelf(kind: 'group' | 'session', id: number, refusal: Refusal): void {
  if (refusal === undefined || idOf(kind, 0) !== id) return
  throw invalidArgValue('target', id, `must not be the caller's own ${nameOf(kind)}${refusal}`)
}

export function boot(): string {
  const result = native.bootId()
  if (typeof result === 'number') throw tableError(result, 'stop')
  return result
}
