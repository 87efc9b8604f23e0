import { constants, fstatSync, readdirSync, readFileSync, type Stats, statSync } from 'node:fs'
import { EACCES } from '../base/errno.ts'
import { systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { O_PATH, openIn, type Place } from './trust.ts'

// The lock of a pidfile is a file of its own beside it, which its owner alone may open: any user that may read
// a file may lock it, and the pidfile is for all to read. It has two bytes to lock, and no content.
//
// | byte    | lock      | held by                                                            |
// |---------|-----------|--------------------------------------------------------------------|
// | `START` | exclusive | what takes or removes the pidfile, for less than a millisecond  |
// | `LIFE`  | shared    | the daemon, for life, by a descriptor that can't write             |
//
// A shared lock is enough for a daemon's life: it is looked for, and never taken, while others have START.

export const START = 0
export const LIFE = 1
/** A byte of the pidfile itself that no other program asks about. */
const PROBE = 2 ** 30
const ALL = -1

const { O_NOCTTY, O_NONBLOCK, O_RDONLY } = constants

/** A FIFO must not make us wait, nor a terminal become ours. */
export const CAUTIOUSLY = O_NONBLOCK | O_NOCTTY

export const lockOf = (place: Place): Place => ({
  ...place,
  name: `${place.name}.lock`,
  path: `${place.path}.lock`,
})

export const isSameFile = (a: Stats, b: Stats): boolean => a.ino === b.ino && a.dev === b.dev

/** Opens, calls, and closes; `undefined` where there is no such file. */
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

/** Whether the place still has the file that is open. */
export function isInPlace(place: Place, fd: number): boolean {
  const there = withFile(place, O_PATH, (found) => fstatSync(found))
  return there !== undefined && isSameFile(there, fstatSync(fd))
}

export interface Held {
  /** null: we may not ask, and nothing else tells. */
  held: boolean | null
  /** The processes that have it, as far as we may see: a walk through all of /proc. */
  pids: () => number[]
}

const none = (): number[] => []
const FREE: Held = { held: false, pids: none }
const held = (file: Stats, isWanted: (line: string) => boolean): Held => ({
  held: true,
  pids: () => holders(file, isWanted),
})

/**
 * Whether a daemon holds the lock for life; or another program holds one on the pidfile itself, `pidFile`. Such a one
 * counts if it is exclusive, for which it must be open for writing: a reader blocks no one.
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
  // The table names file systems in a way of its own (btrfs, overlayfs). Does it show a lock of ours?
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
