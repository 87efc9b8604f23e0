import { EPERM, ESRCH } from '../base/errno.ts'
import { boolean, type Check, checkInt32, checkOptions, integer } from '../base/check.ts'
import { invalidArgType, outOfRange } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { procHides } from '../base/proc.ts'
import { memberIds, SCOPE } from '../base/scope.ts'
import { hiddenError, Rows, tableError, withArgs } from './row.ts'
import type { ListOptions, ProcessFilter, ProcessInfo } from './types.ts'

/**
 * Whether a session or group of which /proc shows no member may have members that it hides. That a group has none the
 * kernel itself can say.
 *
 * @internal
 */
export const mayBeHidden = (scope: number, id: number): boolean =>
  procHides() !== false && !(scope === SCOPE.kGroup && native.killpg(id, 0) === ESRCH)

function members(scope: number, id: number, call: string): number[] {
  const ids = memberIds(scope, id)
  if (typeof ids === 'number') throw tableError(ids, call)
  if (ids.length === 0 && mayBeHidden(scope, id)) {
    const kind = scope === SCOPE.kGroup ? 'process group' : 'session'
    throw hiddenError(EPERM, call, `${kind} ${id}`)
  }
  return ids
}

/**
 * The processes of a session, zombies too.
 *
 * It asks for ids alone, which is many times faster than a list with all fields.
 *
 * @param sid session ID. 0 gathers what has no session here (Linux): see `ProcessInfo.sid`
 * @returns process IDs; none when there is no such session. `hidepid` leaves out what the caller may not see
 * @throws `EPERM` none can be seen, and /proc is mounted with `hidepid` (Linux; `reason: 'hidden'`)
 * @throws `ENOENT` /proc is not mounted, or shows another pid namespace (Linux; `reason: 'no-proc'`)
 * @throws `EMFILE`, `ENFILE` no descriptor is free (Linux)
 * @platform Linux; macOS compiled only
 * @see POSIX getsid()
 */
export function sessionMembers(sid: number): number[] {
  checkInt32(sid, 'sid')
  return members(SCOPE.kSession, sid, 'sessionMembers')
}

/**
 * The processes of a process group, zombies too.
 *
 * @param pgid process group ID
 * @returns process IDs; none when there is no such group. `hidepid` leaves out what the caller may not see
 * @throws `EPERM` none can be seen, and /proc is mounted with `hidepid` (Linux; `reason: 'hidden'`)
 * @throws `ENOENT` /proc is not mounted, or shows another pid namespace (Linux; `reason: 'no-proc'`)
 * @throws `EMFILE`, `ENFILE` no descriptor is free (Linux)
 * @platform Linux; macOS compiled only
 * @see POSIX getpgid()
 */
export function groupMembers(pgid: number): number[] {
  checkInt32(pgid, 'pgid')
  return members(SCOPE.kGroup, pgid, 'groupMembers')
}

const id = integer(-(2 ** 31))

const ttyOrNull: Check<string | null> = (value, name) => {
  if (value === null || typeof value === 'string') return value
  throw invalidArgType(name, 'of type string or null', value)
}

const userId: Check<number> = (value, name) => {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value)
  if (value >>> 0 !== value) throw outOfRange(name, '>= 0 && <= 4294967295', value)
  return value
}

/**
 * A filter: the narrowest scope that the kernel's own ids select, and what is left to compare row by row.
 *
 * @internal
 */
export class Query {
  readonly scope: number
  readonly id: number
  /** How many of its processes showed nothing but their pids, once all have been matched. */
  hidden = 0
  readonly #call: string
  readonly #args: boolean
  readonly #wanted: [keyof ProcessFilter, string | number | null][]

  constructor(filter: ProcessFilter, options: ListOptions, call: string) {
    const checked = checkOptions(
      filter,
      { sid: id, pgid: id, tty: ttyOrNull, uid: userId },
      'filter',
    )
    const { sid, pgid } = checked
    this.scope = pgid !== undefined ? SCOPE.kGroup : sid !== undefined ? SCOPE.kSession : SCOPE.kAll
    this.id = pgid ?? sid ?? 0
    this.#wanted = (['sid', 'pgid', 'tty', 'uid'] as const).flatMap((key) => {
      const value = checked[key]
      return value === undefined ? [] : [[key, value]]
    })
    this.#args = checkOptions(options, { args: boolean }).args ?? false
    this.#call = call
  }

  rows(result: ArrayBuffer | number): Rows {
    if (typeof result === 'number') throw tableError(result, this.#call)
    return new Rows(result)
  }

  *matches(rows: Rows): Generator<ProcessInfo> {
    for (let row = 0; row < rows.count; row++) {
      if (rows.isHidden(row)) {
        this.hidden++
        continue
      }
      const info = rows.info(row)
      if (!this.#wanted.every(([key, value]) => info[key] === value)) continue
      const found = this.#args ? withArgs(info, rows.startTicks(row), this.#call) : info
      if (found !== undefined) yield found
    }
  }
}

/**
 * Every process, or those that match a filter, as it stands while /proc is read:
 * the list is no snapshot. A process that vanishes meanwhile is left out; so is,
 * where /proc is mounted with `hidepid`, what the caller may not see.
 *
 * @param filter default: all. A field that is none of ours is an error
 * @param options `args: true` reads the arguments of each too
 * @returns by pid
 * @throws as `processInfo()`, never `ESRCH`
 * @platform Linux; macOS compiled only
 */
export function listProcessesSync(
  filter: ProcessFilter = {},
  options: ListOptions = {},
): ProcessInfo[] {
  const query = new Query(filter, options, 'listProcesses')
  const rows = query.rows(native.processRows(query.scope, query.id))
  return Array.from(query.matches(rows))
}

/**
 * As `listProcessesSync()`. /proc is read in another thread, and the objects are
 * made a few at a time, so that the event loop goes on turning.
 *
 * @param filter default: all. A field that is none of ours is an error
 * @param options `args: true` reads the arguments of each too
 * @returns by pid
 * @throws as `processInfo()`, never `ESRCH`
 * @platform Linux; macOS compiled only
 */
export async function listProcesses(
  filter: ProcessFilter = {},
  options: ListOptions = {},
): Promise<ProcessInfo[]> {
  const list: ProcessInfo[] = []
  await eachProcess(new Query(filter, options, 'listProcesses'), (info) => list.push(info))
  return list
}

/**
 * Calls `use` with each process that matches. Gives how many showed nothing but their pids.
 *
 * @internal
 */
export async function eachProcess(query: Query, use: (info: ProcessInfo) => void): Promise<number> {
  const rows = query.rows(await native.processRowsAsync(query.scope, query.id))
  await inSlices(query.matches(rows), use)
  return query.hidden
}

/** The longest that a promise form works on the main thread at a time, in milliseconds. */
const SLICE = 0.5

/** @internal */
export async function inSlices<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
  // The first slice is short: taking over what the other thread read was work enough.
  let end = 0
  let count = 0
  for (const item of items) {
    work(item)
    if (++count % 8 !== 0 || performance.now() < end) continue
    await new Promise(setImmediate)
    end = performance.now() + SLICE
  }
}
