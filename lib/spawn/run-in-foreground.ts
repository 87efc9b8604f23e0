import type { ChildProcess } from 'node:child_process'
import { setTimeout } from 'node:timers/promises'
import { EPERM } from '../base/errno.ts'
import { checkMainThread, ownOptions } from '../base/check.ts'
import { invalidArgValue } from '../base/errors.ts'
import { checkHost } from '../base/host.ts'
import { native } from '../base/native.ts'
import { stdioList } from '../launcher/command.ts'
import { exitOrStop, hasEnded, watchChild } from './child.ts'
import { programOf } from './contain.ts'
import { isForeground, withForeground } from './foreground.ts'
import { ownDescriptor } from './options.ts'
import { isOptions, spawn } from './spawn.ts'
import { pauseStdin } from './stdin.ts'
import { continueGroup, stopOwnGroup, terminal } from './terminal.ts'
import type { ChildExit, SpawnOptions } from './types.ts'

/** ms that a program in the background waits before it asks for the terminal again, where nothing stops us. */
const PAUSE = 100

/**
 * Runs a program that takes the terminal, as a shell runs a job: an editor, a pager, `sudo`, `ssh`, `fzf`.
 *
 * The program leads a process group of its own, which has the terminal from its start: what is typed, Ctrl-C and Ctrl-Z
 * reach that group alone. When the program has ended, however it ended, the terminal, its modes, and `process.stdin`
 * with raw mode and readline are as before. At Ctrl-Z our own process group stops too, so that the user's shell has its
 * prompt back and shows one stopped job; `fg` and `bg` continue both. If no shell could continue us, since our group is
 * orphaned or ignores the stop, the program goes on at once.
 *
 * What the program does to the modes does not last, not even `stty`. A second call waits for the end of the first. The
 * terminal is the first of the child's descriptors 0, 1 and 2 that is our controlling terminal. If none is (in CI, in a
 * daemon), the program is started in our own group and waited for. An aborted `signal`, or a `timeout`, sends
 * `killSignal`, and the call still waits for the end: a program may ignore that signal.
 *
 * @param file program, looked up in the PATH of `options.env`
 * @param args its arguments. Default: none
 * @param options those of `spawn()`, but no other place for the child, and no pipes. Default of `stdio`: `'inherit'`
 * @returns how it ended, by exit code or signal. A program that failed is no error
 * @throws `EPERM` this process is in the background (`reason: 'background'`), and nothing was started
 * @throws `ENOENT`, `EACCES` the program is missing, can't be run; any other errno of `spawn()` likewise
 * @throws `AbortError` `options.signal` was aborted, and the program has ended
 * @throws `ERR_INVALID_ARG_VALUE` an option that contradicts this, named, before anything is started: `session: 'new'`,
 * `detached`, `controllingTerminal`, `foreground`, a `group` that isn't `'new'`, a pipe in `stdio`
 * @throws `ERR_RUNTIME_UNSUPPORTED` the runtime is Bun or Deno
 * @throws `ERR_WORKER_UNSUPPORTED_OPERATION` in a worker: Ctrl-Z stops the whole process
 * @platform Linux; macOS compiled only
 * @see POSIX tcsetpgrp(), tcsetattr(), XBD 11.1.4
 * @see credentials(7), termios(3)
 */
export async function runInForeground(
  file: string,
  args?: readonly string[],
  options?: SpawnOptions,
): Promise<ChildExit>
export async function runInForeground(file: string, options?: SpawnOptions): Promise<ChildExit>
export async function runInForeground(
  file: string,
  first?: readonly string[] | SpawnOptions,
  second: SpawnOptions = {},
): Promise<ChildExit> {
  checkMainThread('runInForeground')
  checkHost('runInForeground()')
  const one = isOptions(first)
  const options = checked(one ? first : second)
  const args = one ? [] : (first ?? [])
  const place = terminalOf(options)
  if (place === undefined) return ending(spawn(file, args, options), exitOf)
  return terminal.inTurn(async () => {
    // Not asked of a pipe: process.stdin would make it non-blocking, for the child too.
    const raw = isForeground(place.own) && isOurTerminal(0) && process.stdin.isRaw
    const resume = pauseStdin(place.own)
    try {
      const child = spawn(file, args, { ...options, group: 'new', foreground: place.child })
      return await ending(child, () => runAsJob(place.own, child))
    } finally {
      // Raw mode can't be set in the background: we wait for fg, as any program that sets modes.
      if (raw && terminal.right(place.own) === EPERM) stopOwnGroup('SIGTTOU')
      resume()
    }
  })
}

/** What would put the child elsewhere, and the value that asks for nothing. */
const contradictions = {
  session: 'inherit',
  detached: false,
  controllingTerminal: undefined,
  stealTerminal: false,
  foreground: undefined,
  group: 'new',
}

/** The options, each read once, with the default of `stdio`. */
function checked(given: unknown): SpawnOptions {
  const own: SpawnOptions & Record<string, unknown> = ownOptions(given)
  const refuse = (name: string, why: string) => {
    throw invalidArgValue(`options.${name}`, own[name], why)
  }
  for (const [name, harmless] of Object.entries(contradictions)) {
    if (own[name] !== undefined && own[name] !== harmless)
      refuse(name, "can't go with runInForeground(), which itself finds the program's place")
  }
  // Without a terminal the program is in our own group.
  delete own.group
  const { stdio } = own
  if (!stdio) own.stdio = 'inherit'
  if (Array.isArray(stdio)) {
    const list = Array.from<unknown>(stdio)
    while (list.length < 3) list.push('inherit')
    own.stdio = list.map((entry, fd) => (fd < 3 ? (entry ?? 'inherit') : entry)) as []
  }
  for (const entry of [own.stdio].flat()) {
    if (entry === 'pipe' || entry === 'overlapped' || entry === 'ipc')
      refuse('stdio', `can't have '${entry}': runInForeground() gives no child to talk to`)
  }
  return own
}

interface Place {
  /** The child's descriptor of the terminal. */
  child: number
  own: number
}

/** undefined where the child gets no descriptor of our controlling terminal. */
function terminalOf(options: SpawnOptions): Place | undefined {
  const stdio = stdioList(options.stdio)
  for (const child of [0, 1, 2]) {
    const own = ownDescriptor(child, { stdio })
    // tcgetpgrp() answers for the master side of any pty too.
    if (
      own !== undefined &&
      native.tcgetpgrp(own) >= 0 &&
      native.tcgetsid(own) === native.getsid(0)
    )
      return { child, own }
  }
  return undefined
}

/** Whether it is our controlling terminal. tcgetpgrp() answers for the master side of any pty too. */
const isOurTerminal = (fd: number) =>
  native.tcgetpgrp(fd) >= 0 && native.tcgetsid(fd) === native.getsid(0)

/** How a child ends. What Node tells by `error` meanwhile, as of an abort, is told after its end. */
async function ending(
  child: ChildProcess,
  wait: (child: ChildProcess) => Promise<ChildExit>,
): Promise<ChildExit> {
  const errors: Error[] = []
  child.on('error', (error) => errors.push(error))
  const end = await wait(child)
  const [error] = errors
  if (error !== undefined) throw error
  return end
}

/** The end alone: a child in our own group is stopped and continued as we are. */
async function exitOf(child: ChildProcess): Promise<ChildExit> {
  if (child.pid !== undefined && !hasEnded(child)) {
    await new Promise<void>((resolve) => child.once('exit', () => resolve()))
  }
  // Also the error of a child that was not started.
  const end = await exitOrStop(child)
  return end.state === 'exited' ? end : exitOf(child)
}

/** Our group and the child's as one job of the shell above, until the child has ended. */
async function runAsJob(fd: number, child: ChildProcess): Promise<ChildExit> {
  try {
    for (;;) {
      const end = await withForeground(fd, child, () => exitOrStop(child), { wait: true })
      if (end.state === 'exited') return end
      await stopAlike(fd, child, end.signal)
    }
  } catch (error) {
    if (child.pid === undefined || hasEnded(child)) throw error
    // The terminal has hung up, and the program finds that out itself. Otherwise nobody could end it but we.
    const hungUp = hasHungUp(fd)
    if (hungUp) continueGroup(programOf(child) ?? child.pid)
    else child.kill('SIGKILL')
    const end = await exitOf(child)
    if (hungUp) return end
    throw error
  }
}

/** Stops our group as the child was stopped. Settled when it is time to ask for the terminal again. */
async function stopAlike(fd: number, child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  // It has been continued since.
  if (watchChild(child).stoppedBy === null) return
  if (signal !== 'SIGTTIN' && signal !== 'SIGTTOU') {
    // By SIGSTOP we would stop also where nobody could continue us.
    stopOwnGroup('SIGTSTP')
  } else if (terminal.right(fd) === EPERM) {
    // It has stopped for want of the terminal, which we don't have.
    stopOwnGroup(signal)
    // If nothing has stopped us, it would only stop again at once.
    if (terminal.right(fd) === EPERM) await setTimeout(PAUSE)
  }
}

function hasHungUp(fd: number): boolean {
  const right = terminal.right(fd)
  return right < 0 && right !== EPERM
}
