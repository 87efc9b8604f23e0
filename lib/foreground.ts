import type { ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import { isatty } from 'node:tty'
import { isMainThread } from 'node:worker_threads'
import { watchChild } from './child.ts'
import { errnoOf, systemError } from './errors.ts'
import { native } from './native.ts'
import { getpgid, getpgrp } from './session.ts'
import { tcgetpgrp, tcsetpgrp } from './terminal.ts'
import { checkGroup, checkInt32 } from './validate.ts'

const { SIGCONT } = constants.signals
const ENOTTY = errnoOf('ENOTTY')
const ESRCH = errnoOf('ESRCH')

/**
 * Whether the caller's process group is the foreground process group of its
 * terminal: whether it may read from it, and gets Ctrl-C.
 *
 * @param fd descriptor of the caller's controlling terminal
 * @returns false too for a descriptor that is not its controlling terminal
 * @throws `EBADF` `fd` is not open
 * @platform Linux, macOS
 * @see POSIX tcgetpgrp()
 */
export function isForeground(fd: number): boolean {
  checkInt32(fd, 'fd')
  const pgid = native.tcgetpgrp(fd)
  if (pgid < 0 && pgid !== ENOTTY) throw systemError(pgid, 'tcgetpgrp')
  return pgid === getpgrp()
}

/** A terminal that we don't read from, and what brings it back as it was. @internal */
export interface QuietTerminal {
  fd: number
  modes: ArrayBuffer
  /** The foreground process group. */
  holder: number
  /** Takes up the reading again. */
  resume(): void
}

const quiet = new WeakMap<ChildProcess, QuietTerminal>()

/** spawn() has given the child the foreground: withForeground() brings this back. @internal */
export function keepQuiet(child: ChildProcess, terminal: QuietTerminal): void {
  quiet.set(child, terminal)
}

/**
 * Gets ready for another to have the terminal. A process that reads in the
 * background is stopped, so `process.stdin` must not, if it is that terminal. @internal
 */
export function quieten(fd: number): QuietTerminal | number {
  const name = native.ttyname(fd)
  const ours = isMainThread && isatty(0) && native.ttyname(0) === name
  const raw = ours && process.stdin.isRaw
  const flowing = ours && process.stdin.readableFlowing === true
  if (raw) process.stdin.setRawMode(false)
  // Node stops the reading itself in the next tick, which is before it looks
  // for input again.
  if (flowing) process.stdin.pause()
  const resume = () => {
    if (raw) process.stdin.setRawMode(true)
    if (flowing) process.stdin.resume()
  }
  const holder = native.tcgetpgrp(fd)
  const modes = native.tcgetattr(fd)
  if (typeof modes !== 'number') return { fd, modes, holder, resume }
  resume()
  return modes
}

/**
 * Gives the terminal to a process group while `fn` runs, and takes it back.
 *
 * The group becomes the foreground process group and is continued, should it
 * have stopped for want of the terminal. When `fn` has settled, whatever became of the
 * group, the foreground process group and the terminal's modes are as before.
 * A child that is stopped loses the terminal at once, and gets it again if it
 * is continued before `fn` has settled.
 *
 * `process.stdin`, if it is that terminal, is paused and out of raw mode
 * meanwhile: a process that reads from the background is stopped.
 *
 * @param fd descriptor of the caller's controlling terminal
 * @param target a child, whose group it is, or a process group ID of the caller's session
 * @param fn what to wait for: `() => exitOrStop(child)`
 * @returns what `fn` gives
 * @throws `EBADF` `fd` is not open
 * @throws `ENOTTY` `fd` is not the caller's controlling terminal
 * @throws `EPERM` the group is in another session
 * @platform Linux, macOS
 * @see POSIX tcsetpgrp(), tcsetattr()
 */
export async function withForeground<T>(
  fd: number,
  target: ChildProcess | number,
  fn: () => T | Promise<T>,
): Promise<T> {
  const child = typeof target === 'number' ? undefined : target
  if (typeof target === 'number') checkGroup(target, 'target')
  // Of a child that was never started or is gone there is no group to give it to.
  const pgid =
    typeof target === 'number'
      ? target
      : target.pid === undefined
        ? undefined
        : getpgid(target.pid, { throwIfNoEntry: false })
  tcgetpgrp(fd)
  if (pgid === undefined) return fn()
  const prepared = child && quiet.get(child)
  const terminal = prepared?.fd === fd ? prepared : quieten(fd)
  if (typeof terminal === 'number') throw systemError(terminal, 'tcgetattr')
  if (child) quiet.delete(child)
  try {
    const loan = new Loan(terminal, pgid)
    const watch = child && watchChild(child)
    const onStop = (signal: NodeJS.Signals) => {
      if (watch?.stoppedBy == null) return
      // It wanted the terminal before it had it.
      if (signal === 'SIGTTIN' || signal === 'SIGTTOU') loan.give()
      else loan.takeBack()
    }
    const onContinue = () => loan.give()
    try {
      // With the terminal from its start, it is not for want of it that it has stopped.
      if (terminal !== prepared || tcgetpgrp(fd) !== pgid) loan.give()
      watch?.on('stop', onStop).on('continue', onContinue)
      return await fn()
    } finally {
      watch?.off('stop', onStop).off('continue', onContinue)
      loan.takeBack()
    }
  } finally {
    terminal.resume()
  }
}

/** A terminal that is lent to a process group. */
class Loan {
  readonly #fd: number
  readonly #pgid: number
  readonly #back: number
  readonly #modes: ArrayBuffer

  constructor({ fd, modes, holder }: QuietTerminal, pgid: number) {
    this.#fd = fd
    this.#modes = modes
    this.#pgid = pgid
    this.#back = holder === pgid ? getpgrp() : holder
  }

  give(): void {
    const result = native.tcsetpgrp(this.#fd, this.#pgid)
    // All its members are gone: there is nobody to give it to.
    if (result === ESRCH) return
    if (result < 0) tcsetpgrp(this.#fd, this.#pgid)
    if (this.#pgid !== getpgrp()) native.killpg(this.#pgid, SIGCONT)
  }

  takeBack(): void {
    tcsetpgrp(this.#fd, this.#back)
    const result = native.tcsetattr(this.#fd, this.#modes)
    if (result < 0) throw systemError(result, 'tcsetattr')
  }
}
