import type {
  ChildProcess,
  ChildProcessByStdio,
  ChildProcessWithoutNullStreams,
  SpawnOptions as NodeOptions,
  SpawnOptionsWithoutStdio,
  SpawnOptionsWithStdioTuple,
  StdioNull,
  StdioPipe,
} from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import {
  errnoOf,
  invalidArgType,
  invalidArgValue,
  outOfRange,
  type Reason,
  systemError,
} from '../base/errors.ts'
import { keepQuiet, quieten } from './foreground.ts'
import { holdSoon } from './leader.ts'
import { launch, type Plan, stdioList } from '../launcher/exec.ts'
import { native } from '../base/native.ts'
import { whyNotGroup } from '../raw/session.ts'
import { whyNotTerminal } from '../raw/terminal.ts'
import { checkInt32, signalNumber } from '../base/check.ts'

/** The place of a child: its session, process group and terminal. */
export interface JobOptions {
  /** `'new'` makes the child the leader of a session of its own, with no terminal. Default: `'inherit'`. */
  session?: 'inherit' | 'new' | undefined
  /**
   * `'new'` makes the child the leader of a process group of its own, in the session that it is in; a
   * number makes it join that group, as the members of a pipeline do. Default: `'inherit'`.
   */
  group?: 'inherit' | 'new' | number | undefined
  /**
   * A descriptor of the child: that terminal becomes the controlling terminal of a new session, which the
   * child leads. It must not be another session's. Default: none.
   */
  controllingTerminal?: number | undefined
  /**
   * A descriptor of the child: its group becomes the foreground process group of that terminal before the
   * program starts. The terminal doesn't come back by itself: `withForeground()` brings it. Till then
   * `process.stdin`, if it is that terminal, is paused and out of raw mode. Default: none.
   */
  foreground?: number | undefined
  /**
   * The signal that the child gets when this process ends, however it ends. The end of the thread that
   * spawned it doesn't count. It is not inherited by the child's own children. Default: none.
   *
   * @platform Linux
   */
  parentDeathSignal?: NodeJS.Signals | undefined
  /** The child's file mode creation mask, 0 to 0o777. Default: ours. */
  umask?: number | undefined
  /** Signals that the program starts with as ignored, like `nohup` does with SIGHUP. Default: none. */
  ignoreSignals?: readonly NodeJS.Signals[] | undefined
}

export interface SpawnOptions extends NodeOptions, JobOptions {}

const EPERM = errnoOf('EPERM')
const EPIPE = errnoOf('EPIPE')
const ENOTSUP = errnoOf('ENOTSUP')

type Streams<T extends StdioNull | StdioPipe, Stream> = T extends StdioNull ? null : Stream

/**
 * `child_process.spawn()`, for a child with a place of its own: session, process
 * group, terminal, and what it inherits.
 *
 * The child is Node's own `ChildProcess` in all respects. What was asked for is
 * done in the child before its program starts, so there is no moment at which
 * it runs in the wrong place, and `child.pid` is the program's. With none of our
 * options this is `child_process.spawn()` and nothing else.
 *
 * What can't be done is told as spawn tells it: an `error` event, with `path`
 * and `spawnargs`; a step that failed has its own `syscall`, and `reason` where
 * it can be known. Nothing was started then.
 *
 * @param file program, looked up in the PATH of `options.env`
 * @param args its arguments. Default: none
 * @param options those of `child_process.spawn()` and `JobOptions`
 * @returns the child
 * @throws `ERR_INVALID_ARG_VALUE` options that can't go together, named, before anything is started
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE`, `ERR_UNKNOWN_SIGNAL` a bad option
 * @throws `ENOTSUP` one of our options on Windows, or `parentDeathSignal` where it isn't Linux
 * @emits `error` with `syscall`: `'setpgid'` (`EPERM`, no such group or another session's),
 * `'ioctl(TIOCSCTTY)'` (`EPERM`, another session's terminal; `ENOTTY`), `'tcsetpgrp'` (`ENOTTY`),
 * `'prctl'` (`EPIPE`, the watcher of a worker's children was just killed; `ENOSYS`, Linux before 5.3),
 * `'spawn'` with `reason: 'launcher'` (`EACCES`, `ENOENT`: the package's launcher can't be run)
 * @platform Linux, macOS
 * @see POSIX setsid(), setpgid(), tcsetpgrp()
 * @see credentials(7)
 */
export function spawn(
  file: string,
  options?: SpawnOptionsWithoutStdio & JobOptions,
): ChildProcessWithoutNullStreams
export function spawn<
  I extends StdioNull | StdioPipe,
  O extends StdioNull | StdioPipe,
  E extends StdioNull | StdioPipe,
>(
  file: string,
  options: SpawnOptionsWithStdioTuple<I, O, E> & JobOptions,
): ChildProcessByStdio<Streams<I, Writable>, Streams<O, Readable>, Streams<E, Readable>>
export function spawn(file: string, options: SpawnOptions): ChildProcess
export function spawn(
  file: string,
  args?: readonly string[],
  options?: SpawnOptionsWithoutStdio & JobOptions,
): ChildProcessWithoutNullStreams
export function spawn<
  I extends StdioNull | StdioPipe,
  O extends StdioNull | StdioPipe,
  E extends StdioNull | StdioPipe,
>(
  file: string,
  args: readonly string[],
  options: SpawnOptionsWithStdioTuple<I, O, E> & JobOptions,
): ChildProcessByStdio<Streams<I, Writable>, Streams<O, Readable>, Streams<E, Readable>>
export function spawn(file: string, args: readonly string[], options: SpawnOptions): ChildProcess
export function spawn(file: string, first?: unknown, second?: unknown): ChildProcess {
  const { spawn } = process.getBuiltinModule('node:child_process')
  const plain = spawn as unknown as (...all: unknown[]) => ChildProcess
  // Read as Node reads them; what is wrong with them is Node's to say.
  const one = isOptions(first)
  const given = one ? first : second
  const plan = isOptions(given) ? planOf(given) : undefined
  if (plan === undefined) return holdSoon(plain(file, first, second))
  const options = { ...(given as SpawnOptions), ...(plan.detached && { detached: true }) }
  if (plan.steps.length === 0 && plan.parentDeathSignal === undefined) {
    return holdSoon(plain(file, one ? [] : first, options))
  }
  const args = (one ? [] : first) as readonly string[] | undefined
  const { terminal: fd } = plan
  if (fd === undefined) return holdSoon(launch(file, args, options, plan))
  const terminal = quieten(fd)
  let child: ChildProcess | undefined
  try {
    child = holdSoon(launch(file, args, options, plan))
    return child
  } finally {
    if (typeof terminal !== 'number') {
      if (child?.pid !== undefined) {
        keepQuiet(terminal)
      } else {
        // The launcher may have taken it before it failed.
        native.tcsetpgrp(fd, terminal.holder)
        terminal.resume()
      }
    }
  }
}

function isOptions(value: unknown): value is SpawnOptions {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Takes the terminal from the session that has it, for who may: `setsid --ctty` does. @internal */
export const steal = Symbol('steal')

interface JobPlan extends Plan {
  detached: boolean
  /** Our descriptor of the terminal that the child is given and that we lose. */
  terminal?: number
}

/** What the options ask for; undefined when it is nothing. Impossible combinations end here. */
function planOf(options: SpawnOptions & { [steal]?: true }): JobPlan | undefined {
  const { session, group, controllingTerminal, foreground, umask } = options
  const { parentDeathSignal, ignoreSignals = [] } = options
  checkWord(session, 'options.session', ['inherit', 'new'])
  if (typeof group === 'number') checkNumber(group, 'options.group', 1, 2 ** 31 - 1)
  else checkWord(group, 'options.group', ['inherit', 'new'])
  checkSession(options)

  const steps: string[] = []
  // setsid() is what `detached` is, and makes a new group too.
  const detached =
    options.detached === true || session === 'new' || controllingTerminal !== undefined
  if (typeof group === 'number') steps.push(`g${group}`)
  if (group === 'new' && !detached) steps.push('g0')
  const terminals: Record<string, number | undefined> = {}
  if (controllingTerminal !== undefined) {
    terminals['c'] = ourDescriptor(options, 'controllingTerminal')
    steps.push(`${options[steal] === true ? 't' : 'c'}${controllingTerminal}`)
  }
  if (foreground !== undefined) {
    terminals['f'] = ourDescriptor(options, 'foreground')
    steps.push(`f${foreground}`)
  }
  if (umask !== undefined) {
    checkNumber(umask, 'options.umask', 0, 0o777)
    steps.push(`u${umask}`)
  }
  if (!Array.isArray(ignoreSignals)) {
    throw invalidArgType('options.ignoreSignals', 'an instance of Array', ignoreSignals)
  }
  ignoreSignals.forEach((name, i) => {
    const number = namedSignal(name, `options.ignoreSignals[${i}]`)
    if (name === 'SIGKILL' || name === 'SIGSTOP') {
      throw invalidArgValue(`options.ignoreSignals[${i}]`, name, "can't be ignored")
    }
    if (name === parentDeathSignal) {
      const why = "can't be both ignored and options.parentDeathSignal"
      throw invalidArgValue(`options.ignoreSignals[${i}]`, name, why)
    }
    steps.push(`i${number}`)
  })

  const asked = steps.length > 0 || session === 'new' || parentDeathSignal !== undefined
  if (!asked) return undefined
  if (process.platform === 'win32') throw systemError(ENOTSUP, 'spawn')
  const plan: JobPlan = {
    detached,
    steps,
    explain: (step, errno) => stepError(step, errno, group, terminals[step]),
  }
  if (parentDeathSignal !== undefined) {
    plan.parentDeathSignal = namedSignal(parentDeathSignal, 'options.parentDeathSignal')
    if (process.platform !== 'linux') throw systemError(ENOTSUP, 'prctl')
  }
  // With controllingTerminal it is not ours to lose.
  const fd = terminals['f']
  if (fd !== undefined && controllingTerminal === undefined) plan.terminal = fd
  return plan
}

/** A session leader is in the group that it leads, and a new session has no terminal. */
function checkSession(options: SpawnOptions): void {
  const { session, group, controllingTerminal, foreground, detached } = options
  const cause =
    session === 'new'
      ? "options.session 'new'"
      : controllingTerminal !== undefined
        ? 'options.controllingTerminal'
        : detached === true
          ? 'options.detached'
          : undefined
  if (cause === undefined) return
  if (session === 'inherit') {
    throw invalidArgValue('options.session', session, `can't go with ${cause}, a new session`)
  }
  if (group === 'inherit' || typeof group === 'number') {
    const why = `can't go with ${cause}: the leader of a session leads a group of its own`
    throw invalidArgValue('options.group', group, why)
  }
  if (foreground !== undefined && controllingTerminal === undefined) {
    const why = `can't go with ${cause}: a new session has no terminal without options.controllingTerminal`
    throw invalidArgValue('options.foreground', foreground, why)
  }
}

/** Our own descriptor for what is `options[name]` in the child, if it has a number. */
function ourDescriptor(
  options: SpawnOptions,
  name: 'controllingTerminal' | 'foreground',
): number | undefined {
  const fd = options[name]
  checkInt32(fd, `options.${name}`)
  const list = stdioList(options.stdio)
  const entry: unknown = list?.[fd]
  if (list !== undefined && (entry == null || typeof entry === 'string') && entry !== 'inherit') {
    const what = entry ?? (fd in list && fd < 3 ? 'pipe' : 'none')
    const why = `must be a descriptor of the child that is a terminal: options.stdio has '${what}' there`
    throw invalidArgValue(`options.${name}`, fd, why)
  }
  if (entry === 'inherit') return fd
  if (typeof entry === 'number') return entry
  const own = (entry as { fd?: unknown } | undefined)?.fd
  return typeof own === 'number' ? own : undefined
}

function checkWord(value: unknown, name: string, words: string[]): void {
  if (value === undefined || words.includes(value as string)) return
  throw invalidArgValue(name, value, `must be one of: ${words.map((w) => `'${w}'`).join(', ')}`)
}

function checkNumber(value: unknown, name: string, least: number, most: number): void {
  checkInt32(value, name)
  if (value < least || value > most) throw outOfRange(name, `>= ${least} && <= ${most}`, value)
}

function namedSignal(value: unknown, name: string): number {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value)
  return signalNumber(value, name)
}

const calls: Record<string, string> = {
  d: 'prctl',
  g: 'setpgid',
  c: 'ioctl(TIOCSCTTY)',
  t: 'ioctl(TIOCSCTTY)',
  f: 'tcsetpgrp',
  i: 'signal',
}

function stepError(
  step: string,
  errno: number,
  group: SpawnOptions['group'],
  terminal: number | undefined,
): Error {
  let why: Reason | undefined
  if (step === 'g' && errno === EPERM) why = whyNotGroup(Number(group))
  if (step === 'f' && terminal !== undefined) why = whyNotTerminal(errno, terminal)
  if (step === 'd' && errno === EPIPE) {
    why = {
      reason: 'no-watcher',
      text: 'the process that watches the children of workers has ended',
    }
  }
  if ('ct'.includes(step) && errno === EPERM) {
    why = { reason: 'terminal-in-use', text: 'it is the controlling terminal of another session' }
  }
  return systemError(errno, calls[step] ?? 'spawn', why)
}
