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
import { ENOTSUP } from '../base/errno.ts'
import { ownOptions } from '../base/check.ts'
import { systemError } from '../base/errors.ts'
import { checkHost } from '../base/host.ts'
import { native } from '../base/native.ts'
import { copied, spawnByLauncher } from '../launcher/exec.ts'
import type { Step } from '../launcher/command.ts'
import { startedWith } from '../launcher/started.ts'
import { neverSignal } from '../launcher/node-internals.ts'
import { noteStandIn, supervise } from './contain.ts'
import { holdSoon } from './leader.ts'
import { type JobPlan, jobPlan, takenFrom } from './options.ts'
import { terminal } from './terminal.ts'
import type { JobOptions, SpawnOptions, Streams } from './types.ts'
export type { JobOptions } from './types.ts'

/**
 * `child_process.spawn()`, for a child with a place of its own: session, process
 * group, terminal, and what it inherits.
 *
 * The child is Node's own `ChildProcess` in all respects. It goes to its place
 * before its program starts, so the program never runs in the wrong place, and
 * `child.pid` is the program's. With none of our options this is
 * `child_process.spawn()` and nothing else.
 *
 * A failure is an `error` event, as spawn gives it, with `path` and `spawnargs`.
 * The error of a failed step has its own `syscall`, and `reason` if it can be
 * known. Nothing was started then.
 *
 * @param file program, looked up in the PATH of `options.env`
 * @param args its arguments. Default: none
 * @param options those of `child_process.spawn()` and `JobOptions`
 * @returns the child
 * @throws `ERR_INVALID_ARG_VALUE` options that can't go together, named, before anything is started
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE`, `ERR_UNKNOWN_SIGNAL` a bad option
 * @throws `ERR_RUNTIME_UNSUPPORTED` Bun: `contain`; Deno: all of our options but `session: 'new'`
 * @throws `ENOTSUP` one of our options on Windows, or `parentDeathSignal` or `contain` where it isn't Linux
 * @emits `error` with `syscall`: `'setpgid'` (`EPERM`, no such group or another session's),
 * `'ioctl(TIOCSCTTY)'` (`EPERM`, another session's terminal; `ENOTTY`), `'tcsetpgrp'` (`EPERM`, `reason: 'background'`,
 * this process has no terminal to give; `ENOTTY`),
 * `'prctl'` (`EPIPE`, the watcher of a worker's children was just killed; `ENOSYS`, `EPERM`, `reason: 'no-pidfd'`, in a
 * worker, on Linux before 5.3 or in a sandbox),
 * `'fork'` with `contain` (`EAGAIN`, `ENOMEM`; `EPIPE`, `reason: 'no-supervisor'`, the supervisor was just killed; `ENOSYS`,
 * `EPERM`, `reason: 'no-pidfd'`),
 * `'spawn'` with `reason: 'launcher'` (`EACCES`, `ENOENT`: the package's launcher can't be run)
 * @platform Linux, macOS
 * @see POSIX setsid(), setpgid(), tcsetpgrp()
 * @see credentials(7)
 */
export function spawn(
  file: string,
  args?: readonly string[],
  options?: SpawnOptionsWithoutStdio & JobOptions,
): ChildProcessWithoutNullStreams
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
  // Read the arguments as Node reads them. Node itself reports what is wrong with them.
  const one = isOptions(first)
  const given = one ? first : second
  if (!isOptions(given)) return started(plain(file, first, second))
  // Read each getter or proxy once, before anything is done.
  const own: NodeOptions & Record<string, unknown> = ownOptions(given)
  const args = (one ? [] : first) as readonly string[] | undefined
  const { stdio } = own
  if (Array.isArray(stdio)) {
    own.stdio = copied(() => Array.prototype.slice.call(stdio) as [], file, args ?? [], own)
  }
  const plan = jobPlan(own)
  if (plan === undefined) return started(plain(file, args, own))
  if (process.platform === 'win32') throw systemError(ENOTSUP, 'spawn')
  if (process.platform !== 'linux' && (plan.contained || plan.parentDeathSignal !== undefined)) {
    throw systemError(ENOTSUP, 'prctl')
  }
  if (plan.contained) checkHost('spawn() with contain')
  if (plan.detached) own.detached = true
  // It is the program's session, and not its supervisor's: a step makes it.
  if (plan.contained && own.detached === true) own.detached = false
  if (plan.steps.length === 0 && plan.parentDeathSignal === undefined) {
    return started(plain(file, args, own))
  }
  checkHost('spawn() with an option other than session: "new"')
  return started(launchOn(file, args, own, plan))
}

/** Starts the child by the launcher, and lends it the terminal if the options ask for that. */
function launchOn(
  file: string,
  args: readonly string[] | undefined,
  options: NodeOptions,
  plan: JobPlan,
): ChildProcess {
  const startBy = (steps: Step[], lend?: (pid: number) => void) =>
    spawnByLauncher(file, args, options, {
      ...plan,
      steps,
      state: (options as { [startedWith]?: string })[startedWith],
      onStart(child, pid, supervised) {
        if (supervised !== undefined) supervise(child, supervised)
        lend?.(pid)
      },
    })
  if (!plan.takesTerminal) return startBy(plan.steps)
  const start = (holder: number, lend?: (pid: number) => void) =>
    startBy(takenFrom(plan.steps, holder), lend)
  if (plan.terminal === undefined) return start(terminal.presumedHolder())
  const groupOf = (pid: number) => plan.groupOf(pid) ?? native.getpgrp()
  return terminal.lendAtStart(plan.terminal, start, groupOf)
}

/** The last step for every child of ours, also for one that was not started. */
function started(child: ChildProcess): ChildProcess {
  if (child.pid === undefined) return neverSignal(child)
  noteStandIn(child)
  return holdSoon(child)
}

/** @internal */
export function isOptions(value: unknown): value is SpawnOptions {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
