import { readdirSync, statSync } from 'node:fs'
import {
  errnoOf,
  invalidArgType,
  outOfRange,
  type SystemError,
  systemError,
} from '../base/errors.ts'
import { native } from '../base/native.ts'
import { type LookupOptions, throwIfNoEntry } from '../raw/session.ts'
import { checkInt32, checkObject } from '../base/check.ts'

/** One process, in the words of `ps -o`. What is absent is null. */
export interface ProcessInfo {
  pid: number
  /** Parent process ID; 0 when the parent is outside our pid namespace, or the kernel. */
  ppid: number
  /** Process group ID; 0 on Linux as for `sid`. */
  pgid: number
  /** Session ID; 0 on Linux when the session's leader is outside our pid namespace, and for kernel threads. */
  sid: number
  /** The controlling terminal, such as `'/dev/pts/3'`. */
  tty: string | null
  /** The foreground process group of that terminal. */
  tpgid: number | null
  /**
   * One letter of `ps -o state`: R running, S sleeping, D in uninterruptible sleep, T stopped, t stopped by a
   * debugger, Z zombie, I idle kernel thread, X dead.
   */
  state: string
  /** Effective user ID. */
  uid: number
  /** The name of the program, as `ps -o comm`: on Linux its first 15 bytes. */
  command: string
  startedAt: Date
}

/** Members of one process group. */
export interface ProcessGroup {
  pgid: number
  sid: number
  /** null when the leader is gone, which is normal: the group lives on with its members. */
  leader: ProcessInfo | null
  members: ProcessInfo[]
  /** Whether it is its terminal's foreground process group, which gets Ctrl-C and reads the keys. */
  foreground: boolean
  /**
   * Whether no member has a parent in another group of the session. Nobody is left then to continue it
   * from a stop, so that Ctrl-Z doesn't stop it (POSIX XBD 3.244, 11.1.4).
   */
  orphaned: boolean
}

export interface Session {
  /** 0 gathers what has no session that can be named here: see `ProcessInfo.sid`. */
  sid: number
  /** null when the leader is gone: the session lives on with its members, without terminal. */
  leader: ProcessInfo | null
  /** The controlling terminal. Single members may have given it up. */
  tty: string | null
  /** The terminal's foreground process group; its last member may be gone. */
  foreground: number | null
  /** By process group ID. */
  groups: ProcessGroup[]
}

/** Which processes to list: those that match every field given. */
export interface ProcessFilter {
  sid?: number | undefined
  pgid?: number | undefined
  /** Path of the controlling terminal, such as `'/dev/pts/3'`; null: those that have none. */
  tty?: string | null | undefined
  /** Effective user ID. */
  uid?: number | undefined
}

/**
 * One process among all that this machine ever runs, where a pid alone is given to
 * another one sooner or later. Plain data: it may be written to a file and read
 * by another program.
 */
export interface ProcessIdentity {
  pid: number
  /** When it started, in clock ticks since boot (Linux) or microseconds (macOS): setting the clock doesn't change it. */
  startTicks: number
  /** Another one after each boot. */
  bootId: string
}

const ESRCH = errnoOf('ESRCH')
const ENOENT = errnoOf('ENOENT')
const EPERM = errnoOf('EPERM')
const EACCES = errnoOf('EACCES')

const ALL = 0
const SESSION = 1
const GROUP = 2

const ROW_SIZE = 112

/** Rows as native code packs them (ProcessRow in src/process_table.h), made into objects one by one. */
class Rows {
  readonly count: number
  readonly #data: DataView
  readonly #bytes: Buffer

  constructor(buffer: ArrayBuffer) {
    this.count = buffer.byteLength / ROW_SIZE
    this.#data = new DataView(buffer)
    this.#bytes = Buffer.from(buffer)
  }

  *[Symbol.iterator](): Generator<ProcessInfo> {
    for (let row = 0; row < this.count; row++) yield this.info(row)
  }

  info(row: number): ProcessInfo {
    const data = this.#data
    const at = row * ROW_SIZE
    const device = data.getUint32(at + 20, true)
    const tpgid = data.getInt32(at + 16, true)
    const command = at + 48
    return {
      pid: data.getInt32(at, true),
      ppid: data.getInt32(at + 4, true),
      pgid: data.getInt32(at + 8, true),
      sid: data.getInt32(at + 12, true),
      tty: device === 0 ? null : ttyPath(device),
      tpgid: device === 0 || tpgid <= 0 ? null : tpgid,
      state: String.fromCharCode(data.getUint8(at + 28)),
      uid: data.getUint32(at + 24, true),
      command: this.#bytes.toString('utf8', command, command + data.getUint8(at + 29)),
      startedAt: new Date(Math.round(data.getFloat64(at + 40, true))),
    }
  }

  startTicks(row: number): number {
    return this.#data.getFloat64(row * ROW_SIZE + 32, true)
  }
}

const ttyPaths = new Map<number, string>()

/**
 * The path of a terminal by its device number, as `fs.Stats.rdev` has it.
 *
 * @internal
 */
export function ttyPath(device: number): string {
  const major = (device >>> 8) & 0xfff
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00)
  // Pseudoterminals have no entry in /dev but in /dev/pts: devices.txt of the Linux kernel.
  if (process.platform === 'linux' && major >= 136 && major <= 143) {
    return `/dev/pts/${(major - 136) * 2 ** 20 + minor}`
  }
  if (!ttyPaths.has(device)) readDevices()
  const known = ttyPaths.get(device) ?? `/dev/char/${major}:${minor}`
  ttyPaths.set(device, known)
  return known
}

function readDevices(): void {
  try {
    for (const entry of readdirSync('/dev', { withFileTypes: true })) {
      if (!entry.isCharacterDevice()) continue
      const path = `/dev/${entry.name}`
      const stats = statSync(path, { throwIfNoEntry: false })
      if (stats !== undefined) ttyPaths.set(stats.rdev, path)
    }
  } catch {
    // A chroot may have no /dev: the processes are there all the same, and the names are not.
  }
}

/** @internal */
export function tableError(result: number, call: string): SystemError {
  if (result === EPERM || result === EACCES) {
    const text = '/proc is mounted with hidepid, and that process is of another user'
    return systemError(result, call, { reason: 'hidden', text })
  }
  if (result !== ENOENT) return systemError(result, call)
  const text = '/proc is not mounted, or shows another pid namespace'
  return systemError(result, call, { reason: 'no-proc', text })
}

function rowsOf(result: ArrayBuffer | number, call: string): Rows {
  if (typeof result === 'number') throw tableError(result, call)
  return new Rows(result)
}

/** One packed row, or undefined when there is no such process. */
function row(pid: number, call: string): Rows | undefined {
  checkInt32(pid, 'pid')
  const result = native.processRow(pid === 0 ? process.pid : pid)
  return result === ESRCH ? undefined : rowsOf(result, call)
}

/**
 * What the kernel knows of a process's place: its parent, process group, session and terminal.
 *
 * A zombie still has a row; its `state` is `'Z'`.
 *
 * @param pid process ID; 0, the default, is the caller. The ID of a single thread is no process ID.
 * @param options `throwIfNoEntry: false` gives `undefined` for a pid that is gone
 * @throws `ESRCH` there is no process `pid`
 * @throws `ENOENT` /proc is not mounted, or shows another pid namespace (Linux; `reason: 'no-proc'`)
 * @throws `EMFILE`, `ENFILE` no descriptor is free (Linux)
 * @throws `EPERM`, `EACCES` /proc is mounted with `hidepid` and the process is another user's (Linux; `reason: 'hidden'`)
 * @platform Linux; macOS compiled only
 * @see proc_pid_stat(5), ps(1)
 */
export function processInfo(
  pid?: number,
  options?: LookupOptions & { throwIfNoEntry?: true },
): ProcessInfo
export function processInfo(
  pid: number | undefined,
  options: LookupOptions,
): ProcessInfo | undefined
export function processInfo(pid = 0, options: LookupOptions = {}): ProcessInfo | undefined {
  const throws = throwIfNoEntry(options)
  const rows = row(pid, 'processInfo')
  if (rows !== undefined) return rows.info(0)
  if (throws) throw systemError(ESRCH, 'processInfo')
  return undefined
}

/**
 * A process, as far as /proc shows it: with `hidepid` it hides those of other users.
 *
 * @internal
 */
export function visible(pid: number): ProcessInfo | undefined {
  try {
    return pid === 0 ? undefined : processInfo(pid, { throwIfNoEntry: false })
  } catch (error) {
    if (['EPERM', 'EACCES'].includes((error as SystemError).code)) return undefined
    throw error
  }
}

function members(scope: number, id: number, call: string): number[] {
  const ids = native.processIds(scope, id)
  if (typeof ids === 'number') throw tableError(ids, call)
  return Array.from(new Int32Array(ids))
}

/**
 * The processes of a session, zombies too.
 *
 * It asks for ids alone, which is many times faster than a list with all fields.
 *
 * @param sid session ID. 0 gathers what has no session here (Linux): see `ProcessInfo.sid`
 * @returns process IDs; none when there is no such session
 * @throws `ENOENT` /proc is not mounted, or shows another pid namespace (Linux; `reason: 'no-proc'`)
 * @throws `EMFILE`, `ENFILE` no descriptor is free (Linux)
 * @platform Linux; macOS compiled only
 * @see POSIX getsid()
 */
export function sessionMembers(sid: number): number[] {
  checkInt32(sid, 'sid')
  return members(SESSION, sid, 'sessionMembers')
}

/**
 * The processes of a process group, zombies too.
 *
 * @param pgid process group ID
 * @returns process IDs; none when there is no such group
 * @throws `ENOENT` /proc is not mounted, or shows another pid namespace (Linux; `reason: 'no-proc'`)
 * @throws `EMFILE`, `ENFILE` no descriptor is free (Linux)
 * @platform Linux; macOS compiled only
 * @see POSIX getpgid()
 */
export function groupMembers(pgid: number): number[] {
  checkInt32(pgid, 'pgid')
  return members(GROUP, pgid, 'groupMembers')
}

let bootId: string | undefined

function currentBoot(call: string): string {
  if (bootId !== undefined) return bootId
  const result = native.bootId()
  if (typeof result === 'number') throw tableError(result, call)
  return (bootId = result)
}

/**
 * Names a process for good: its pid with its start and the boot. See `isSameProcess()`.
 *
 * @param pid process ID; 0, the default, is the caller
 * @throws `ESRCH` there is no process `pid`
 * @throws as `processInfo()` where /proc can't be read
 * @platform Linux; macOS compiled only
 */
export function identify(pid = 0): ProcessIdentity {
  const rows = row(pid, 'identify')
  if (rows === undefined) throw systemError(ESRCH, 'identify')
  return {
    pid: pid === 0 ? process.pid : pid,
    startTicks: rows.startTicks(0),
    bootId: currentBoot('identify'),
  }
}

/**
 * Whether a process that was named by `identify()` is still there: not gone, not
 * replaced by another one with its pid, not from before the last boot. A zombie is there.
 *
 * @param identity what `identify()` gave, in this program or another one
 * @throws as `processInfo()` where /proc can't be read, never `ESRCH`
 * @platform Linux; macOS compiled only
 */
export function isSameProcess(identity: ProcessIdentity): boolean {
  checkIdentity(identity, 'identity')
  const rows = row(identity.pid, 'isSameProcess')
  return (
    rows?.startTicks(0) === identity.startTicks && currentBoot('isSameProcess') === identity.bootId
  )
}

/** @internal */
export function checkIdentity(value: unknown, name: string): asserts value is ProcessIdentity {
  checkObject(value, name)
  const { pid, startTicks, bootId } = value as Record<string, unknown>
  checkInt32(pid, `${name}.pid`)
  // 0 would be whoever asks.
  if (pid < 1) throw outOfRange(`${name}.pid`, '>= 1', pid)
  if (typeof startTicks !== 'number') {
    throw invalidArgType(`${name}.startTicks`, 'of type number', startTicks)
  }
  if (typeof bootId !== 'string') throw invalidArgType(`${name}.bootId`, 'of type string', bootId)
}

/**
 * Whether a process has ended that is still listed, as a zombie. One whose first thread alone
 * has ended looks the same (pthread_exit(3)); the others still stand in /proc/PID/task.
 *
 * @internal
 */
export function isOver({ pid, state }: ProcessInfo): boolean {
  if (state !== 'Z') return state === 'X'
  try {
    return readdirSync(`/proc/${pid}/task`).length < 2
  } catch {
    return true
  }
}

/** The narrowest scope that the kernel's own ids select, and what is left to compare row by row. */
function query(filter: ProcessFilter): [scope: number, id: number] {
  checkObject(filter, 'filter')
  const { sid, pgid, tty, uid } = filter
  if (sid !== undefined) checkInt32(sid, 'filter.sid')
  if (pgid !== undefined) checkInt32(pgid, 'filter.pgid')
  if (tty !== undefined && tty !== null && typeof tty !== 'string') {
    throw invalidArgType('filter.tty', 'of type string or null', tty)
  }
  if (uid !== undefined) {
    if (typeof uid !== 'number') throw invalidArgType('filter.uid', 'of type number', uid)
    if (uid >>> 0 !== uid) throw outOfRange('filter.uid', '>= 0 && <= 4294967295', uid)
  }
  if (pgid !== undefined) return [GROUP, pgid]
  if (sid !== undefined) return [SESSION, sid]
  return [ALL, 0]
}

function matches(info: ProcessInfo, { sid, pgid, tty, uid }: ProcessFilter): boolean {
  return (
    (sid === undefined || info.sid === sid) &&
    (pgid === undefined || info.pgid === pgid) &&
    (tty === undefined || info.tty === tty) &&
    (uid === undefined || info.uid === uid)
  )
}

/**
 * Every process, or those that match a filter, as it stands while /proc is read:
 * the list is no snapshot. A process that vanishes meanwhile is left out; so is,
 * where /proc is mounted with `hidepid`, what the caller may not see.
 *
 * @param filter default: all
 * @returns by pid
 * @throws as `processInfo()`, never `ESRCH`
 * @platform Linux; macOS compiled only
 */
export function listProcessesSync(filter: ProcessFilter = {}): ProcessInfo[] {
  const rows = rowsOf(native.processRows(...query(filter)), 'listProcesses')
  const list: ProcessInfo[] = []
  for (const info of rows) if (matches(info, filter)) list.push(info)
  return list
}

/**
 * As `listProcessesSync()`. /proc is read in another thread, and the objects are
 * made a few at a time, so that the event loop goes on turning.
 *
 * @param filter default: all
 * @returns by pid
 * @throws as `processInfo()`, never `ESRCH`
 * @platform Linux; macOS compiled only
 */
export async function listProcesses(filter: ProcessFilter = {}): Promise<ProcessInfo[]> {
  const list: ProcessInfo[] = []
  await eachProcess(filter, 'listProcesses', (info) => list.push(info))
  return list
}

async function eachProcess(
  filter: ProcessFilter,
  call: string,
  use: (info: ProcessInfo) => void,
): Promise<void> {
  const rows = rowsOf(await native.processRowsAsync(...query(filter)), call)
  await inSlices(rows, (info) => {
    if (matches(info, filter)) use(info)
  })
}

/** The longest that a promise form works on the main thread at a time, in milliseconds. */
const SLICE = 0.5

async function inSlices<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
  // The first slice is short: taking over what the other thread read was work enough.
  let end = 0
  let count = 0
  for (const item of items) {
    work(item)
    if (++count % 32 !== 0 || performance.now() < end) continue
    await new Promise(setImmediate)
    end = performance.now() + SLICE
  }
}

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
      orphaned: !members.some((info) => isHeldBy(info, this.#processes.get(info.ppid))),
    }
  }
}

/**
 * Whether its parent keeps a process's group from being orphaned. The kernel looks away from
 * zombies, and from the machine's init (will_become_orphaned_pgrp in its kernel/exit.c).
 *
 * @internal
 */
export function isHeldBy(info: ProcessInfo, parent: ProcessInfo | undefined): boolean {
  if (info.state === 'Z' || info.state === 'X' || parent?.sid !== info.sid) return false
  return parent.pgid !== info.pgid && !(parent.pid === 1 && inFirstNamespace())
}

/**
 * Whether pid 1 is the machine's init: the kernel's first pid namespace has this inode (PROC_PID_INIT_INO).
 *
 * @internal
 */
export function inFirstNamespace(): boolean {
  if (process.platform !== 'linux') return true
  return statSync('/proc/self/ns/pid', { throwIfNoEntry: false })?.ino === 0xeffffffc
}

/**
 * Every session with its process groups and their members, by session ID.
 *
 * @throws as `processInfo()`, never `ESRCH`
 * @platform Linux; macOS compiled only
 * @see credentials(7)
 */
export async function listSessions(): Promise<Session[]> {
  const census = new Census()
  await eachProcess({}, 'listSessions', (info) => census.add(info))
  const sids = [...census.sessions.keys()].sort((a, b) => a - b)
  const sessions: Session[] = []
  await inSlices(sids, (sid) => sessions.push(census.session(sid)))
  return sessions
}

/**
 * One session, its table read in another thread. undefined: there is none.
 *
 * @internal
 */
export async function readSession(sid: number, call: string): Promise<Session | undefined> {
  const census = new Census()
  await eachProcess({ sid }, call, (info) => census.add(info))
  return census.sessions.size > 0 ? census.session(sid) : undefined
}

/**
 * One session with its process groups and their members.
 *
 * @param sid session ID; 0 gathers what has no session here (Linux): see `ProcessInfo.sid`
 * @param options `throwIfNoEntry: false` gives `undefined` when there is no such session
 * @throws `ESRCH` no process is in session `sid`
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
  if (throws) throw systemError(ESRCH, 'inspectSession')
  return undefined
}

/**
 * One process group with its members.
 *
 * @param pgid process group ID
 * @param options `throwIfNoEntry: false` gives `undefined` when there is no such group
 * @throws `ESRCH` no process is in group `pgid`
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
  const pids = new Set(members.map(({ pid }) => pid))
  for (const info of members) {
    census.add(info)
    if (pids.has(info.ppid)) continue
    const parent = visible(info.ppid)
    if (parent !== undefined) census.add(parent)
  }
  const [first] = members
  if (first !== undefined) return census.group(pgid, first.sid, members)
  if (throws) throw systemError(ESRCH, 'inspectGroup')
  return undefined
}
