import {
  errnoOf,
  invalidArgType,
  invalidArgValue,
  notDetached,
  outOfRange,
  systemError,
} from '../base/errors.ts'
import { native } from '../base/native.ts'
import { Redirection, reopenLogs, type StdioTarget } from './stdio.ts'
import {
  checkBoolean,
  checkInt32,
  checkMainThread,
  checkObject,
  signalNumber,
} from '../base/check.ts'
import { waitForExit } from '../inspect/wait.ts'

export interface DetachOptions {
  /** Working folder, so that no file system is held in use. Default: it stays. */
  cwd?: string | undefined
  /** File mode creation mask, 0 to 0o777; of log files as well. Default: it stays. */
  umask?: number | undefined
  /** Default: `'auto'`: a terminal becomes /dev/null, everything else is kept. */
  stdin?: StdioTarget | undefined
  /** Default: `'auto'`. A path is a log file, opened for appending. */
  stdout?: StdioTarget | undefined
  /** Default: `'auto'`. A path is a log file; the path of stdout shares its open file. */
  stderr?: StdioTarget | undefined
  /**
   * Ignore SIGHUP, unless it has a listener. bash, zsh and fish send it to what
   * they believe to be our process group when their terminal closes. Default: true.
   */
  ignoreHangup?: boolean | undefined
  /** Milliseconds to wait for the other members of our process group to go. Default: 0. */
  wait?: number | undefined
  /**
   * When they haven't gone: `'throw'`, or `'partial'`, which leaves the process
   * group and the terminal and stays in the session. Default: `'throw'`.
   */
  onBlocked?: 'throw' | 'partial' | undefined
  /** A signal that calls `reopenLogs()`. A failure of it is a warning. Default: none. */
  reopenOn?: NodeJS.Signals | undefined
}

export interface Detached {
  pid: number
  sid: number
  pgid: number
  /**
   * How it got there. `setsid`: at once. `hop`: a process group leader, by way of a helper's group.
   * `notty`: only the terminal was left, by a session leader or because others blocked the rest.
   */
  method: 'setsid' | 'hop' | 'notty'
  /** Whether it is in a session of its own. It has no terminal either way. */
  complete: boolean
  /** The processes that kept it in its old session. */
  blockedBy: number[]
}

type Method = Detached['method']

const EPERM = errnoOf('EPERM')
/** Which call of the way out gives an error: to reach the terminal, or to start the helper. */
const steps = new Map([
  [errnoOf('EMFILE'), 'open'],
  [errnoOf('ENFILE'), 'open'],
  [errnoOf('EAGAIN'), 'clone'],
  [errnoOf('ENOMEM'), 'clone'],
])

/**
 * Takes the running process off its terminal and into a session of its own: same
 * pid, same memory, same sockets, no fork.
 *
 * Afterwards /dev/tty gives ENXIO, and neither Ctrl-C, Ctrl-Z nor the closing of
 * the terminal sends it a signal. A shell that waits for the process goes on
 * waiting: its prompt comes back when the process ends (`daemonize()` gives it
 * back at once). A stdin that was a terminal in use is destroyed; stdout and
 * stderr that were one write to their new file, also through references taken
 * before.
 *
 * A process group leader, whom setsid() refuses, joins a helper's group first and
 * gives it the terminal's foreground; the helper is gone when the call returns. A
 * session leader stays one and gives up the terminal, for all its session, and
 * nobody is sent a signal by that. A second call changes no session and no terminal.
 *
 * Other members of our old process group, such as the rest of a pipeline or a
 * child, make it impossible. `wait` waits for them; pipes that the stdio options
 * replace are let go meanwhile, so that `| cat` comes to its end. If they stay,
 * everything is put back, or `onBlocked: 'partial'` settles for less.
 *
 * The ignored SIGHUP is not passed on: Node gives children the default action. A
 * session leader acquires any terminal that it opens without O_NOCTTY, as
 * `fs.open()` does.
 *
 * @param options all of them are checked, and files opened, before anything changes
 * @returns what was reached, as the kernel tells it afterwards
 * @throws `EPERM` others are in our process group. `reason` is `'group-in-use'`, `blockedBy` their pids;
 * nothing has changed
 * @throws `EAGAIN` no process can be started to help; nothing has changed
 * @throws `EMFILE` no descriptor is left to reach the terminal by; nothing has changed
 * @throws `ENOENT` a log's folder, or `cwd`, is missing; any other errno of open() and chdir() likewise
 * @throws `ERR_NOT_DETACHED` the kernel accepted every step and yet shows another session or a terminal
 * @throws `ERR_WORKER_UNSUPPORTED_OPERATION` called in a worker thread
 * @platform Linux; macOS compiled, not tested
 * @see POSIX setsid(), setpgid(), tcsetpgrp(), XBD 11.1
 * @see setsid(2), tty_ioctl(4)
 */
export async function detach(options: DetachOptions = {}): Promise<Detached> {
  // One at a time: two that wait would let go of, and take back, the same streams.
  const turn = last.then(async () => {
    const way = leave(options, 'detach')
    let step = way.next()
    for (let pause = 1; step.done !== true; pause = Math.min(pause * 2, 20)) {
      const { pids, left } = step.value
      await Promise.all(pids.map((pid) => goneOrLate(pid, left)))
      // A process that has ended is in its group until its parent has waited for it.
      await delay(Math.min(pause, left))
      step = way.next()
    }
    return step.value
  })
  last = turn.catch(() => undefined)
  return turn
}

let last: Promise<unknown> = Promise.resolve()

const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Fulfilled when a process has ended, or it is time to look whether it has left the group otherwise. */
const goneOrLate = (pid: number, left: number) =>
  waitForExit(pid, { timeout: Math.min(left, 500) }).catch(() => undefined)

/**
 * As `detach()`, in one synchronous step. `wait` blocks the event loop, so that
 * own children, which Node reaps there, don't go meanwhile.
 */
export function detachSync(options: DetachOptions = {}): Detached {
  const way = leave(options, 'detachSync')
  let step = way.next()
  while (step.done !== true) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.min(10, step.value.left))
    step = way.next()
  }
  return step.value
}

interface Blocked {
  pids: number[]
  /** Milliseconds to wait for them. */
  left: number
}

/** The whole way out, which yields where there is something to wait for. */
function* leave(options: DetachOptions, call: string): Generator<Blocked, Detached> {
  checkMainThread(call)
  const plan = prepare(options)
  const { stdio } = plan
  try {
    const deadline = performance.now() + plan.wait
    for (let left = plan.wait; left > 0; left = deadline - performance.now()) {
      const pids = blockers()
      if (pids.length === 0) break
      stdio.release()
      yield { pids, left }
    }
    return finish(plan)
  } catch (error) {
    stdio.restore()
    throw error
  } finally {
    stdio.close()
  }
}

type Plan = ReturnType<typeof prepare>

/** Checks the options and opens files. */
function prepare(options: DetachOptions) {
  checkObject(options, 'options')
  const { cwd, umask, ignoreHangup = true, wait = 0, onBlocked = 'throw', reopenOn } = options
  if (cwd !== undefined && typeof cwd !== 'string') {
    throw invalidArgType('options.cwd', 'of type string', cwd)
  }
  if (umask !== undefined) {
    checkInt32(umask, 'options.umask')
    if (umask < 0 || umask > 0o777) throw outOfRange('options.umask', '>= 0 && <= 511', umask)
  }
  checkBoolean(ignoreHangup, 'options.ignoreHangup')
  if (typeof wait !== 'number') throw invalidArgType('options.wait', 'of type number', wait)
  if (!(wait >= 0)) throw outOfRange('options.wait', '>= 0', wait)
  const choices: unknown[] = ['throw', 'partial']
  if (!choices.includes(onBlocked)) {
    throw invalidArgValue('options.onBlocked', onBlocked, "must be one of: 'throw', 'partial'")
  }
  if (reopenOn !== undefined) {
    signalNumber(reopenOn, 'options.reopenOn')
    if (typeof reopenOn !== 'string' || reopenOn === 'SIGKILL' || reopenOn === 'SIGSTOP') {
      throw invalidArgValue('options.reopenOn', reopenOn, 'must name a signal that can be caught')
    }
  }
  const targets = (['stdin', 'stdout', 'stderr'] as const).map((name) => {
    const { [name]: target = 'auto' } = options
    if (typeof target !== 'string') {
      throw invalidArgType(`options.${name}`, 'of type string', target)
    }
    if (target === '') throw invalidArgValue(`options.${name}`, target, 'must not be empty')
    return target
  })
  // No platform but POSIX answers this, and it comes before any file is opened.
  const sid = native.getsid(0)
  if (sid < 0) throw systemError(sid, 'setsid')
  const stdio = withUmask(umask, () => new Redirection(targets))
  return { cwd, umask, ignoreHangup, wait, onBlocked, reopenOn, stdio }
}

function withUmask<T>(umask: number | undefined, open: () => T): T {
  if (umask === undefined) return open()
  const before = process.umask(umask)
  try {
    return open()
  } finally {
    process.umask(before)
  }
}

/** Who keeps our number in use as a process group. It is nothing to a session leader. */
function blockers(): number[] {
  const { pid } = process
  if (native.getsid(0) === pid) return []
  const ids = native.processIds(2, pid)
  if (typeof ids === 'number') throw systemError(ids, 'scandir')
  return Array.from(new Int32Array(ids))
    .filter((id) => id !== pid)
    .sort((a, b) => a - b)
}

/** How this process came to lead its session, if it did so here. */
let led: Method | undefined

/** One try, which changes nothing where it fails: the result of its last call. */
function tryOut(): { method: Method; result: number } {
  const { pid } = process
  if (native.getsid(0) === pid) {
    const method = native.hasTerminal() === 0 ? (led ?? 'notty') : 'notty'
    return { method, result: native.disownTerminal() }
  }
  if (native.getpgrp() === pid) return { method: 'hop', result: native.hop() }
  return { method: 'setsid', result: native.setsid() }
}

/** Into a group of our own; nothing to do where we are alone in one, without terminal. */
function standAside(): number {
  const ids = native.processIds(2, native.getpgrp())
  const alone = typeof ids !== 'number' && ids.byteLength === Int32Array.BYTES_PER_ELEMENT
  return alone && native.hasTerminal() === 0 ? 0 : native.standAside()
}

function finish(plan: Plan): Detached {
  const { cwd, umask, ignoreHangup, reopenOn, stdio } = plan
  const folder = cwd === undefined ? -1 : native.openCwd()
  if (cwd !== undefined && folder < 0) throw systemError(folder, 'open')
  let ignored = false
  let way: Way
  try {
    if (cwd !== undefined) process.chdir(cwd)
    // Before leaving: the terminal may close at any moment.
    ignored = ignoreHangup && native.setHangup(1) === 1
    way = findWay(plan.onBlocked === 'partial')
  } catch (error) {
    if (ignored) native.setHangup(0)
    if (folder >= 0) native.fchdir(folder)
    throw error
  } finally {
    if (folder >= 0) native.close(folder)
  }
  stdio.apply()
  if (umask !== undefined) process.umask(umask)
  if (reopenOn !== undefined) process.off(reopenOn, reopenOrWarn).on(reopenOn, reopenOrWarn)
  if (way.complete) led = way.method
  return prove(way)
}

type Way = Pick<Detached, 'method' | 'complete' | 'blockedBy'>

/** Leaves, or settles for less, or throws with session, group and terminal as they were. */
function findWay(partial: boolean): Way {
  let { method, result } = tryOut()
  let blockedBy: number[] = []
  if (result === EPERM) {
    blockedBy = blockers()
    // They went while we looked.
    if (blockedBy.length === 0) ({ method, result } = tryOut())
  }
  if (result === EPERM && partial) {
    result = standAside()
    if (result >= 0) return { method: 'notty', complete: false, blockedBy }
  }
  if (result < 0) throw refused(result, blockedBy)
  return { method, complete: true, blockedBy: [] }
}

function reopenOrWarn(): void {
  try {
    reopenLogs()
  } catch (error) {
    process.emitWarning(error as Error)
  }
}

function refused(result: number, blockedBy: number[]): Error {
  if (result === EPERM) {
    const { pid } = process
    const others = blockedBy.length === 0 ? 'others that are hidden' : blockedBy.join(', ')
    const text = `process group ${pid} is still in use by ${others}`
    return systemError(result, 'setsid', { reason: 'group-in-use', text, pgid: pid, blockedBy })
  }
  return systemError(result, steps.get(result) ?? 'ioctl')
}

/** What the kernel says that we are now. */
function prove({ method, complete, blockedBy }: Way): Detached {
  const { pid } = process
  const sid = native.getsid(0)
  const pgid = native.getpgrp()
  const terminal = native.hasTerminal()
  if (terminal < 0) throw systemError(terminal, 'open')
  if (terminal > 0 || (complete && (sid !== pid || pgid !== pid))) {
    throw notDetached({ pid, sid, pgid, terminal: terminal > 0 })
  }
  return { pid, sid, pgid, method, complete, blockedBy }
}
