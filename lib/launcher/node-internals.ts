// What this package relies on inside Node, and nowhere else than here.
//
// | what                                                                     | since | looked at by     | otherwise            |
// | ------------------------------------------------------------------------ | ----- | ---------------- | -------------------- |
// | spawn() calls `ChildProcess.prototype.spawn(options)` once; all own keys | 20    | `internalsKnown` | exec.ts goes around, |
// | of the caller's options are in `options`, beside `file` and `args`       |       |                  | by public calls      |
// | `child._handle.spawn()` starts the program: 0 or -errno, `_handle.pid`   | 20    | `internalsKnown` | the same             |
// | `child._handle.onexit(code)` with a negative code is the `error` event   | 20    | `internalsKnown` | the same             |
// | `child._handle.kill(signal)` gives -errno, and of ESRCH kill() is false  | 20    | the tests alone  | kill() is Node's own |
// | `child.emit`, `spawnfile`, `spawnargs` and `stdio` can be replaced       | 20    | the tests alone  | wrong texts          |
// | `stream._handle.readStart()`, `readStop()` and `reading` of a terminal   | 20    | the type of each | a 'readable' stdin   |
// |                                                                          |       |                  | reads on (SIGTTIN)   |
// | `process.stdout._handle.setBlocking()`, `bytesWritten`, `writeQueueSize` | 20    | the type of each | a slow reader looks  |
// |                                                                          |       |                  | stalled after 5 s    |
// | `process.stdin._handle.fd`, `setRawMode()`, `stdout._refreshSize()`      | 20    | the type of each | a detached program   |
// |                                                                          |       |                  | keeps its terminal   |
// | `child.stdin._handle.fd`, and so of its other pipes: one end of a pair   | 20    | the type of each | holders() of that    |
// | of unix sockets; none once the stream is destroyed                       |       |                  | child fails          |
//
// All of it has been the same from Node 20 to 26.
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { ESRCH } from '../base/errno.ts'

/** POSIX gives it this number. What node:os knows of signals is not loaded for it. */
const SIGKILL = 9

/** What `ChildProcess.prototype.spawn` gets from `child_process.spawn`: checked and complete, with no prototype. */
export interface Normalized {
  file: string
  args: string[]
  stdio?: SpawnOptions['stdio'] | undefined
  uid?: number | null | undefined
  gid?: number | null | undefined
}

export type Internal = Omit<ChildProcess, 'stdio' | 'spawnfile' | 'spawnargs'> & {
  spawnfile: string
  spawnargs: string[]
  stdio?: unknown[]
  spawn: (this: Internal, options: Normalized) => unknown
  _handle: Handle
}

interface Handle {
  pid?: number
  spawn: (...parameters: unknown[]) => number
  onexit: (code: number, signal?: string) => void
  kill: (signal: number) => number
}

export const builtin = () => process.getBuiltinModule('node:child_process')

const prototype = () => builtin().ChildProcess.prototype as unknown as Internal

export type Hook = (this: Internal, original: Internal['spawn'], options: Normalized) => unknown

const mark = Symbol('setsid')

/**
 * Runs `call` with marked options. `hook` spawns the child that has these options. Node spawns all other children: an
 * option's getter, and other code that runs meanwhile, may spawn too.
 */
export function withSpawn<T>(
  options: SpawnOptions,
  hook: Hook,
  call: (marked: SpawnOptions) => T,
): T {
  const place = prototype()
  const original = place.spawn
  const marked = { __proto__: null, ...options, [mark]: hook }
  place.spawn = function (given) {
    if ((given as { [mark]?: unknown })[mark] !== hook) return original.call(this, given)
    place.spawn = original
    return hook.call(this, original, given)
  }
  try {
    return call(marked)
  } finally {
    place.spawn = original
  }
}

let known: boolean | undefined

/** Whether Node still spawns as the table says. It tries this once, and starts nothing. */
export function internalsKnown(): boolean {
  if (known !== undefined) return known
  known = false
  const stop = new Error('stop')
  try {
    withSpawn(
      {},
      function (_, { file, args }) {
        const { spawn, onexit } = this._handle
        known =
          file === '/' &&
          args.join() === '/,a' &&
          typeof spawn === 'function' &&
          typeof onexit === 'function'
        throw stop
      },
      // If the hook doesn't stop it, nothing is started either: a folder can't be run.
      (options) =>
        builtin()
          .spawn('/', ['a'], options)
          .on('error', () => undefined),
    )
  } catch (error) {
    // With frozen intrinsics the assignment throws a TypeError.
    if (error !== stop && !(error instanceof TypeError)) throw error
  }
  return known
}

/**
 * Keeps kill() of a child that was not started from sending a signal. Until the `error` event, Node would signal the
 * number in the child's handle: 0, the caller's whole group, or on Node 20 whatever was in the memory before.
 */
export function neverSignal<T extends ChildProcess>(child: T): T {
  const { _handle: handle } = child as unknown as { _handle?: Partial<Handle> | null }
  if (handle) handle.kill = () => ESRCH
  return child
}

/** Ends a child that the caller can't know of, by its handle, which names no other process. */
export const endLost = (child: Internal): void => {
  const handle = (child as { _handle?: Handle | null })._handle
  handle?.kill(SIGKILL)
}

/** What a standard stream has behind its public face. */
interface StreamHandle {
  fd?: number
  setRawMode?: (on: boolean) => number
  bytesWritten?: number
  writeQueueSize?: number
  setBlocking?: (on: boolean) => number
}

/** A standard stream of Node, with what it has in one state or another. */
export interface StandardStream {
  isTTY?: boolean
  isRaw?: boolean
  columns?: number
  rows?: number
  writableLength: number
  destroyed: boolean
  destroy(): unknown
}

const names = ['stdin', 'stdout', 'stderr'] as const

/** The stream of descriptor 0, 1 or 2. Node creates it when it is first asked for. */
export const standardStream = (fd: number): StandardStream => process[names[fd] as 'stdin']

/** undefined for a stream on a file, and for one that is closed. */
export const handleOf = (stream: StandardStream): StreamHandle | undefined =>
  (stream as { _handle?: StreamHandle | null })._handle ?? undefined

/** Our end of a child's pipe: its descriptor, null when it is closed, undefined for a stream that is not Node's own. */
export function pipeEnd(stream: { destroyed: boolean }): number | null | undefined {
  if (stream.destroyed) return null
  const { _handle: handle } = stream as { _handle?: StreamHandle | null }
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined
}

/** On SIGWINCH Node would ask the terminal for its size, and there is no terminal any more. */
export function forgetSize(stream: StandardStream): void {
  delete stream.columns
  delete stream.rows
  Object.assign(stream, { _refreshSize: () => undefined })
}

/** A stream on a terminal, behind its public face. */
export interface Reader {
  /** Node's own mark that it has asked for data. */
  reading?: boolean
  readStart(): number
  readStop(): number
}

export function readerOf(stream: object): Reader | undefined {
  const { _handle: handle } = stream as { _handle?: Partial<Reader> | null }
  if (typeof handle?.readStart !== 'function' || typeof handle.readStop !== 'function') {
    return undefined
  }
  return handle as Reader
}
