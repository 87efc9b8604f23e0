import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { aborted, type SystemError } from '../base/errors.ts'
import { checkHost } from '../base/host.ts'
import { holdsOf } from '../inspect/pipes.ts'
import { spawn } from '../spawn/spawn.ts'
import { hold } from '../spawn/leader.ts'
import { settled } from '../stop/rounds.ts'
import type { StopResult } from '../stop/types.ts'
import { checkRun, type RunPlan } from './options.ts'
import { feed, Output } from './output.ts'
import { Pipes } from './pipes.ts'
import { type Place, placeOf } from './place.ts'
import { resultOf } from './result.ts'
import type { BufferOptions, RunOptions, RunResult, TextOptions } from './types.ts'

/** Milliseconds to wait after a stop, for those who hold the pipes and for a program that would not go. */
const AFTER_STOP = 100
/** A program that was seen gone ends its child at once. */
const EXIT_WAIT = 5000

/**
 * Runs a command to its end, and gives its output and all that became of it: also where it leaves background
 * processes that hold its pipes, writes without an end, or ignores the signals that are to stop it.
 *
 * It settles when the program has ended and what it wrote was read. A process that it leaves is named in `survivors`,
 * or stopped or waited for as `onSurvivors` says. It lives on while this process lives, and what it writes from then
 * on fails by EPIPE. At `timeout`, and when `signal` is aborted, everything is stopped that the program has started
 * (`stopped`), also what has left it by setsid, nohup or a double fork.
 *
 * A command that fails, is stopped or can't be stopped is no error: it says so in the result. After the start nothing
 * rejects. `code` and `signal` are null where the program could not be ended.
 *
 * `output` has both streams in the order in which they came here. What a program writes to the two within a moment may
 * change places.
 *
 * @param file program, looked up in the PATH of `options.env`
 * @param args its arguments. Default: none
 * @param options those of `spawn()` and `RunOptions`; no others
 * @returns when the program has ended, and `options.drain` ms later at the latest; after a stop, `options.grace` and
 * half a second later at the latest, unless the kernel can't end a process at once
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_OUT_OF_RANGE`, `ERR_UNKNOWN_SIGNAL` a bad option, one
 * that is none, options that can't go together
 * @throws `ENOENT`, `EACCES`, … the program can't be run, as `spawn()` reports it by its `error` event
 * @throws `EMFILE`, `ENFILE` no descriptor is free
 * @throws `EAGAIN`, `ENOMEM` there is no process left
 * @throws `EPIPE` its supervisor was killed before the program began (`reason: 'no-supervisor'`)
 * @throws `ENOSYS`, `EPERM` with `contain: true`, where the kernel or a sandbox refuses pidfds (`reason: 'no-pidfd'`)
 * @throws `ERR_RUNTIME_UNSUPPORTED` the runtime is Bun or Deno
 * @throws `AbortError` `options.signal` was aborted before anything was started
 * @platform Linux, macOS: where the platform can't contain, `contained` is false unless `options.contain` is true
 * @see POSIX pipe()
 * @see pipe(7), PR_SET_CHILD_SUBREAPER(2const)
 */
export async function run(
  file: string,
  args: readonly string[] | undefined,
  options: BufferOptions,
): Promise<RunResult<Buffer>>
export async function run(
  file: string,
  args?: readonly string[],
  options?: TextOptions,
): Promise<RunResult>
export async function run(
  file: string,
  args: readonly string[] | undefined,
  options: RunOptions,
): Promise<RunResult<string | Buffer>>
export async function run(file: string, options: BufferOptions): Promise<RunResult<Buffer>>
export async function run(file: string, options: TextOptions): Promise<RunResult>
export async function run(
  file: string,
  first?: unknown,
  second?: unknown,
): Promise<RunResult<string | Buffer>> {
  const plan = checkRun(file, first, second)
  checkHost('run()')
  if (plan.signal?.aborted === true) throw aborted(plan.signal)
  const began = performance.now()
  const pipes = new Pipes(plan.stdio)
  try {
    const child = await start(plan, pipes)
    const run = new Run(child, plan, pipes)
    return resultOf({ ...(await run.end()), elapsed: performance.now() - began })
  } finally {
    pipes.close()
  }
}

/** Starts the program, uncontained where the platform can't contain it and the caller has not asked for it. */
async function start(plan: RunPlan, pipes: Pipes): Promise<ChildProcess> {
  const { file, args, mustContain } = plan
  const options = { ...plan.spawn, stdio: pipes.stdio(plan.stdio) as never }
  if (process.platform !== 'linux' && !mustContain) options.contain = false
  for (;;) {
    const child = spawn(file, args, options)
    if (child.pid !== undefined) {
      hold(child)
      return child.on('error', () => undefined)
    }
    const [error] = (await once(child, 'error')) as [SystemError]
    const missing = options.contain === true && !mustContain && error.reason === 'no-pidfd'
    if (!missing) throw error
    options.contain = false
  }
}

class Run {
  readonly #child: ChildProcess
  readonly #plan: RunPlan
  readonly #pipes: Pipes
  readonly #place: Place
  readonly #output: Output
  readonly #endInput: () => void
  readonly #exited: Promise<void>
  readonly #limit: Limit

  constructor(child: ChildProcess, plan: RunPlan, pipes: Pipes) {
    this.#child = child
    this.#plan = plan
    this.#pipes = pipes
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()))
    this.#limit = new Limit(plan)
    this.#place = placeOf(child)
    const { stdin, ...fds } = pipes.take()
    this.#output = new Output(plan, fds)
    this.#endInput = stdin === undefined ? () => undefined : feed(stdin, plan.input)
  }

  async end(): Promise<Omit<RunResult<string | Buffer>, 'elapsed'>> {
    const { drain, onSurvivors, encoding } = this.#plan
    const reached = (await this.#limit.orElse(this.#exited)) ?? (await this.#waitForRest())
    this.#limit.end()
    const stopped =
      reached !== undefined || onSurvivors === 'stop'
        ? await this.#stop(reached !== undefined)
        : null
    if (stopped !== null) await this.#output.drained(Math.min(drain, AFTER_STOP))
    const rest = await this.#lookAtRest()
    const { truncated, ...bytes } = this.#output.finish()
    this.#endInput()
    const { exitCode: code, signalCode: signal } = this.#child
    if (code === null && signal === null) this.#child.unref()
    const text = (name: keyof typeof bytes) =>
      encoding === 'buffer' ? bytes[name] : bytes[name].toString(encoding)
    return {
      ...{ code, signal, stdout: text('stdout'), stderr: text('stderr'), output: text('output') },
      ...{ timedOut: reached === 'timeout', aborted: reached === 'abort', truncated },
      ...{ ...rest, stopped },
    }
  }

  /** The program has ended in time. What it leaves has the rest of the time only if it is waited for. */
  async #waitForRest(): Promise<Reached> {
    const { drain, onSurvivors } = this.#plan
    if (onSurvivors !== 'wait') {
      const reached = await this.#limit.orElse(this.#output.drained(drain))
      return reached === 'timeout' ? undefined : reached
    }
    const over = new AbortController()
    // Where that can't be told, what is left is looked at.
    const empty = this.#place.empty(over.signal).catch(() => undefined)
    const reached = await this.#limit.orElse(empty.then(() => this.#output.drained(drain)))
    over.abort()
    return reached
  }

  /** null: nothing was left, and nobody has asked for it. */
  async #stop(asked: boolean): Promise<StopResult | null> {
    let stopped: StopResult
    try {
      stopped = await this.#place.stop(this.#plan.stop)
    } catch {
      // No descriptor is free, say: what is left can't be told. The program itself can be ended in any case.
      this.#child.kill('SIGKILL')
      stopped = { ...settled('survivors'), hidden: true }
    }
    if (stopped.outcome === 'already-gone' && !asked) return null
    const limit = stopped.outcome === 'survivors' && !stopped.hidden ? AFTER_STOP : EXIT_WAIT
    const timer = new AbortController()
    const late = delay(limit, undefined, { signal: timer.signal }).catch(() => undefined)
    await Promise.race([this.#exited, late])
    timer.abort()
    return stopped
  }

  async #lookAtRest(): Promise<Pick<RunResult, 'contained' | 'survivors'>> {
    try {
      const members = this.#place.members()
      const pids = members.map(({ pid }) => pid)
      // Where no descriptor is free, it can't be told who holds what.
      const held = await holdsOf(pids, this.#pipes.shown).catch(() => undefined)
      const survivors = members.map((info) => ({ ...info, holds: held?.get(info.pid) ?? [] }))
      return { contained: this.#place.isWhole(), survivors }
    } catch {
      // The table can't be read: not all that is left can be found.
      return { contained: false, survivors: [] }
    }
  }
}

type Reached = 'timeout' | 'abort' | undefined

/** The time limit and the caller's signal. */
class Limit {
  readonly #reached: Promise<Reached>
  readonly #signal: AbortSignal | undefined
  #timer: NodeJS.Timeout | undefined
  #onAbort!: () => void

  constructor({ timeout, signal }: RunPlan) {
    this.#signal = signal
    this.#reached = new Promise((resolve) => {
      this.#onAbort = () => resolve('abort')
      if (timeout < Infinity) this.#timer = setTimeout(() => resolve('timeout'), timeout)
    })
    signal?.addEventListener('abort', this.#onAbort)
    // It was aborted while the program was started.
    if (signal?.aborted === true) this.#onAbort()
  }

  /** undefined: the other was first. */
  orElse(other: Promise<unknown>): Promise<Reached> {
    return Promise.race([other.then(() => undefined), this.#reached])
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#signal?.removeEventListener('abort', this.#onAbort)
  }
}
