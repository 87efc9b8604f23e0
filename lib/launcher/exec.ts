import type { ChildProcess, SpawnOptions as NodeOptions } from 'node:child_process'
import { EACCES, EINVAL } from '../base/errno.ts'
import { systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { becomeError, launcherError, replaceError } from './failure.ts'
import {
  builtin,
  endLost,
  type Internal,
  internalsKnown,
  neverSignal,
  type Normalized,
  withSpawn,
} from './node-internals.ts'
import {
  endSupervised,
  type FailedStep,
  prepareCommand,
  type Step,
  type Supervised,
} from './command.ts'

/**
 * What the launcher does before the program starts: src/launcher/exec/exec.c. Each field is an own key, so that no
 * value comes from Object.prototype.
 */
export interface ExecPlan {
  /** In order. */
  steps: Step[]
  /** The number of the signal that the child gets when this process ends. */
  parentDeathSignal: number | undefined
  /** What it is started with: `startedWith`. */
  state: string | undefined
  /** The error of a failed step. */
  explain(step: FailedStep, errno: number): Error
  /** Called when the program has started, before anything else can fail. */
  onStart: (child: ChildProcess, pid: number, supervised: Supervised | undefined) => void
}

/**
 * `child_process.spawn` by way of the launcher.
 *
 * @param options of the caller, without a prototype: each was read once
 */
export function spawnByLauncher(
  file: string,
  args: readonly string[] | undefined,
  options: NodeOptions,
  plan: ExecPlan,
): ChildProcess {
  const child = internalsKnown()
    ? spawnInside(file, args, options, plan)
    : spawnAround(file, args ?? [], options, plan)
  return child.pid === undefined ? neverSignal(child) : child
}

/**
 * Node checks the arguments and makes the child. The hook changes only the program
 * that Node starts, and the result that Node gets. So errors, events and their
 * order are Node's own.
 */
function spawnInside(
  file: string,
  args: readonly string[] | undefined,
  options: NodeOptions,
  plan: ExecPlan,
): ChildProcess {
  let endRunning: (() => void) | undefined
  const hook = function (this: Internal, original: Internal['spawn'], normalized: Normalized) {
    const command = prepareCommand(normalized, plan.steps, plan.parentDeathSignal, plan.state)
    const handle = this._handle
    // Node refuses such a stdio. If it doesn't, the program must not run without its steps.
    if (command === undefined) {
      handle.spawn = () => EINVAL
      return original.call(this, normalized)
    }
    if (typeof command === 'number') {
      handle.spawn = () => command
      return original.call(this, normalized)
    }
    handle.spawn = (...parameters) => {
      Reflect.deleteProperty(handle, 'spawn')
      this.spawnfile = normalized.file
      this.spawnargs = normalized.args
      const result = handle.spawn(...parameters)
      if (result !== 0) {
        const error = launcherError(result, command.path)
        if (error !== undefined) replaceError(this, error)
        return result
      }
      endRunning = () => {
        if (command.supervised !== undefined) endSupervised(command.supervised)
        endLost(this)
      }
      const failure = command.result()
      if (failure === undefined) {
        const { supervised } = command
        const pid = supervised?.program.pid ?? handle.pid ?? 0
        plan.onStart(this as unknown as ChildProcess, pid, supervised)
        return 0
      }
      endRunning = undefined
      // Reap the launcher here: Node gets an error, and doesn't wait for a child.
      native.reap(handle.pid ?? 0)
      delete handle.pid
      if (failure.step === 'exec') return failure.errno
      replaceError(this, plan.explain(failure.step, failure.errno))
      const { onexit } = handle
      handle.onexit = () => onexit(failure.errno)
      // For this errno Node emits `error`; for some others it throws.
      return EACCES
    }
    try {
      return original.call(this, command.options)
    } finally {
      this.stdio?.splice(command.length)
      command.close()
    }
  }
  try {
    return withSpawn(options, hook, (marked) => builtin().spawn(file, args ?? [], marked))
  } catch (error) {
    // For example, a getter of `signal` has thrown. Only we know of the child then.
    endRunning?.()
    throw error
  }
}

/**
 * The same by public calls alone, for a Node whose internals we don't know. An
 * `error` then comes when the launcher has ended, and all errors are events.
 */
function spawnAround(
  file: string,
  given: readonly string[],
  options: NodeOptions,
  plan: ExecPlan,
): ChildProcess {
  // Copy the arguments: Node reads them twice here, and they may differ the second time.
  const args = Array.isArray(given) ? (Array.prototype.slice.call(given) as string[]) : given
  const own: NodeOptions = { __proto__: null, ...options } as NodeOptions
  const { env } = own
  if (env != null) own.env = copied(() => copyOfEnv(env), file, args, own)
  haveNodeCheck(file, args, own)
  const { shell: asked, uid, gid, stdio } = own
  const shell = asked === true ? '/bin/sh' : typeof asked === 'string' && asked ? asked : undefined
  const program = shell ?? file
  const list: readonly string[] = shell !== undefined ? ['-c', [file, ...args].join(' ')] : args
  const target = [own.argv0 ?? program, ...list]
  const normalized = { __proto__: null, file: program, args: target, stdio, uid, gid }
  const command = prepareCommand(normalized, plan.steps, plan.parentDeathSignal, plan.state)
  if (command === undefined) {
    // Node refuses this stdio. If it doesn't, the program must not run without its steps.
    endLost(builtin().spawn(file, args, own) as unknown as Internal)
    throw systemError(EINVAL, 'spawn')
  }
  if (typeof command === 'number') throw systemError(command, 'pipe')
  try {
    const { file: launcher, args: all, stdio: complete } = command.options
    const changed = { stdio: complete, shell: false, argv0: undefined }
    const child = builtin().spawn(launcher, all.slice(1), {
      __proto__: null,
      ...own,
      ...changed,
    } as NodeOptions)
    const view = child as unknown as Internal
    view.spawnfile = program
    view.spawnargs = target
    view.stdio?.splice(command.length)
    if (child.pid === undefined) {
      const error = launcherError(EACCES, command.path)
      if (error !== undefined) replaceError(view, error)
      return child
    }
    const failure = command.result()
    if (failure === undefined) {
      const { supervised } = command
      plan.onStart(child, supervised?.program.pid ?? child.pid, supervised)
      return child
    }
    const { step, errno } = failure
    becomeError(view, errno, step === 'exec' ? undefined : plan.explain(step, errno))
    return child
  } finally {
    command.close()
  }
}

/** Copies the variables, inherited ones too, as Node does, and makes each a text once. */
function copyOfEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const copy: Record<string, string> = { __proto__: null } as never
  for (const name in env) {
    const value: unknown = env[name]
    if (value !== undefined) copy[name] = ''.concat(value as string)
  }
  return copy
}

/** Copies an option. If that throws, Node's error for the other arguments comes first. */
export function copied<T>(
  copy: () => T,
  file: string,
  args: readonly string[],
  options: NodeOptions,
): T {
  try {
    return copy()
  } catch (error) {
    haveNodeCheck(file, args, options)
    throw error
  }
}

/** Lets Node throw for wrong arguments. The wrong stdio, which Node checks last, keeps it from starting anything. */
function haveNodeCheck(file: string, args: readonly string[], options: NodeOptions): void {
  const stdio = 'setsid' as 'pipe'
  try {
    builtin().spawn(file, args, { __proto__: null, ...options, stdio } as NodeOptions)
  } catch (error) {
    if (!(error instanceof Error && error.message.includes(stdio))) throw error
  }
}
