import { invalidArgValue, systemError } from '../base/errors.ts'
import { checkHost } from '../base/host.ts'
import { native } from '../base/native.ts'
import { leave, type LeavePlan, leavePlan } from './leave.ts'
import { letsTerminalGo, Redirection } from './stdio.ts'
import {
  boolean,
  type Check,
  checkMainThread,
  checkOptions,
  ms,
  octal,
  oneOf,
  signalNumber,
  string,
} from '../base/check.ts'
import { state } from './state.ts'
import type { DetachOptions, Detached, StdioTarget } from './types.ts'

/**
 * Takes the running process off its terminal and into a session of its own: same
 * pid, same memory, same sockets, no fork.
 *
 * Afterwards /dev/tty gives ENXIO, and neither Ctrl-C, Ctrl-Z nor the closing of
 * the terminal sends it a signal. A shell that waits for the process goes on
 * waiting: its prompt comes back when the process ends (`daemonize()` gives it
 * back at once). If stdin was a terminal in use, the call destroys that stream. If
 * stdout or stderr was a terminal, it now writes to its new file, also through
 * references taken before.
 *
 * setsid() refuses a process group leader. A leader first joins the group of a helper and
 * gives it the terminal's foreground; the helper is gone when the call returns. A
 * session leader stays one: it gives up the terminal for its whole session, without
 * a signal to any process. A second call changes no session and no terminal.
 *
 * Other members of our old process group, such as the rest of a pipeline or a
 * child, make it impossible. `wait` waits for them, and meanwhile closes the pipes
 * that the stdio options replace, so that `| cat` ends. If the members stay, the
 * call restores everything, or `onBlocked: 'partial'` settles for less.
 *
 * Output that is queued for a pipe or a socket is written before another file takes its place, as long as
 * its reader takes something at least every 5 s.
 *
 * The ignored SIGHUP is not passed on: children get the default action. A
 * session leader acquires any terminal that it opens without O_NOCTTY, as
 * `fs.open()` does.
 *
 * @param options all of them are checked, and files opened, before anything changes
 * @returns what was reached, as the kernel tells it afterwards
 * @throws `EPERM` others are in our process group. `reason` is `'group-in-use'`, `blockedBy` their pids;
 * nothing has changed
 * @throws `EAGAIN` no process can be started to help; nothing has changed
 * @throws `EMFILE` no descriptor is left to reach the terminal by; nothing has changed
 * @throws `ETIMEDOUT` the reader of a pipe that is to be replaced takes nothing (`reason: 'output-stalled'`, `bytes`);
 * nothing has changed
 * @throws `ENOENT` a log's folder, or `cwd`, is missing; any other errno of open() and chdir() likewise
 * @throws `EPERM`, `ELOOP` root: a log stands in a folder, or behind a link, of another user, or is another user's
 * (`reason: 'untrusted-folder'`, `'untrusted-link'`, `'untrusted-file'`); nothing has changed
 * @throws `ERR_NOT_DETACHED` the kernel accepted every step and yet shows another session or a terminal
 * @throws `ERR_RUNTIME_UNSUPPORTED` the runtime is Deno; it is Bun, and a stream to be replaced is a terminal
 * @throws `ERR_WORKER_UNSUPPORTED_OPERATION` called in a worker thread
 * @platform Linux; macOS compiled, not tested
 * @see POSIX setsid(), setpgid(), tcsetpgrp(), XBD 11.1
 * @see setsid(2), tty_ioctl(4)
 */
export async function detach(options: DetachOptions = {}): Promise<Detached> {
  return detachBy(() => prepare(options, 'detach'))
}

/** @internal `detach()` for a caller that has checked the options and opened the streams. */
export async function detachBy(plan: () => LeavePlan): Promise<Detached> {
  const turn = state.detaching.then(async () => {
    const way = leave(plan())
    let step = way.next()
    while (step.done !== true) {
      const { wait } = step.value
      step = await wait().then(
        () => way.next(),
        (error: unknown) => way.throw(error),
      )
    }
    return step.value
  })
  state.detaching = turn.catch(() => undefined)
  return turn
}

/**
 * As `detach()`, in one synchronous step. `wait` blocks the event loop. Node reaps its children in
 * that loop, so they stay in the group meanwhile. Node can't write queued output meanwhile either:
 * if that stream is to be replaced, the call fails.
 *
 * @throws `EAGAIN` output for a pipe or a socket that is to be replaced is queued (`reason: 'output-queued'`, `bytes`);
 * nothing has changed
 * @throws as `detach()`
 */
export function detachSync(options: DetachOptions = {}): Detached {
  const way = leave(prepare(options, 'detachSync'))
  let step = way.next()
  while (step.done !== true) {
    try {
      step.value.block()
    } catch (error) {
      step = way.throw(error)
      continue
    }
    step = way.next()
  }
  return step.value
}

const stdioTarget: Check<StdioTarget> = (value, name) => {
  const target = string(value, name)
  if (target === '') throw invalidArgValue(name, target, 'must not be empty')
  return target
}

const catchable: Check<NodeJS.Signals> = (value, name) => {
  signalNumber(value, name)
  if (typeof value !== 'string' || value === 'SIGKILL' || value === 'SIGSTOP') {
    throw invalidArgValue(name, value, 'must name a signal that can be caught')
  }
  return value as NodeJS.Signals
}

/** @internal The options of `detach()`, a row each. */
export const detachChecks = {
  cwd: string,
  umask: octal,
  stdin: stdioTarget,
  stdout: stdioTarget,
  stderr: stdioTarget,
  ignoreHangup: boolean,
  wait: ms(0),
  onBlocked: oneOf('throw', 'partial'),
  reopenOn: catchable,
}

/** Checks the options and opens files. */
function prepare(options: DetachOptions, call: 'detach' | 'detachSync'): LeavePlan {
  checkMainThread(call)
  checkHost(`${call}()`)
  const {
    stdin = 'auto',
    stdout = 'auto',
    stderr = 'auto',
    ...rest
  } = checkOptions(options, detachChecks)
  checkPlatform()
  const targets = [stdin, stdout, stderr]
  const stdio = withUmask(rest.umask, () => new Redirection(targets, letsTerminalGo))
  return leavePlan(rest, stdio)
}

/** Throws on a platform without POSIX sessions, before any file is opened. */
function checkPlatform(): void {
  const sid = native.getsid(0)
  if (sid < 0) throw systemError(sid, 'setsid')
}

/** @internal */
export function withUmask<T>(umask: number | undefined, open: () => T): T {
  if (umask === undefined) return open()
  const before = process.umask(umask)
  try {
    return open()
  } finally {
    process.umask(before)
  }
}
