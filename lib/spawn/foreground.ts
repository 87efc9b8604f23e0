import type { ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import { isatty } from 'node:tty'
import { isMainThread } from 'node:worker_threads'
import { checkChild, type ChildWatch, hasEnded, watchChild } from './child.ts'
import { errnoOf, systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { getpgid, getpgrp } from '../raw/session.ts'
import { tcgetpgrp, tcsetpgrp } from '../raw/terminal.ts'
import { checkGroup, checkInt32 } from '../base/check.ts'

const { SIGCONT } = constants.signals
const EIO = errnoOf('EIO')
const ENOTTY = errnoOf('ENOTTY')
const EPERM = errnoOf('EPERM')
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
  modes: ArrayBuffer
  /** The foreground process group. */
  holder: number
  /** Takes up the reading again. */
  resume(): void
}

/** What spawn() has taken the terminal from; the next withForeground() brings it back. */
let kept: QuietTerminal | undefined

/**
 * spawn() has given a child the foreground. A process has one controlling terminal, so whatever
 * descriptor, child or group withForeground() is called with, this is what was before. @internal
 */
export function keepQuiet(terminal: QuietTerminal): void {
  kept ??= terminal
}

function takeKept(): QuietTerminal | undefined {
  const taken = kept
  kept = undefined
  return taken
}

/** What a stream on a terminal has behind its public face. */
interface Stream {
  _handle?: Reader | null
}

interface Reader {
  /** Node's own mark of what it has asked for. */
  reading?: boolean
  readStart(): number
  readStop(): number
}

let silent = false

/** Nothing is read, also not what Node asks for in the next tick, until the first caller calls the result. */
function silence(handle: Reader): (() => void) | undefined {
  if (silent) return undefined
  silent = true
  handle.readStop()
  handle.readStart = () => 0
  return () => {
    silent = false
    Reflect.deleteProperty(handle, 'readStart')
    if (handle.reading === true) handle.readStart()
  }
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
  // To whoever listens for 'readable' there is no pause.
  const handle = ours ? (process.stdin as unknown as Stream)._handle : undefined
  const hear = handle ? silence(handle) : undefined
  const resume = () => {
    // One that has hung up has no modes, but an end that the reader waits for.
    if (raw && native.tcgetpgrp(fd) >= 0) process.stdin.setRawMode(true)
    if (flowing) process.stdin.resume()
    hear?.()
  }
  const holder = native.tcgetpgrp(fd)
  const modes = native.tcgetattr(fd)
  if (typeof modes !== 'number') return { modes, holder, resume }
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
 * is continued before `fn` has settled. Should the terminal hang up meanwhile,
 * there is nothing to bring back.
 *
 * Called again before `fn` has settled, the later one has the terminal, till it is
 * done; it comes back to us after the last.
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
  else checkChild(target, 'target')
  tcgetpgrp(fd)
  // Nothing was started, and nothing was given.
  if (child !== undefined && child.pid === undefined) return fn()
  const pgid = typeof target === 'number' ? target : groupOf(target)
  const lent = takeKept()
  if (pgid === undefined && lent === undefined) return fn()
  const terminal = lent ?? quieten(fd)
  if (typeof terminal === 'number') throw systemError(terminal, 'tcgetattr')
  const loan = new Loan(fd, terminal, pgid)
  let watch: ChildWatch | undefined
  const onStop = (signal: NodeJS.Signals) => {
    if (watch?.stoppedBy == null) return
    // It wanted the terminal before it had it.
    if (signal === 'SIGTTIN' || signal === 'SIGTTOU') loan.give()
    else loan.takeBack()
  }
  const onContinue = () => loan.give()
  try {
    // With the terminal from its start, it is not for want of it that it has stopped.
    if (lent === undefined || tcgetpgrp(fd) !== pgid) loan.give()
    watch = child && watchChild(child)
    watch?.on('stop', onStop).on('continue', onContinue)
    return await fn()
  } finally {
    watch?.off('stop', onStop).off('continue', onContinue)
    loan.end()
  }
}

/** undefined for a child that is gone: its pid may be another's by now. */
function groupOf(child: ChildProcess): number | undefined {
  return hasEnded(child) ? undefined : getpgid(child.pid, { throwIfNoEntry: false })
}

/** Those that last, each on what the one before has left. */
const loans: Loan[] = []

/** A terminal that is lent to a process group, or was to one that has ended. */
class Loan {
  readonly #fd: number
  readonly #pgid: number | undefined
  #before: QuietTerminal

  constructor(fd: number, before: QuietTerminal, pgid: number | undefined) {
    this.#fd = fd
    this.#pgid = pgid
    this.#before = before
    loans.push(this)
  }

  give(): void {
    if (this.#pgid === undefined || loans.at(-1) !== this) return
    const result = native.tcsetpgrp(this.#fd, this.#pgid)
    // All its members are gone: there is nobody to give it to.
    if (result === ESRCH) return
    if (result < 0) tcsetpgrp(this.#fd, this.#pgid)
    if (this.#pgid !== getpgrp()) native.killpg(this.#pgid, SIGCONT)
  }

  takeBack(): void {
    if (loans.at(-1) !== this) return
    const { holder, modes } = this.#before
    const back = holder === this.#pgid ? getpgrp() : holder
    let result = native.tcsetpgrp(this.#fd, back)
    // The group that had it is gone.
    if (result === ESRCH || result === EPERM) result = native.tcsetpgrp(this.#fd, getpgrp())
    // It has hung up (TIOCSPGRP of a terminal that has gives this).
    if (result === ENOTTY) return
    if (result < 0) throw systemError(result, 'tcsetpgrp')
    result = native.tcsetattr(this.#fd, modes)
    if (result < 0 && result !== EIO) throw systemError(result, 'tcsetattr')
  }

  end(): void {
    const at = loans.indexOf(this)
    const above = loans[at + 1]
    try {
      this.takeBack()
    } finally {
      loans.splice(at, 1)
      if (above === undefined) {
        // Whom spawn() gave it to since has lost it.
        takeKept()
        this.#before.resume()
      } else {
        above.#before = this.#before
      }
    }
  }
}
