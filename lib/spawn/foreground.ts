import type { ChildProcess } from 'node:child_process'
import { EIO, ENOTTY } from '../base/errno.ts'
import {
  boolean,
  checkChild,
  checkFunction,
  checkGroup,
  checkInt32,
  checkOptions,
} from '../base/check.ts'
import { invalidArgValue, systemError } from '../base/errors.ts'
import { checkHost } from '../base/host.ts'
import { native } from '../base/native.ts'
import { getpgid, getpgrp } from '../raw/session.ts'
import { tcgetpgrp } from '../raw/terminal.ts'
import { hasEnded, watchChild } from './child.ts'
import { programOf, whyNotItsGroup } from './contain.ts'
import { terminal } from './terminal.ts'
import type { ChildWatch, ForegroundOptions } from './types.ts'

/** How often a waiting loan looks whether the terminal is ours: bash's `fg` sends no signal to a running job. */
const LOOK = 100

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

/**
 * Gives the terminal to a process group while `fn` runs, and takes it back.
 *
 * The group becomes the foreground process group, and is continued if it has
 * stopped for want of the terminal. When `fn` has settled, the foreground process
 * group and the terminal's modes are as before, whatever the group has done.
 * A child that is stopped loses the terminal at once, and gets it again if it
 * is continued before `fn` has settled. If the terminal hangs up meanwhile,
 * there is nothing to restore.
 *
 * A background process has no terminal to give, so each of these steps checks that again. If the shell has taken the
 * terminal meanwhile, after Ctrl-Z and `bg`, the call neither gives it nor takes it back, and leaves its modes alone.
 *
 * If it is called again before `fn` has settled, the later call has the terminal until
 * it is done. The terminal comes back to us after the last call.
 *
 * `process.stdin`, if it is that terminal, is paused and out of raw mode
 * meanwhile: the kernel stops a process that reads from the background.
 *
 * @param fd descriptor of the caller's controlling terminal
 * @param target a child, whose group it is, or a process group ID of the caller's session
 * @param fn what to wait for: `() => exitOrStop(child)`
 * @param options whether to wait in the background. Default: no
 * @returns what `fn` gives
 * @throws `EBADF` `fd` is not open
 * @throws `ENOTTY` `fd` is not the caller's controlling terminal
 * @throws `EPERM` the caller is in the background (`reason: 'background'`), and `fn` was not called; the group
 * is in another session
 * @throws `ERR_RUNTIME_UNSUPPORTED` the runtime is Bun, and `target` is a child
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE` `target` is neither a child nor a group; `fn` is no function
 * @throws `ERR_INVALID_ARG_VALUE` it is the pid of a contained child, which is not in the group of its program
 * @platform Linux, macOS
 * @see POSIX tcsetpgrp(), tcsetattr()
 */
export async function withForeground<T>(
  fd: number,
  target: ChildProcess | number,
  fn: () => T | Promise<T>,
  options: ForegroundOptions = {},
): Promise<T> {
  checkInt32(fd, 'fd')
  const child = typeof target === 'number' ? undefined : target
  if (typeof target !== 'number') checkChild(target, 'target')
  else {
    checkGroup(target, 'target')
    const why = whyNotItsGroup(target)
    if (why !== undefined) throw invalidArgValue('target', target, why)
  }
  checkFunction(fn, 'fn')
  const { wait = false } = checkOptions(options, { wait: boolean })
  if (child !== undefined) checkHost('withForeground() of a child')
  // The terminal has hung up since spawn() lent it: there is nothing to restore, and fn tells how the child is.
  if (terminal.isLentAtStart && native.tcgetpgrp(fd) === EIO) {
    terminal.takeLentAtStart()?.resume()
    return fn()
  }
  tcgetpgrp(fd)
  // The child was not started, and no terminal was given.
  if (child !== undefined && child.pid === undefined) return fn()
  const pgid = typeof target === 'number' ? target : groupOf(target)
  if (pgid === undefined && !terminal.isLentAtStart) return fn()
  const loan = terminal.lend(fd, pgid, wait)
  let watch: ChildWatch | undefined
  const onStop = (signal: NodeJS.Signals) => {
    if (watch?.stoppedBy == null) return
    const wants = signal === 'SIGTTIN' || signal === 'SIGTTOU'
    // The child asked for the terminal before it had it.
    if (wants && loan.before !== undefined && loan.holder !== 'other') loan.give()
    else loan.takeBack()
  }
  // This event may come late: the child may have stopped again, or may have given the terminal to a job of its own.
  const onContinue = () => {
    if (loan.state === 'returned' || loan.holder === 'ours') loan.give()
  }
  // After the child has ended, another group may have its number.
  const look = () => {
    if (child === undefined || !hasEnded(child)) loan.giveWhenOurs()
  }
  const timer = wait ? setInterval(look, LOOK).unref() : undefined
  if (wait) process.on('SIGCONT', look)
  try {
    if (loan.state !== 'lent') loan.give()
    // As a shell's bg does.
    if (wait && loan.before === undefined) loan.continue()
    watch = child && watchChild(child)
    watch?.on('stop', onStop).on('continue', onContinue)
    return await fn()
  } finally {
    watch?.off('stop', onStop).off('continue', onContinue)
    clearInterval(timer)
    process.off('SIGCONT', look)
    loan.end()
  }
}

/** undefined for a child that is gone: its pid may be another's by now. */
function groupOf(child: ChildProcess): number | undefined {
  return hasEnded(child) ? undefined : getpgid(programOf(child), { throwIfNoEntry: false })
}
