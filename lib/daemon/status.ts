import { constants, fstatSync, readlinkSync, readSync, type Stats } from 'node:fs'
import { resolve } from 'node:path'
import { string } from '../base/check.ts'
import { EINVAL, EISDIR, ELOOP, EPERM, ESRCH } from '../base/errno.ts'
import { type Reason, systemError } from '../base/errors.ts'
import { checkHost } from '../base/host.ts'
import { native } from '../base/native.ts'
import { isDead, isSameProcess, isStart, processInfo } from '../inspect/process.ts'
import { askLock, type Held, withFile } from './lock.ts'
import { type Author, authorOf, type Place, reaches, within } from './trust.ts'
import type { ProcessIdentity } from '../inspect/types.ts'
import type { DaemonStatus, UnknownDaemon } from './types.ts'

// A pidfile's first line is the pid, for all other programs that read pidfiles. The second is what makes it
// trustworthy: the process's start and boot, so that a recycled pid is not taken for the daemon, and its
// pid namespace, so that the same number in another container isn't either.

const sentences: Record<UnknownDaemon, string> = {
  'other-program': "names a process that lives, and may be another program's",
  'not-a-pidfile': 'holds something else than a pid',
  'held-by-another': 'is locked, and not by the process that it names',
  'other-namespace': 'belongs to a daemon in another pid namespace',
  hidden: 'names a process that is hidden from here',
  'lock-hidden': 'has a lock that may not be asked for from here',
  'untrusted-pidfile': 'names a process that its author may not signal',
}

const MAX_SIZE = 4096

const refusal = (errno: number, why: Reason): Error => systemError(errno, 'pidfile', why)

/** @internal The error when we can't tell whether the daemon runs. `errno` is the one that fits the call. */
export function unknownDaemon(errno: number, path: string, status: DaemonStatus): Error {
  const { reason = 'hidden', pids = [] } = status
  const who = pids.length === 0 ? '' : `: process ${pids.join(', ')}`
  const text = `${path} ${sentences[reason]}${who}`
  const byReason: Partial<Record<UnknownDaemon, number>> = {
    'not-a-pidfile': EINVAL,
    'untrusted-pidfile': EPERM,
  }
  return refusal(byReason[reason] ?? errno, { reason, text, path, pids })
}

/** What a pidfile says. */
interface Content {
  kind: 'empty' | 'identity' | 'other-namespace' | 'pid-only' | 'text'
  identity: ProcessIdentity | null
  pid: number
}

/** @internal Without /proc it is ''. */
export const ownNamespace = (): string => {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return ''
  }
}

function parse(text: string): Content {
  const [first = '', second = ''] = text.split('\n')
  if (/^[\0\s]*$/.test(text)) return { kind: 'empty', identity: null, pid: 0 }
  const pid = Number(first.trim())
  if (!/^\d{1,10}$/.test(first.trim())) return { kind: 'text', identity: null, pid: 0 }
  try {
    const { startTicks, bootId, namespace } = JSON.parse(second) as Record<string, unknown>
    const isStarted = typeof startTicks === 'number' && isStart(startTicks) && startTicks > 0
    if (!isStarted || typeof bootId !== 'string' || pid <= 1) {
      return { kind: 'pid-only', identity: null, pid }
    }
    const identity = { pid, startTicks, bootId }
    const own = ownNamespace()
    const isOurs = own === '' || namespace === own
    return { kind: isOurs ? 'identity' : 'other-namespace', identity, pid }
  } catch {
    return { kind: 'pid-only', identity: null, pid }
  }
}

/** Looks for a process: for any process with that pid or, with `identity`, for that very one. */
function look(pid: number, identity: ProcessIdentity | null): 'lives' | 'gone' | 'hidden' {
  if (pid > 2 ** 31 - 1) return 'gone'
  const boot = native.bootId()
  if (identity !== null && typeof boot === 'string' && boot !== identity.bootId) return 'gone'
  try {
    if (identity !== null && !isSameProcess(identity)) return 'gone'
    const info = processInfo(pid, { throwIfNoEntry: false })
    return info === undefined || isDead(info) ? 'gone' : 'lives'
  } catch (error) {
    if (!['EPERM', 'EACCES', 'ENOENT'].includes((error as { code: string }).code)) throw error
    // getsid() tells whether there is such a process, even under hidepid or without /proc.
    return native.getsid(pid) === ESRCH ? 'gone' : 'hidden'
  }
}

/** @internal A pidfile as it was found. */
export interface PidFileFound {
  stats: Stats
  text: string
  content: Content
  author: Author
}

/** @internal Reads the pidfile at a place; `undefined` if there is no file. Throws for a file that is no pidfile. */
export function readPidFile(place: Place): PidFileFound | undefined {
  return read(place, (fd) => fromOpen(place, fd))
}

function read<T>(place: Place, use: (fd: number) => T): T | undefined {
  try {
    return withFile(place, constants.O_RDONLY, use)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOOP') throw error
    const { path } = place
    const text = `${path} is a symbolic link, and a pidfile is never taken through one`
    throw refusal(ELOOP, { reason: 'not-a-pidfile', text, path })
  }
}

function fromOpen(place: Place, fd: number): PidFileFound {
  const { path } = place
  const stats = fstatSync(fd)
  if (!stats.isFile()) {
    const text = `${path} is no regular file`
    throw refusal(stats.isDirectory() ? EISDIR : EINVAL, { reason: 'not-a-pidfile', text, path })
  }
  const bytes = Buffer.alloc(MAX_SIZE)
  const text = bytes.toString('utf8', 0, readSync(fd, bytes, 0, MAX_SIZE, 0))
  // An image of a disk begins with thousands of zeros, and is no empty pidfile to be replaced.
  const content: Content =
    stats.size > MAX_SIZE ? { kind: 'text', identity: null, pid: 0 } : parse(text)
  return { stats, text, content, author: authorOf(place, stats) }
}

/** @internal */
export interface Judged extends DaemonStatus {
  found: PidFileFound | undefined
}

function statusOf({ state, identity, locked, reason, pids }: Judged): DaemonStatus {
  if (reason === undefined) return { state, identity, locked }
  return { state, identity, locked, reason, pids: pids ?? [] }
}

/** @internal Whether the daemon of a place runs. */
export function judge(place: Place): Judged {
  const judged = read(place, (fd) => {
    const found = fromOpen(place, fd)
    return { ...judgeContent(found, askLock(place, fd)), found }
  })
  if (judged !== undefined) return judged
  const held = askLock(place, undefined)
  const status = held.held === true ? unknown('held-by-another', held) : plain('stopped', held)
  return { ...status, found: undefined }
}

const plain = (state: 'stopped' | 'stale', { held }: Held): DaemonStatus => ({
  state,
  identity: null,
  locked: held,
})

const unknown = (reason: UnknownDaemon, { held, pids }: Held): DaemonStatus => ({
  state: 'unknown',
  identity: null,
  locked: held,
  reason,
  pids: pids(),
})

// | the file says       | process | lock free  | lock held          | lock not ours to ask |
// |---------------------|---------|------------|--------------------|----------------------|
// | a whole identity    | lives   | `running` if its author reaches it, else `untrusted-pidfile`      |
// | a pid alone         | lives   | `other-program`                                                   |
// | either              | hidden  | `hidden`                                                          |
// | either, or nothing  | gone    | `stale`    | `held-by-another`  | `lock-hidden`        |
// | another namespace's |         | `stale`    | `other-namespace`  | `other-namespace`    |
// | text without a pid  |         | `not-a-pidfile`                                                   |
function judgeContent({ content, author }: PidFileFound, held: Held): DaemonStatus {
  const { kind, identity, pid } = content
  if (kind === 'text') return unknown('not-a-pidfile', held)
  if (kind === 'other-namespace') {
    return held.held === false ? plain('stale', held) : unknown('other-namespace', held)
  }
  const process = kind === 'empty' ? 'gone' : look(pid, identity)
  const named = { ...held, pids: () => [pid] }
  if (process === 'hidden') return unknown('hidden', named)
  if (process === 'lives') {
    if (identity === null) return unknown('other-program', named)
    const believed = reaches(author, pid)
    if (believed === true) return { state: 'running', identity, locked: held.held }
    return unknown(believed === undefined ? 'hidden' : 'untrusted-pidfile', named)
  }
  if (held.held === false) return plain('stale', held)
  return unknown(held.held === null ? 'lock-hidden' : 'held-by-another', held)
}

/** How long a process that has just taken the lock may take to name its daemon, in milliseconds. */
const NAMING = 1000

/** @internal */
export async function judgeNamed(pidFile: string): Promise<Judged> {
  const deadline = performance.now() + NAMING
  for (;;) {
    const judged = judgePath(pidFile)
    const isNaming = judged.locked === true && judged.found === undefined
    if (!isNaming || performance.now() > deadline) return judged
    await new Promise((done) => setTimeout(done, 10))
  }
}

/** @internal */
export function judgePath(pidFile: string): Judged {
  // Where the working folder is out of reach this throws ENOENT, which says nothing of the file.
  const path = resolve(pidFile)
  try {
    return within(path, judge)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    // No folder, no file.
    return { state: 'stopped', identity: null, locked: false, found: undefined }
  }
}

/**
 * Whether the daemon of a pidfile runs.
 *
 * A pid alone says nothing: the process must have the start time and the boot that the
 * file names, in this pid namespace. So a recycled pid, one of another container, an
 * empty file or garbage is never taken for the daemon. A file counts only if its author may signal the
 * process that it names: root's file may name any process, another user's file only that user's own.
 *
 * @param pidFile path
 * @throws `ELOOP` it is a symbolic link (`reason: 'not-a-pidfile'`), or root's path goes through one of another user
 * (`'untrusted-link'`)
 * @throws `EISDIR` it is a folder (`reason: 'not-a-pidfile'`)
 * @throws `EMFILE`, `ENFILE` no descriptor is free
 * @throws `EACCES` it may not be read; any other errno of open() likewise
 * @throws `ENOENT` the path is relative, and the working folder is gone
 * @throws `EINVAL` it is no regular file (`reason: 'not-a-pidfile'`)
 * @throws `ERR_RUNTIME_UNSUPPORTED` the runtime is Deno
 * @platform Linux
 * @see fcntl_locking(2), openat(2)
 */
export async function daemonStatus(pidFile: string): Promise<DaemonStatus> {
  const path = string(pidFile, 'pidFile')
  checkHost('daemonStatus()')
  return statusOf(await judgeNamed(path))
}
