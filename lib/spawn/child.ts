import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { checkChild } from '../base/check.ts'
import { systemError } from '../base/errors.ts'
import { checkHost } from '../base/host.ts'
import { processInfo } from '../inspect/process.ts'
import { native } from '../base/native.ts'
import { signalName } from '../base/signals.ts'
import { type Containment, containmentOf, programOf } from './contain.ts'
import type { ChildState, ChildWatch, ChildWatchEvents } from './types.ts'

class StopWatch extends EventEmitter<ChildWatchEvents> implements ChildWatch {
  readonly #child: ChildProcess
  #signal: NodeJS.Signals | null = null

  constructor(child: ChildProcess) {
    super()
    this.#child = child
    if (child.pid === undefined || hasEnded(child)) return
    child.prependOnceListener('exit', (_, signal) => {
      // The kernel forgets the continuation of a child that has ended. But a stopped
      // child ends only by SIGKILL (signal(7)), so this child was continued.
      if (this.#signal !== null && signal !== 'SIGKILL') this.#note(0)
    })
    const containment = containmentOf(child)
    if (containment === undefined) this.#watch(child.pid)
    else this.#hear(containment)
  }

  /** The supervisor of a contained child is its parent, and tells of it. */
  #hear(containment: Containment): void {
    // What it tells may come after the end of the child, which is another process.
    const note = (signal: number) => {
      if (!hasEnded(this.#child)) this.#note(signal)
    }
    containment.on('stopped', note).on('continued', () => note(0))
    const { stoppedBy } = containment
    if (stoppedBy !== undefined) process.nextTick(note, stoppedBy)
  }

  #watch(pid: number): void {
    const result = native.watchChild(pid, () => this.#take())
    if (result < 0) throw systemError(result, 'waitid')
  }

  // This runs in the thread that reaps the child, so that the pid is still the child's.
  #take(): void {
    if (hasEnded(this.#child)) return
    const signal = native.takeChange(this.#child.pid ?? 0)
    // What a listener throws is to be an uncaught exception, and not native code's.
    if (signal >= 0) process.nextTick(() => this.#note(signal))
  }

  /** 0: it was continued. */
  #note(signal: number): void {
    this.#signal = signal === 0 ? null : (signalName(signal) ?? (`SIG${signal}` as NodeJS.Signals))
    if (this.#signal === null) this.emit('continue')
    else this.emit('stop', this.#signal)
  }

  // Another process may have continued the child since.
  get stoppedBy(): NodeJS.Signals | null {
    if (this.#signal === null || hasEnded(this.#child)) return null
    const info = processInfo(programOf(this.#child), { throwIfNoEntry: false })
    return info?.state === 'T' ? this.#signal : null
  }
}

Object.defineProperty(StopWatch, 'name', { value: 'ChildWatch' })

/** @internal */
export const hasEnded = (child: ChildProcess) =>
  child.exitCode !== null || child.signalCode !== null

const watches = new WeakMap<ChildProcess, StopWatch>()

/**
 * Watches a child for stops (Ctrl-Z, SIGSTOP, reading from a terminal in the
 * background) and for its continuation.
 *
 * The child's own `exit` event still tells its exit. Each child has one watch, from
 * the first call until the child ends, and the watch doesn't keep the process alive.
 * A thread sleeps in waitid() for it. The watch also reports an earlier stop, if the
 * child is still stopped.
 *
 * The watch reports each stop or continuation that lasts, and the last event shows how
 * the child is. The kernel keeps one report, so of several quick changes the watch may
 * report only the last. `continue` follows a `stop` before `exit`, unless SIGKILL
 * ended the child.
 *
 * @param child a child of this thread
 * @returns an emitter of `stop`, with the signal, and `continue`
 * @throws `ERR_INVALID_ARG_TYPE` `child` is no `ChildProcess`
 * @throws `ERR_RUNTIME_UNSUPPORTED` the runtime is Bun
 * @throws `EAGAIN` no thread could be started
 * @throws `EMFILE` too many open descriptors
 * @platform Linux, macOS
 * @see POSIX waitid()
 * @see waitid(2)
 */
export function watchChild(child: ChildProcess): ChildWatch {
  checkChild(child, 'child')
  checkHost('watchChild()')
  let watch = watches.get(child)
  if (watch === undefined) watches.set(child, (watch = new StopWatch(child)))
  return watch
}

/**
 * Waits till a child has ended or is stopped: what a shell waits for.
 *
 * A child that is stopped already, and one that has ended, resolve at once.
 *
 * @param child a child of this thread
 * @returns how it is now
 * @throws `ERR_INVALID_ARG_TYPE` `child` is no `ChildProcess`
 * @throws `ERR_RUNTIME_UNSUPPORTED` the runtime is Bun
 * @throws the child's `error`, when it could not be started; one with its errno, when that event is over
 * @platform Linux, macOS
 * @see POSIX waitid()
 */
export async function exitOrStop(child: ChildProcess): Promise<ChildState> {
  checkChild(child, 'child')
  checkHost('exitOrStop()')
  const watch = watchChild(child)
  return new Promise((resolve, reject) => {
    const done = () => {
      watch.off('stop', look)
      child.off('exit', look)
    }
    const look = () => {
      const signal = watch.stoppedBy
      if (signal === null && !hasEnded(child)) return
      done()
      const { exitCode: code, signalCode } = child
      if (signal !== null) resolve({ state: 'stopped', signal })
      // The child was not started, and its `error` event is over.
      else if (child.pid === undefined) {
        reject(systemError(code ?? 0, `spawn ${child.spawnfile}`))
      } else resolve({ state: 'exited', code, signal: signalCode })
    }
    watch.on('stop', look)
    child.on('exit', look)
    if (child.pid === undefined) {
      child.once('error', (error) => {
        done()
        reject(error)
      })
    }
    look()
  })
}
