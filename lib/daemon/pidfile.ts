import { constants, fchmodSync, fstatSync, writeSync } from 'node:fs'
import { EAGAIN, EINVAL, ENOENT, ENOSPC } from '../base/errno.ts'
import { systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { askLock, CAUTIOUSLY, isInPlace, isSameFile, LIFE, lockOf, START } from './lock.ts'
import { judge, ownNamespace, readPidFile, unknownDaemon } from './status.ts'
import { isOwn, openIn, type Place, refuseStrangers, untrustedFile, within } from './trust.ts'
import type { ProcessIdentity } from '../inspect/types.ts'
import type { DaemonStatus } from './types.ts'

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY } = constants
/** How long we wait for another process that takes or removes the pidfile, in milliseconds. */
const PATIENCE = 500

/**
 * @internal A pidfile that this process holds, or that it will hand to the daemon.
 *
 * The file appears with its whole content or not at all. The daemon inherits only a read-only descriptor of the lock,
 * so that no process can write to the file by it.
 */
export class PidFile {
  readonly path: string
  /** This descriptor holds the lock for life, in every process that has it. */
  readonly fd: number
  #text: string | undefined

  private constructor(path: string, fd: number) {
    this.path = path
    this.fd = fd
  }

  /**
   * Takes the lock, and removes what an earlier daemon has left. Throws EAGAIN where a daemon lives (`reason:
   * 'already-running'`) or that can't be told.
   */
  static take(path: string): PidFile {
    return within(path, (place) => {
      refuseStrangers(place)
      for (;;) {
        // This check comes before anything is created, so that a refusal changes nothing.
        refuseDaemon(place)
        const start = takeStart(place)
        const life = start === undefined ? undefined : takeAll(place, start)
        if (life !== undefined) return new PidFile(path, life)
        // Another process held the lock and has removed it meanwhile. Try again: there may be a new lock by that name.
      }
    })
  }

  /** Names the daemon. */
  write({ pid, startTicks, bootId }: ProcessIdentity): void {
    const second = JSON.stringify({ startTicks, bootId, namespace: ownNamespace() })
    const text = `${pid}\n${second}\n`
    within(this.path, (place) => {
      refuseStrangers(place)
      create(place, text)
    })
    this.#text = text
  }

  /**
   * Removes the pidfile, if it is still ours and we may change its folder, and releases the lock. A file that stays is
   * stale.
   */
  release(): void {
    try {
      within(this.path, (place) => {
        refuseStrangers(place)
        if (this.#text !== undefined && readPidFile(place)?.text === this.#text) {
          native.unlinkAt(place.folder, place.name)
        }
        removeLock(place, this.fd)
      })
    } catch {
      // We may no longer remove it: the next start or stop does that.
    } finally {
      native.close(this.fd)
    }
  }

  /** Leaves file and lock to the daemon that has inherited them. */
  handOver(): void {
    native.close(this.fd)
  }
}

/** Throws unless the place is free for a daemon: no file, or one of ours that an earlier daemon has left. */
function refuseDaemon(place: Place): void {
  const { found, ...status } = judge(place)
  const { path } = place
  const isStarting = status.reason === 'held-by-another' && found === undefined
  if (status.state === 'running' || isStarting) throw alreadyRunning(path, status)
  if (status.state === 'unknown') throw unknownDaemon(EAGAIN, path, status)
  if (found !== undefined && !isOwn(found.stats)) throw untrustedFile(path, found.stats.uid)
}

function alreadyRunning(path: string, { identity, pids = [] }: DaemonStatus): Error {
  const all = identity === null ? pids : [identity.pid]
  const who = all.length === 0 ? 'a process that is hidden from here' : `process ${all.join(', ')}`
  const text = `${path} belongs to a running daemon: ${who}`
  return systemError(EAGAIN, 'pidfile', { reason: 'already-running', text, path, pids: all })
}

/** The lock's file, with START held; `undefined` when it has been removed meanwhile. */
function takeStart(place: Place): number | undefined {
  const lock = lockOf(place)
  const fd = openIn(lock, O_RDWR | O_CREAT | CAUTIOUSLY, 0o600)
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile() || stats.nlink > 1) {
      const text = `${lock.path} is no file of a lock`
      throw systemError(EINVAL, 'pidfile', { reason: 'not-a-pidfile', text, path: lock.path })
    }
    if (!isOwn(stats)) throw untrustedFile(lock.path, stats.uid)
    if ((stats.mode & 0o777) !== 0o600) fchmodSync(fd, 0o600)
    waitForStart(place, fd)
    if (isInPlace(lock, fd)) return fd
  } catch (error) {
    native.close(fd)
    throw error
  }
  native.close(fd)
  return undefined
}

function waitForStart(place: Place, fd: number): void {
  const deadline = performance.now() + PATIENCE
  for (;;) {
    const result = native.lockByte(fd, START, 1)
    if (result === 0) return
    if (result !== EAGAIN) throw systemError(result, 'fcntl')
    if (performance.now() > deadline) {
      const pids = askLock(place, undefined).pids()
      const state = { state: 'unknown', identity: null, locked: true } as const
      throw unknownDaemon(EAGAIN, place.path, { ...state, reason: 'held-by-another', pids })
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
  }
}

/** With START held: removes an earlier daemon's file, takes the lock for life, and releases START. */
function takeAll(place: Place, start: number): number | undefined {
  try {
    refuseDaemon(place)
    if (readPidFile(place) !== undefined) remove(place)
    return takeLife(lockOf(place), start)
  } catch (error) {
    // Remove the lock, unless a daemon holds it.
    if (native.isByteLocked(start, LIFE, 1) === 0) removeLock(place, start)
    throw error
  } finally {
    native.close(start)
  }
}

function takeLife(lock: Place, start: number): number | undefined {
  const fd = openIn(lock, O_RDONLY | CAUTIOUSLY)
  const result = isSameFile(fstatSync(fd), fstatSync(start)) ? native.lockByte(fd, LIFE, 0) : EAGAIN
  if (result === 0) return fd
  native.close(fd)
  if (result === EAGAIN) return undefined
  throw systemError(result, 'fcntl')
}

/** Creates the pidfile in one step, so that a reader sees all or nothing, after a crash too. */
function create(place: Place, text: string): void {
  const fresh: Place = { ...place, name: `${place.name}.new`, path: `${place.path}.new` }
  // We hold the lock, so a file of that name is left from a crash.
  native.unlinkAt(place.folder, fresh.name)
  const fd = openIn(fresh, O_WRONLY | O_CREAT | O_EXCL, 0o644)
  try {
    const bytes = Buffer.from(text)
    if (writeSync(fd, bytes) < bytes.length) throw systemError(ENOSPC, 'write')
    const result = native.renameAt(place.folder, fresh.name, place.name)
    if (result < 0) throw systemError(result, 'rename')
  } catch (error) {
    native.unlinkAt(place.folder, fresh.name)
    throw error
  } finally {
    native.close(fd)
  }
}

function remove({ folder, name }: Place): void {
  const result = native.unlinkAt(folder, name)
  if (result < 0 && result !== ENOENT) throw systemError(result, 'unlink')
}

function removeLock(place: Place, fd: number): void {
  const lock = lockOf(place)
  if (isInPlace(lock, fd)) native.unlinkAt(lock.folder, lock.name)
}
