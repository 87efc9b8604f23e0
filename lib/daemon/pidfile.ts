import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { errnoOf, invalidArgType, type Reason, systemError } from '../base/errors.ts'
import { isOver, isSameProcess, processInfo, type ProcessIdentity } from '../inspect/process.ts'
import { native } from '../base/native.ts'

// A pidfile's first line is the pid, for everyone else who reads pidfiles. The
// second is what makes it trustworthy: the process's start and boot, so that a
// recycled pid is not taken for the daemon, and its pid namespace, so that the
// same number in another container isn't either.

export interface DaemonStatus {
  /**
   * `running`: the process that the file names lives, or somebody holds its lock. `stopped`: there is no
   * file. `stale`: a file, and no daemon.
   */
  state: 'running' | 'stopped' | 'stale'
  /**
   * The daemon. null where it is not running, and also for one that can't be named from here: it is just
   * starting, or its pid belongs to another pid namespace.
   */
  identity: ProcessIdentity | null
  /** Whether somebody holds the lock that a daemon has for life. */
  locked: boolean
}

const EAGAIN = errnoOf('EAGAIN')
const EINVAL = errnoOf('EINVAL')
const { O_CREAT, O_NOFOLLOW, O_NOCTTY, O_NONBLOCK, O_RDONLY, O_RDWR } = constants
const MAX_SIZE = 4096

/** @internal */
export function checkPidFile(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value)
}

/** What a pidfile says. `foreign`: it is text of another kind, and not ours to overwrite. */
interface Content {
  kind: 'empty' | 'identity' | 'foreign-namespace' | 'pid-only' | 'foreign'
  identity: ProcessIdentity | null
}

const ownNamespace = (): string => {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return ''
  }
}

function parse(text: string): Content {
  const [first = '', second = ''] = text.split('\n')
  if (/^[\0\s]*$/.test(text)) return { kind: 'empty', identity: null }
  const pid = Number(first.trim())
  if (!/^\d{1,10}$/.test(first.trim())) return { kind: 'foreign', identity: null }
  try {
    const { startTicks, bootId, namespace } = JSON.parse(second) as Record<string, unknown>
    if (typeof startTicks !== 'number' || typeof bootId !== 'string' || pid <= 1) {
      return { kind: 'pid-only', identity: null }
    }
    const identity = { pid, startTicks, bootId }
    if (namespace !== ownNamespace()) return { kind: 'foreign-namespace', identity }
    return { kind: 'identity', identity }
  } catch {
    return { kind: 'pid-only', identity: null }
  }
}

function read(fd: number): Content {
  const bytes = Buffer.alloc(MAX_SIZE)
  return parse(bytes.toString('utf8', 0, readSync(fd, bytes, 0, MAX_SIZE, 0)))
}

/** Lives, and as that very process. */
function lives(identity: ProcessIdentity): boolean {
  if (!isSameProcess(identity)) return false
  const info = processInfo(identity.pid, { throwIfNoEntry: false })
  return info !== undefined && !isOver(info)
}

function open(path: string, flags: number): number {
  // A FIFO must not make us wait, nor a terminal become ours.
  const fd = openSync(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0o644)
  if (fstatSync(fd).isFile()) return fd
  closeSync(fd)
  throw refusal(EINVAL, { reason: 'not-a-pidfile', text: `${path} is no regular file`, path })
}

const refusal = (errno: number, why: Reason): Error => systemError(errno, 'pidfile', why)

/** @internal A pidfile that this process holds, or that it will hand to the daemon. */
export class PidFile {
  readonly path: string
  readonly fd: number

  private constructor(path: string, fd: number) {
    this.path = path
    this.fd = fd
  }

  /** Takes the lock. Throws EAGAIN, `reason: 'already-running'`, where a daemon lives. */
  static take(path: string): PidFile {
    for (;;) {
      const fd = open(path, O_RDWR | O_CREAT)
      try {
        const file = PidFile.#lock(path, fd)
        if (file !== undefined) return file
      } catch (error) {
        closeSync(fd)
        throw error
      }
      // The daemon that held it removed it in the meantime: there may be a new one by that name.
      closeSync(fd)
    }
  }

  static #lock(path: string, fd: number): PidFile | undefined {
    const result = native.lockFile(fd)
    if (result === EAGAIN) throw alreadyRunning(path, fd)
    if (result < 0) throw systemError(result, 'fcntl')
    const file = new PidFile(path, fd)
    if (!file.isInPlace()) return undefined
    const { kind, identity } = read(fd)
    if (kind === 'foreign') {
      const text = `${path} holds something else than a pid`
      throw refusal(EINVAL, { reason: 'not-a-pidfile', text, path })
    }
    // A daemon that closes all its descriptors loses the lock and lives.
    if (kind === 'identity' && identity !== null && lives(identity)) {
      throw alreadyRunning(path, fd)
    }
    return file
  }

  /** Whether the path still leads to the file that is locked. */
  isInPlace(): boolean {
    const ours = fstatSync(this.fd)
    const there = statSync(this.path, { throwIfNoEntry: false })
    return there?.ino === ours.ino && there.dev === ours.dev
  }

  /** Names the daemon. In one write, so that a reader sees all or nothing. */
  write({ pid, startTicks, bootId }: ProcessIdentity): void {
    const second = JSON.stringify({ startTicks, bootId, namespace: ownNamespace() })
    const bytes = Buffer.from(`${pid}\n${second}\n`)
    const written = writeSync(this.fd, bytes, 0, bytes.length, 0)
    if (written < bytes.length) throw systemError(errnoOf('ENOSPC'), 'write')
    ftruncateSync(this.fd, bytes.length)
  }

  /** Removes it, or empties it where the folder is not ours to change, and lets go of the lock. */
  release(): void {
    try {
      if (this.isInPlace()) unlinkSync(this.path)
    } catch {
      ftruncateSync(this.fd, 0)
    } finally {
      closeSync(this.fd)
    }
  }

  /** Leaves file and lock to the daemon that has inherited them. */
  handOver(): void {
    closeSync(this.fd)
  }
}

function alreadyRunning(path: string, fd: number): Error {
  const { kind, identity } = read(fd)
  const pids =
    kind === 'identity' && identity !== null && lives(identity) ? [identity.pid] : holders(fd)
  const who =
    pids.length === 0 ? 'a process that is hidden from here' : `process ${pids.join(', ')}`
  const text = `${path} belongs to a running daemon: ${who}`
  return refusal(EAGAIN, { reason: 'already-running', text, path, pids })
}

/** Who has the file open, as far as we may see. The kernel names no owner of such a lock. */
function holders(fd: number): number[] {
  const { dev, ino } = fstatSync(fd)
  const has = (pid: string) => {
    try {
      const folder = `/proc/${pid}/fd`
      return readdirSync(folder).some((name) => {
        const stats = statSync(join(folder, name), { throwIfNoEntry: false })
        return stats?.ino === ino && stats.dev === dev
      })
    } catch {
      return false
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && has(name))
    .map(Number)
}

/** @internal */
export function readStatus(path: string): DaemonStatus & { content: Content['kind'] | null } {
  let fd
  try {
    fd = open(path, O_RDONLY)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return { state: 'stopped', identity: null, locked: false, content: null }
  }
  try {
    const held = native.isLocked(fd)
    if (held < 0) throw systemError(held, 'fcntl')
    const locked = held === 1
    const { kind, identity } = read(fd)
    if (kind === 'identity' && identity !== null) {
      if (lives(identity)) return { state: 'running', identity, locked, content: kind }
      return { state: 'stale', identity: null, locked, content: kind }
    }
    return { state: locked ? 'running' : 'stale', identity: null, locked, content: kind }
  } finally {
    closeSync(fd)
  }
}

/**
 * Whether the daemon of a pidfile runs.
 *
 * A pid alone says nothing: the process must have the start time and the boot that the
 * file names, in this pid namespace. So a recycled pid, one of another container, an
 * empty file or garbage is never taken for the daemon.
 *
 * @param pidFile path
 * @throws `ELOOP` it is a symbolic link
 * @throws `EISDIR`, `EACCES` it is a folder, or may not be read; any other errno of open() likewise
 * @throws `EINVAL` it is no regular file (`reason: 'not-a-pidfile'`)
 * @platform Linux; macOS compiled only
 * @see fcntl_locking(2)
 */
export async function daemonStatus(pidFile: string): Promise<DaemonStatus> {
  checkPidFile(pidFile, 'pidFile')
  const deadline = performance.now() + 1000
  for (;;) {
    const { content, ...status } = readStatus(pidFile)
    // Who has just taken the lock writes its name next.
    if (!(status.locked && content === 'empty') || performance.now() > deadline) return status
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
