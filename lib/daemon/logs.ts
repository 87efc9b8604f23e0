import { constants, fchownSync, fstatSync, openSync, type Stats, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { ELOOP } from '../base/errno.ts'
import { systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import type { Credentials } from './credentials.ts'
import {
  isRoot,
  isTrustedAuthor,
  O_PATH,
  openIn,
  type Place,
  refuseStrangers,
  untrustedFile,
  within,
} from './trust.ts'

const { O_APPEND, O_CREAT, O_EXCL, O_NOCTTY, O_RDWR, O_WRONLY } = constants
const MODE = 0o666

/**
 * Whether it is a FIFO. To open one for reading or for writing waits until another process has opened the other end;
 * to open it for both does not (fifo(7)).
 */
export function isFifo(path: string): boolean {
  try {
    return statSync(path).isFIFO()
  } catch {
    return false
  }
}

/**
 * Opens a log, and creates it if it is missing. If root opens it for `owner`, the user that is to write and rotate it,
 * this gives the file to that user, unless it is a device or has a second name.
 *
 * Root opens no log that another user could have chosen: see trust.ts. A folder of the very user that the
 * daemon becomes is allowed, since a file of its own gives that user nothing new.
 */
export function openLog(
  path: string,
  access: 'write' | 'read-write',
  owner: Credentials | undefined,
): number {
  const mode = access === 'write' && !isFifo(path) ? O_WRONLY : O_RDWR
  const flags = mode | O_APPEND | O_NOCTTY
  // For any other user, the kernel checks that user's own rights.
  if (!isRoot()) return openSync(path, flags | O_CREAT, MODE)
  const open = (place: Place) => {
    refuseStrangers(place, owner?.uid)
    if (place.strangers.size === 0 && !place.isShared) return openTrusted(place, flags, owner)
    return create(place, flags, owner) ?? openAmongOthers(place, flags, owner)
  }
  try {
    return within(resolve(path), open, owner === undefined ? 'follow' : 'no-follow')
  } catch (error) {
    const { code, reason } = error as { code?: string; reason?: string }
    if (owner === undefined || code !== 'ELOOP' || reason !== undefined) throw error
    const text = `${path} is a symbolic link, which root does not follow for another user`
    throw systemError(ELOOP, 'open', { reason: 'linked-log', text, path })
  }
}

/** Only root could have chosen what stands there. */
function openTrusted(place: Place, flags: number, owner: Credentials | undefined): number {
  const fd = openIn(place, flags | O_CREAT, MODE)
  const stats = fstatSync(fd)
  return stats.isFile() && stats.nlink === 1 ? give(fd, owner) : fd
}

/** A new file; `undefined` when something is there. */
function create(place: Place, flags: number, owner: Credentials | undefined): number | undefined {
  let fd
  try {
    fd = openIn(place, flags | O_CREAT | O_EXCL, MODE)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined
    throw error
  }
  return give(fd, owner)
}

/** Looks at the file first, then opens that very file: to open a FIFO would wait for a reader. */
function openAmongOthers(place: Place, flags: number, owner: Credentials | undefined): number {
  const found = openIn(place, O_PATH)
  try {
    const stats = fstatSync(found)
    if (stats.isSymbolicLink()) throw systemError(ELOOP, `open '${place.path}'`)
    if (!couldOpen(place, stats, owner)) throw untrustedFile(place.path, stats.uid)
    return openSync(`/proc/self/fd/${found}`, flags)
  } finally {
    native.close(found)
  }
}

/** Whether the user that put the file there could open it. A second name (link(2)) needs no consent of the owner. */
function couldOpen({ strangers }: Place, stats: Stats, owner: Credentials | undefined): boolean {
  if (!stats.isFile() || stats.nlink !== 1) return false
  return stats.uid === owner?.uid || (strangers.size === 0 && isTrustedAuthor(stats.uid))
}

function give(fd: number, owner: Credentials | undefined): number {
  try {
    if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid)
    return fd
  } catch (error) {
    native.close(fd)
    throw error
  }
}
