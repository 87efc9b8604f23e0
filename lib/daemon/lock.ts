import { constants, fstatSync, readdirSync, readFileSync, type Stats, statSync } from 'node:fs'
import { EACCES } from '../base/errno.ts'
import { systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { O_PATH, openIn, type Place } from './trust.ts'

// The lock of a pidfile is a separate file beside it, and only its owner may open it: any user that may read a file
// may lock it, and every user may read the pidfile. It has two bytes to lock, and no content.
//
// | byte    | lock      | held by                                                            |
// |---------|-----------|--------------------------------------------------------------------|
// | `START` | exclusive | what takes or removes the pidfile, for less than a millisecond  |
// | `LIFE`  | shared    | the daemon, for life, by a descriptor that can't write             |
//
// A shared lock is enough for `LIFE`: a process takes it only with `START` held. Other processes only ask for it.

export const START = 0
export const LIFE = 1
/** A byte of the pidfile itself that no other program asks about. */
const PROBE = 2 ** 30
const ALL = -1

const { O_NOCTTY, O_NONBLOCK, O_RDONLY } = constants

/** open() must not wait at a FIFO, and must not make a terminal our controlling terminal. */
export const CAUTIOUSLY = O_NONBLOCK | O_NOCTTY

export const lockOf = (place: Place): Place => ({
  ...place,
  name: `${place.name}.lock`,
  path: `${place.path}.lock`,
})

export const isSameFile = (a: Stats, b: Stats): boolean => a.ino === b.ino && a.dev === b.dev

/** Opens the file, calls `use` and closes the file; `undefined` if there is no such file. */
export function withFile<T>(place: Place, flags: number, use: (fd: number) => T): T | undefined {
  let fd
  try {
    fd = openIn(place, flags | CAUTIOUSLY)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return use(fd)
  } finally {
    native.close(fd)
  }
}

/** Whether the open file is still the one at the place. */
export function isInPlace(place: Place, fd: number): boolean {
  const there = withFile(place, O_PATH, (found) => fstatSync(found))
  return there !== undefined && isSameFile(there, fstatSync(fd))
}

export interface Held {
  /** null: this process may not ask, and /proc/locks doesn't tell. */
  held: boolean | null
  /** The processes that hold it, as far as we may see. Each call walks through all of /proc. */
  pids: () => number[]
}

const none = (): number[] => []
const FREE: Held = { held: false, pids: none }
const held = (file: Stats, isWanted: (line: string) => boolean): Held => ({
  held: true,
  pids: () => holders(file, isWanted),
})

/**
 * Whether a daemon holds the lock for life, or another program holds a lock on the pidfile itself, `pidFile`. The
 * latter counts only if it is exclusive: that needs a descriptor for writing, so a mere reader blocks no daemon.
 */
export function askLock(place: Place, pidFile: number | undefined): Held {
  if (pidFile !== undefined && ask(pidFile, ALL, 0)) {
    return held(fstatSync(pidFile), (line) => line.includes(' WRITE '))
  }
  const lock = lockOf(place)
  try {
    const found = withFile(lock, O_RDONLY, (fd) =>
      ask(fd, LIFE, 1) ? held(fstatSync(fd), holdsLife) : FREE,
    )
    return found ?? FREE
  } catch (error) {
    if ((error as NodeJS.ErrnoException).errno !== EACCES) throw error
  }
  const stats = withFile(lock, O_PATH, (fd) => fstatSync(fd))
  if (stats === undefined) return FREE
  if (isListed(stats, holdsLife)) return held(stats, holdsLife)
  // /proc/locks may name the file system differently (btrfs, overlayfs). Does it show a lock of our own?
  const isTold =
    pidFile !== undefined &&
    native.lockByte(pidFile, PROBE, 0) === 0 &&
    isListed(fstatSync(pidFile), (line) => line.includes(` ${PROBE} `))
  return isTold ? FREE : { held: null, pids: none }
}

function ask(fd: number, byte: number, exclusive: number): boolean {
  const result = native.isByteLocked(fd, byte, exclusive)
  if (result < 0) throw systemError(result, 'fcntl')
  return result === 1
}

const holdsLife = (line: string): boolean => / READ .* 1 1\s*$/.test(line)

/** Whether proc_locks(5), which everybody may read, has such a lock of the file. */
function isListed({ dev, ino }: Stats, isWanted: (line: string) => boolean): boolean {
  const hex = (number: number) => number.toString(16).padStart(2, '0')
  const major = (dev >>> 8) & 0xfff
  const minor = (dev & 0xff) | ((dev >>> 12) & 0xfff00)
  const file = ` ${hex(major)}:${hex(minor)}:${ino} `
  try {
    const lines = readFileSync('/proc/locks', 'latin1').split('\n')
    return lines.some((line) => line.includes(file) && isWanted(line))
  } catch {
    return false
  }
}

/**
 * The processes that hold a lock by a descriptor of theirs. The kernel names no owner of such a lock
 * (fcntl_locking(2)).
 */
function holders(file: Stats, isWanted: (line: string) => boolean): number[] {
  const holds = (pid: string) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => {
        const stats = statSync(`/proc/${pid}/fd/${fd}`, { throwIfNoEntry: false })
        if (stats === undefined || !isSameFile(stats, file)) return false
        const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1').split('\n')
        return info.some((line) => line.startsWith('lock:') && isWanted(line))
      })
    } catch {
      // It has ended, or is not ours to look at.
      return false
    }
  }
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && holds(name))
      .map(Number)
  } catch {
    return []
  }
}
