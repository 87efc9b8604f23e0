import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { resolve } from 'node:path'
import { EIO } from '../base/errno.ts'
import { hasOtherEnd, isatty, openFlags } from '../base/descriptor.ts'
import { systemError } from '../base/errors.ts'
import { checkHost } from '../base/host.ts'
import { native } from '../base/native.ts'
import { forgetSize, handleOf, standardStream } from '../launcher/node-internals.ts'
import { checkMainThread } from '../base/check.ts'
import { isFifo, openLog } from './logs.ts'
import { checkWritten, writeAtOnce, written, type OutputFd } from './output.ts'
import { state } from './state.ts'
import type { StdioTarget } from './types.ts'

// Node's constants lack these two. The values are Linux's, on every architecture that Node runs on (open(2)).
const O_PATH = 0o10000000
const O_CLOEXEC = 0o2000000

/** isatty() is false for a terminal that has hung up: every call on it gives EIO. */
const isTerminal = (fd: number) => isatty(fd) || native.tcgetpgrp(fd) === EIO

/** @internal What `'auto'` replaces, for a process whose caller goes on waiting. */
export const letsTerminalGo = isTerminal

/** @internal What `'auto'` replaces for a daemon: an open pipe keeps its reader waiting for the daemon's whole life. */
export const letsReaderGo = (fd: number): boolean => isTerminal(fd) || hasOtherEnd(fd)

const openOwnLog = (path: string): number => openLog(path, 'write', undefined)

/** Duplicates a descriptor. 0, 1 and 2 get no close-on-exec flag, so that the next program has them too. */
function dup2(from: number, to: number, closeOnExec = to > 2): void {
  const result = native.dup2(from, to, Number(closeOnExec))
  if (result < 0) throw systemError(result, 'dup2')
}

/** Makes a standard stream use another open file, also through references that other code holds already. */
function point(target: number, fd: number): void {
  dup2(target, fd)
  const stream = standardStream(fd)
  // For a terminal in use, libuv has opened a descriptor of its own.
  const own = handleOf(stream)?.fd
  if (own !== undefined && own > 2) dup2(target, own)
  if (stream.isTTY !== true) return
  stream.isTTY = false
  forgetSize(stream)
}

/** Opens an end of a pipe again. open() of one end waits for the other (fifo(7)), so this holds both meanwhile. */
function reopen(path: number, flags: number): number {
  const both = openSync(`/proc/self/fd/${path}`, constants.O_RDWR | constants.O_NONBLOCK)
  try {
    return openSync(`/proc/self/fd/${path}`, flags)
  } finally {
    closeSync(both)
  }
}

/**
 * Ends stdin and puts an open file in its place. A Node that went on reading the
 * terminal would steal what the user types into the shell.
 */
function replaceStdin(target: number): void {
  const before = native.dup(0)
  dup2(target, 0)
  // If the program has not used stdin until now, this creates its stream, on the new file.
  const stream = standardStream(0)
  const handle = handleOf(stream)
  if (handle !== undefined) {
    // epoll removes a descriptor only while it refers to the file that was registered (epoll(7)).
    if (before >= 0) dup2(before, 0)
    if (stream.isRaw === true) handle.setRawMode?.(false)
    stream.destroy()
    dup2(target, 0)
  }
  if (before >= 0) native.close(before)
}

/**
 * Changes the standard streams, in steps. The constructor does all that can fail;
 * the streams change only in `release` and `apply`.
 */
export class Redirection {
  readonly #targets = new Map<number, number>()
  readonly #logs = new Map<number, string>()
  readonly #opened = new Map<string, number>()
  /** Pipe ends that were let go, as O_PATH descriptors, with their open flags. */
  readonly #released = new Map<number, { path: number; flags: number }>()

  /** Opens the new files. `letsGo` tells whether `'auto'` replaces a descriptor. */
  constructor(
    targets: readonly StdioTarget[],
    letsGo: (fd: number) => boolean,
    openLogAs: (path: string) => number = openOwnLog,
  ) {
    try {
      targets.forEach((target, fd) => {
        if (target === 'keep' || (target === 'auto' && !letsGo(fd))) return
        if (isTerminal(fd)) checkHost('leaving a terminal that is a standard stream')
        const path = target === 'auto' || target === 'null' ? '/dev/null' : resolve(target)
        this.#open(fd, path, openLogAs)
      })
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Streams that go to the same file share one open file, and with it one offset. */
  #open(fd: number, path: string, openLogAs: (path: string) => number): void {
    const { O_RDONLY, O_RDWR, O_NOCTTY } = constants
    const [use, open] =
      path === '/dev/null'
        ? ['both', () => openSync(path, O_RDWR | O_NOCTTY)]
        : fd === 0
          ? ['read', () => openSync(path, (isFifo(path) ? O_RDWR : O_RDONLY) | O_NOCTTY)]
          : ['write', () => openLogAs(path)]
    const key = `${use} ${path}`
    const opened = this.#opened.get(key) ?? open()
    this.#opened.set(key, opened)
    this.#targets.set(fd, opened)
    if (fd > 0 && path !== '/dev/null') this.#logs.set(fd, path)
  }

  get #outputs(): OutputFd[] {
    return ([1, 2] as const).filter((fd) => this.#targets.has(fd) && !this.#released.has(fd))
  }

  /** Fulfilled when nothing is queued in the streams that are to be replaced. */
  async written(): Promise<void> {
    for (const fd of this.#outputs) await written(fd)
  }

  /** For a caller that can't wait: an error where something is queued. */
  checkWritten(): void {
    for (const fd of this.#outputs) checkWritten(fd)
  }

  /** From now on nothing is queued. Returns a function that undoes this. */
  writeAtOnce(): () => void {
    const back = this.#outputs.map((fd) => writeAtOnce(fd))
    return () => back.forEach((undo) => undo())
  }

  /**
   * Closes the pipes among the streams to be replaced, so that a neighbour in the
   * pipeline ends. It keeps an O_PATH descriptor, which leads back to the pipe and
   * doesn't hold it open (open(2)).
   */
  release(): void {
    if (process.platform !== 'linux') return
    for (const [fd, target] of this.#targets) {
      if (!this.#released.has(fd) && fstatSync(fd).isFIFO()) this.#release(fd, target)
    }
  }

  #release(fd: number, target: number): void {
    const flags = openFlags(fd)
    const path = openSync(`/proc/self/fd/${fd}`, O_PATH)
    const before = native.dup(fd)
    try {
      if (before < 0) throw systemError(before, 'dup')
      // This throws for a pipe of another user: it can't be opened again, so it stays open.
      closeSync(reopen(path, flags))
      dup2(target, fd)
      // A stdin in use stays open too: its entry in epoll could not be restored.
      if (fd === 0 && handleOf(standardStream(0)) !== undefined)
        dup2(before, 0, (flags & O_CLOEXEC) !== 0)
      else this.#released.set(fd, { path, flags })
    } catch {
      // The pipe stays open, and so its neighbour doesn't end.
    } finally {
      if (!this.#released.has(fd)) closeSync(path)
      native.close(before)
    }
  }

  /** Opens the pipes again that were released and not replaced for good. */
  restore(): void {
    for (const [fd, { path, flags }] of this.#released) {
      const pipe = reopen(path, flags)
      dup2(pipe, fd, (flags & O_CLOEXEC) !== 0)
      closeSync(pipe)
    }
  }

  apply(): void {
    for (const [fd, target] of this.#targets) {
      if (fd === 0) replaceStdin(target)
      else point(target, fd)
      state.logs.delete(fd)
    }
    for (const [fd, path] of this.#logs) state.logs.set(fd, path)
    this.#forget()
  }

  #forget(): void {
    for (const { path } of this.#released.values()) closeSync(path)
    this.#released.clear()
  }

  /** Closes what it opened; the streams have descriptors of their own. */
  close(): void {
    this.#forget()
    // If 0, 1 or 2 was closed, open() has used that number: it is now the standard descriptor itself.
    for (const fd of this.#opened.values()) if (fd > 2) closeSync(fd)
  }
}

/**
 * Opens the log files of `detach()` anew, by path, and puts them under stdout
 * and stderr: what log rotation asks for after it has moved the old ones away.
 *
 * The files are created where they are missing. Where one can't be opened nothing
 * has changed. Without log files it does nothing.
 *
 * @throws `ENOSPC` the disk is full; the old files go on
 * @throws `ENOENT` a log's folder is gone
 * @throws `EACCES` a log may not be written
 * @throws `EPERM`, `ELOOP` root: the log stands in a folder, or behind a link, of another user (`reason:
 * 'untrusted-folder'`, `'untrusted-link'`, `'untrusted-file'`)
 * @throws `ERR_WORKER_UNSUPPORTED_OPERATION` called in a worker thread
 * @platform Linux, macOS
 * @see POSIX open(), dup2()
 */
export function reopenLogs(): void {
  checkMainThread('reopenLogs')
  const opened = new Map<string, number>()
  try {
    for (const path of state.logs.values()) {
      if (!opened.has(path)) opened.set(path, openOwnLog(path))
    }
    for (const [fd, path] of state.logs) point(opened.get(path) ?? -1, fd)
  } finally {
    for (const fd of opened.values()) closeSync(fd)
  }
}
