import { EPERM, ESRCH } from '../base/errno.ts'
import { checkInt32 } from '../base/check.ts'
import { systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { inFirstNamespace } from '../base/proc.ts'
import { type LookupOptions, throwIfNoEntry } from '../raw/session.ts'
import { eachProcess, inSlices, listProcessesSync, mayBeHidden, Query } from './list.ts'
import { SCOPE } from '../base/scope.ts'
import { hiddenError } from './row.ts'
import type { ListOptions, ProcessFilter, ProcessGroup, ProcessInfo, Session } from './types.ts'

/** Processes by session and by group. */
class Census {
  readonly sessions = new Map<number, Map<number, ProcessInfo[]>>()
  readonly #processes = new Map<number, ProcessInfo>()

  add(info: ProcessInfo): void {
    this.#processes.set(info.pid, info)
    let groups = this.sessions.get(info.sid)
    if (groups === undefined)
      this.sessions.set(info.sid, (groups = new Map<number, ProcessInfo[]>()))
    const group = groups.get(info.pgid)
    if (group === undefined) groups.set(info.pgid, [info])
    else group.push(info)
  }

  session(sid: number): Session {
    const byGroup = [...(this.sessions.get(sid) ?? [])].sort(([a], [b]) => a - b)
    const groups = byGroup.map(([pgid, members]) => this.group(pgid, sid, members))
    // What is gathered under 0 has no one terminal.
    const onTerminal =
      sid === 0
        ? undefined
        : byGroup.flatMap(([, members]) => members).find(({ tty }) => tty !== null)
    return {
      sid,
      leader: groups.find(({ pgid }) => pgid === sid)?.leader ?? null,
      tty: onTerminal?.tty ?? null,
      foreground: onTerminal?.tpgid ?? null,
      groups,
    }
  }

  group(pgid: number, sid: number, members: ProcessInfo[]): ProcessGroup {
    return {
      pgid,
      sid,
      leader: members.find(({ pid }) => pid === pgid) ?? null,
      members,
      foreground: members.some(({ tpgid }) => tpgid === pgid),
      orphaned: !members.some((info) =>
        isHeldBy(info, this.#processes.get(info.ppid) ?? placeOf(info.ppid)),
      ),
    }
  }
}

/** What the kernel's rules ask of a parent. */
type Place = Pick<ProcessInfo, 'pid' | 'sid' | 'pgid'>

/** The kernel gives these ids also of a process that /proc hides. */
function placeOf(pid: number): Place | undefined {
  if (pid === 0) return undefined
  const sid = native.getsid(pid)
  const pgid = native.getpgid(pid)
  return sid < 0 || pgid < 0 ? undefined : { pid, sid, pgid }
}

/**
 * Whether its parent keeps a process's group from being orphaned. The kernel looks away from
 * zombies, and from the machine's init (will_become_orphaned_pgrp in its kernel/exit.c).
 *
 * @internal
 */
export function isHeldBy(info: ProcessInfo, parent: Place | undefined): boolean {
  if (info.state === 'Z' || info.state === 'X' || parent?.sid !== info.sid) return false
  return parent.pgid !== info.pgid && !(parent.pid === 1 && inFirstNamespace())
}

/**
 * Every session with its process groups and their members, by session ID.
 *
 * @throws as `processInfo()`, never `ESRCH`
 * @platform Linux; macOS compiled only
 * @see credentials(7)
 */
export async function listSessions(): Promise<Session[]> {
  return sessionsOf({}, {}, 'listSessions')
}

/**
 * The same of some processes, with more of each.
 *
 * @internal
 */
export async function sessionsOf(
  filter: ProcessFilter,
  options: ListOptions,
  call: string,
): Promise<Session[]> {
  const census = new Census()
  await eachProcess(new Query(filter, options, call), (info) => census.add(info))
  const sids = [...census.sessions.keys()].sort((a, b) => a - b)
  const sessions: Session[] = []
  await inSlices(sids, (sid) => sessions.push(census.session(sid)))
  return sessions
}

/**
 * One session, its table read in another thread, and how many of it show nothing but their pids. undefined:
 * there is none.
 *
 * @internal
 */
export async function readSession(
  sid: number,
  call: string,
): Promise<{ session: Session; hidden: number } | undefined> {
  const census = new Census()
  const hidden = await eachProcess(new Query({ sid }, {}, call), (info) => census.add(info))
  return census.sessions.size > 0 ? { session: census.session(sid), hidden } : undefined
}

/**
 * One session with its process groups and their members.
 *
 * @param sid session ID; 0 gathers what has no session here (Linux): see `ProcessInfo.sid`
 * @param options `throwIfNoEntry: false` gives `undefined` when there is no such session
 * @throws `ESRCH` no process is in session `sid`
 * @throws `EPERM` none can be seen, and /proc is mounted with `hidepid` (Linux; `reason: 'hidden'`)
 * @throws as `processInfo()` where /proc can't be read
 * @platform Linux; macOS compiled only
 */
export function inspectSession(
  sid: number,
  options?: LookupOptions & { throwIfNoEntry?: true },
): Session
export function inspectSession(sid: number, options: LookupOptions): Session | undefined
export function inspectSession(sid: number, options: LookupOptions = {}): Session | undefined {
  checkInt32(sid, 'sid')
  const throws = throwIfNoEntry(options)
  const census = new Census()
  for (const info of listProcessesSync({ sid })) census.add(info)
  if (census.sessions.size > 0) return census.session(sid)
  if (mayBeHidden(SCOPE.kSession, sid)) throw hiddenError(EPERM, 'inspectSession', `session ${sid}`)
  if (throws) throw systemError(ESRCH, 'inspectSession')
  return undefined
}

/**
 * One process group with its members.
 *
 * @param pgid process group ID
 * @param options `throwIfNoEntry: false` gives `undefined` when there is no such group
 * @throws `ESRCH` no process is in group `pgid`
 * @throws `EPERM` none can be seen, and /proc is mounted with `hidepid` (Linux; `reason: 'hidden'`)
 * @throws as `processInfo()` where /proc can't be read
 * @platform Linux; macOS compiled only
 */
export function inspectGroup(
  pgid: number,
  options?: LookupOptions & { throwIfNoEntry?: true },
): ProcessGroup
export function inspectGroup(pgid: number, options: LookupOptions): ProcessGroup | undefined
export function inspectGroup(pgid: number, options: LookupOptions = {}): ProcessGroup | undefined {
  checkInt32(pgid, 'pgid')
  const throws = throwIfNoEntry(options)
  const members = listProcessesSync({ pgid })
  const census = new Census()
  for (const info of members) census.add(info)
  const [first] = members
  if (first !== undefined) return census.group(pgid, first.sid, members)
  if (mayBeHidden(SCOPE.kGroup, pgid)) {
    throw hiddenError(EPERM, 'inspectGroup', `process group ${pgid}`)
  }
  if (throws) throw systemError(ESRCH, 'inspectGroup')
  return undefined
}
