// The controlling terminal of this process: whether we may give it to another group, which group has it from us,
// and how it was before. A process has one such terminal, so there is one instance.
import { EIO, ENOTTY, EPERM, ESRCH } from '../base/errno.ts'
import { type Reason, systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { signals } from '../base/signals.ts'
import { setForegroundError, whyNotTerminal } from '../raw/why.ts'
import { pauseStdin } from './stdin.ts'

/** The terminal as it was before we lent it. */
interface Before {
  modes: ArrayBuffer
  /** Lets `process.stdin` read again. */
  resume(): void
}

class ControllingTerminal {
  /** The group that has it from us. */
  #lentTo: number | undefined
  /** How it was before spawn() lent it; the next loan brings it back. */
  #lentAtStart: Before | undefined
  /** The loans that have not ended, each on top of the one before. */
  readonly #loans: Loan[] = []
  /** Settled when the last call of inTurn() is done. */
  #turn: Promise<unknown> = Promise.resolve()

  /**
   * The foreground process group, if the terminal is ours to give on, else -errno: EPERM for a background process.
   *
   * It is ours while our own group or one that we lent it to is the foreground group, and always for a session
   * leader, which is the controlling process (POSIX XBD 3.86). This is asked right before each tcsetpgrp(). Between
   * the two another may still take the terminal: the kernel has no call that compares and sets.
   */
  right(fd: number): number {
    const holder = native.tcgetpgrp(fd)
    if (holder < 0) return holder
    // tcgetpgrp() answers for the master side of any pty too.
    if (native.tcgetsid(fd) !== native.getsid(0)) return ENOTTY
    const ours = holder === native.getpgrp()
    if (ours) this.#lentTo = undefined
    return ours || holder === this.#lentTo || native.getsid(0) === process.pid ? holder : EPERM
  }

  /** The group that has the terminal if it is ours to give. Used if this process has no descriptor of it. */
  presumedHolder(): number {
    return this.#lentTo ?? native.getpgrp()
  }

  /**
   * Starts a child that takes the terminal itself. `start` gets the group that has it now, or -1 if it is not ours to
   * give: then the child's step fails.
   *
   * @param groupOf the child's group
   */
  lendAtStart<T>(
    fd: number,
    start: (holder: number, onStart: (pid: number) => void) => T,
    groupOf: (pid: number) => number,
  ): T {
    const holder = this.right(fd)
    const before = holder < 0 ? holder : suspend(fd)
    if (typeof before === 'number') return start(-1, () => undefined)
    let lent = false as boolean
    try {
      return start(holder, (pid) => {
        lent = true
        this.#lentTo = groupOf(pid)
        this.#lentAtStart ??= before
      })
    } catch (error) {
      if (lent) this.lend(fd, undefined, false).end()
      throw error
    } finally {
      // No program has started, and the launcher has given the terminal back itself.
      if (!lent) before.resume()
    }
  }

  /**
   * Lends the terminal to a group, unless the group has had it from its start.
   *
   * @param pgid undefined for a group that has ended: the loan only brings back what it left
   * @param wait in the background, the loan begins when the terminal is ours
   */
  lend(fd: number, pgid: number | undefined, wait: boolean): Loan {
    const holder = this.right(fd)
    const denied = holder < 0
    if (denied && !(wait && holder === EPERM)) throw this.#error(holder, fd)
    const before = denied ? undefined : this.takeLentAtStart()
    const loan = new Loan(this, fd, pgid, before)
    this.#loans.push(loan)
    // Node must not read in the background while it waits.
    if (denied) loan.resume = pauseStdin(fd)
    // A group that has had the terminal from its start has not stopped for want of it.
    if (before !== undefined && holder === pgid) loan.state = 'lent'
    return loan
  }

  #error(result: number, fd: number): Error {
    const why = result === EPERM ? whyBackground(fd) : whyNotTerminal(result, fd)
    return systemError(result, 'tcsetpgrp', why)
  }

  /** Whether there is something to bring back. */
  get isLentAtStart(): boolean {
    return this.#lentAtStart !== undefined
  }

  takeLentAtStart(): Before | undefined {
    const taken = this.#lentAtStart
    this.#lentAtStart = undefined
    return taken
  }

  isLast(loan: Loan): boolean {
    return this.#loans.at(-1) === loan
  }

  /** The group that gets the terminal when this loan's group loses it. */
  below(loan: Loan): number {
    const below = this.#loans[this.#loans.indexOf(loan) - 1]
    return (below?.state === 'lent' ? below.pgid : undefined) ?? native.getpgrp()
  }

  set(fd: number, pgid: number): number {
    const result = native.tcsetpgrp(fd, pgid)
    if (result === 0) this.#lentTo = pgid === native.getpgrp() ? undefined : pgid
    return result
  }

  /** Runs `fn` when all that were given before are done: one program at a time has the terminal. */
  async inTurn<T>(fn: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(fn)
    this.#turn = mine.catch(() => undefined)
    return mine
  }

  /** Forgets a loan: it is done, and so is what spawn() lent meanwhile. */
  end(loan: Loan): void {
    const at = this.#loans.indexOf(loan)
    const above = this.#loans[at + 1]
    this.#loans.splice(at, 1)
    if (above !== undefined) {
      above.before = loan.before ?? above.before
      const { resume } = above
      above.resume = () => {
        resume()
        loan.resume()
      }
      return
    }
    if (loan.before !== undefined) {
      const kept = this.takeLentAtStart()
      if (this.#loans.length === 0) this.#lentTo = undefined
      loan.before.resume()
      kept?.resume()
    }
    loan.resume()
  }
}

/** The terminal while `withForeground()` runs. */
class Loan {
  readonly #terminal: ControllingTerminal
  readonly #fd: number
  readonly pgid: number | undefined
  /** undefined until the terminal was given for the first time. */
  before: Before | undefined
  state: 'waiting' | 'lent' | 'returned' = 'waiting'
  /** Lets `process.stdin` read again that was paused before the terminal was ours to give. */
  resume: () => void = () => undefined

  constructor(
    terminal: ControllingTerminal,
    fd: number,
    pgid: number | undefined,
    before: Before | undefined,
  ) {
    this.#terminal = terminal
    this.#fd = fd
    this.pgid = pgid
    this.before = before
  }

  /** The group that has the terminal: this loan's, our own, or another, such as a job of a shell that we started. */
  get holder(): 'lent' | 'ours' | 'other' {
    const pgid = native.tcgetpgrp(this.#fd)
    if (pgid === this.pgid) return 'lent'
    return pgid === native.getpgrp() ? 'ours' : 'other'
  }

  /** Gives the group the terminal, if it is ours to give now, and continues the group. */
  give(): void {
    if (this.pgid === undefined) return
    // The loan above gives it to this group when it is done.
    if (!this.#terminal.isLast(this)) {
      if (this.before !== undefined) this.state = 'lent'
      return
    }
    if (this.#terminal.right(this.#fd) < 0) return
    const before = this.before ?? this.#terminal.takeLentAtStart() ?? suspend(this.#fd)
    if (typeof before === 'number') throw systemError(before, 'tcgetattr')
    this.before = before
    const result = this.#terminal.set(this.#fd, this.pgid)
    // All its members are gone: there is none to give it to.
    if (result === ESRCH) return
    if (result < 0) throw setForegroundError(result, this.#fd, this.pgid)
    this.state = 'lent'
    this.continue()
  }

  continue(): void {
    if (this.pgid !== undefined && this.pgid !== native.getpgrp()) continueGroup(this.pgid)
  }

  /** Gives it if our own group has it now: a shell's fg sends no signal to a running job. */
  giveWhenOurs(): void {
    if (this.state === 'returned' || native.tcgetpgrp(this.#fd) !== native.getpgrp()) return
    this.give()
  }

  /** Takes it back and restores its modes, unless the shell above us has taken it meanwhile, by its own right. */
  takeBack(): void {
    if (this.before === undefined) return
    this.state = 'returned'
    if (!this.#terminal.isLast(this)) return
    const holder = this.#terminal.right(this.#fd)
    // The shell has the terminal, or it has hung up (TIOCSPGRP then gives ENOTTY).
    if (holder === EPERM || holder === EIO || holder === ENOTTY) return
    if (holder < 0) throw systemError(holder, 'tcgetpgrp')
    let result = this.#terminal.set(this.#fd, this.#terminal.below(this))
    // The group below is gone.
    if (result === ESRCH || result === EPERM) {
      result = this.#terminal.set(this.#fd, native.getpgrp())
    }
    if (result === ENOTTY) return
    if (result < 0) throw systemError(result, 'tcsetpgrp')
    result = native.tcsetattr(this.#fd, this.before.modes)
    if (result < 0 && result !== EIO) throw systemError(result, 'tcsetattr')
  }

  end(): void {
    try {
      this.takeBack()
    } finally {
      this.#terminal.end(this)
    }
  }
}

/** Prepares to lend the terminal: pauses stdin and saves the modes. */
function suspend(fd: number): Before | number {
  const resume = pauseStdin(fd)
  const modes = native.tcgetattr(fd)
  if (typeof modes !== 'number') return { modes, resume }
  resume()
  return modes
}

/** Why a background process can't give the terminal to another. */
export function whyBackground(fd: number | undefined): Reason {
  const holder = fd === undefined ? -1 : native.tcgetpgrp(fd)
  const has = holder < 0 ? 'another process group' : `process group ${holder}`
  const text = `this process is in the background, ${has} has the terminal`
  return { reason: 'background', text, ...(holder >= 0 && { pgid: holder }) }
}

/** Continues a group that was stopped with us, or for want of the terminal. It has a member that was not reaped. */
export function continueGroup(pgid: number): void {
  native.killpg(pgid, signals.SIGCONT)
}

/**
 * Stops our own process group, which is the job that the shell above sees, as Ctrl-Z does. It returns when the shell has
 * continued the group. The kernel ignores the signal in an orphaned group, which nobody could continue, and where it is
 * ignored (POSIX XSH 2.4.3): then it returns at once.
 */
export function stopOwnGroup(signal: 'SIGTSTP' | 'SIGTTIN' | 'SIGTTOU'): void {
  // 0 is the caller's own group (kill(2)) also where its number is 1, or 0 because its leader is outside the namespace.
  process.kill(0, signal)
}

export const terminal = new ControllingTerminal()
