import type { ChildProcess, SpawnOptions as NodeOptions } from 'node:child_process'
import { accessSync, closeSync, constants, existsSync, openSync, readSync } from 'node:fs'
import { getSystemErrorMap } from 'node:util'
import { isMainThread } from 'node:worker_threads'
import { errnoOf, systemError } from '../base/errors.ts'
import { launcherPath, native } from '../base/native.ts'

/** What the launcher does before the program starts: src/launcher/exec/exec.c. */
export interface Plan {
  /** Each a letter and its number, in order. */
  steps: string[]
  /** The number of the signal that the child gets when this process ends. */
  parentDeathSignal?: number
  /** The error of a failed step. */
  explain(step: string, errno: number): Error
}

interface Failure {
  step: string
  errno: number
}

type Stdio = Exclude<NodeOptions['stdio'], string | undefined>

/** What `ChildProcess.prototype.spawn` gets from `child_process.spawn`: checked and complete. */
interface Normalized {
  file: string
  args: string[]
  stdio?: NodeOptions['stdio'] | undefined
  uid?: number | null | undefined
  gid?: number | null | undefined
}

/** Node internals that have been the same from Node 20 to 26; `internalsKnown` looks. */
type Internal = Omit<ChildProcess, 'stdio' | 'spawnfile' | 'spawnargs'> & {
  spawnfile: string
  spawnargs: string[]
  stdio?: unknown[]
  spawn: (this: Internal, options: Normalized) => unknown
  _handle: {
    pid?: number
    spawn: (...parameters: unknown[]) => number
    onexit: (code: number, signal?: string) => void
  }
}

type Emit = (event: string, ...values: unknown[]) => boolean

const EACCES = errnoOf('EACCES')
const ENOENT = errnoOf('ENOENT')

const builtin = () => process.getBuiltinModule('node:child_process')
const internal = () => builtin().ChildProcess.prototype as unknown as Internal

/** `child_process.spawn` by way of the launcher. */
export function launch(
  file: string,
  args: readonly string[] | undefined,
  options: NodeOptions,
  plan: Plan,
): ChildProcess {
  return internalsKnown()
    ? launchInside(file, args, options, plan)
    : launchAround(file, args ?? [], options, plan)
}

/**
 * Node checks the arguments and makes the child; only the program that it starts
 * is another, and only the result that it gets is the launcher's. Errors, events
 * and their order are then Node's own.
 */
function launchInside(
  file: string,
  args: readonly string[] | undefined,
  options: NodeOptions,
  plan: Plan,
): ChildProcess {
  return withSpawn(
    function (original, normalized) {
      const start = prepare(normalized, plan)
      // Node refuses such a stdio.
      if (start === undefined) return original.call(this, normalized)
      const handle = this._handle
      if (typeof start === 'number') {
        handle.spawn = () => start
        return original.call(this, normalized)
      }
      handle.spawn = (...parameters) => {
        Reflect.deleteProperty(handle, 'spawn')
        this.spawnfile = normalized.file
        this.spawnargs = normalized.args
        const result = handle.spawn(...parameters)
        if (result !== 0) {
          const error = launcherError(result, start.path)
          if (error !== undefined) replaceError(this, error)
          return result
        }
        const failure = start.result()
        if (failure === undefined) return 0
        // Node takes it that nothing was started, so nobody else waits for it.
        native.reap(handle.pid ?? 0)
        delete handle.pid
        if (failure.step === 'x') return failure.errno
        replaceError(this, plan.explain(failure.step, failure.errno))
        const { onexit } = handle
        handle.onexit = () => onexit(failure.errno)
        // One of those for which Node emits `error`; for others it throws.
        return EACCES
      }
      try {
        return original.call(this, start.options)
      } finally {
        this.stdio?.splice(start.length)
        start.close()
      }
    },
    () => builtin().spawn(file, args ?? [], options),
  )
}

type Hook = (this: Internal, original: Internal['spawn'], options: Normalized) => unknown

/** Runs `call`, in which the next child to be spawned is spawned by `hook`. */
function withSpawn<T>(hook: Hook, call: () => T): T {
  const prototype = internal()
  const original = prototype.spawn
  prototype.spawn = function (options) {
    prototype.spawn = original
    return hook.call(this, original, options)
  }
  try {
    return call()
  } finally {
    prototype.spawn = original
  }
}

let known: boolean | undefined

/** Whether Node still spawns as `launchInside` expects. Tried once, and nothing is started. */
function internalsKnown(): boolean {
  if (known !== undefined) return known
  known = false
  const stop = new Error('stop')
  try {
    withSpawn(
      function (_, { file, args }) {
        const { spawn, onexit } = this._handle
        known =
          file === '/' &&
          args.join() === '/,a' &&
          typeof spawn === 'function' &&
          typeof onexit === 'function'
        throw stop
      },
      // Should it not be stopped: a folder can't be run.
      () =>
        builtin()
          .spawn('/', ['a'])
          .on('error', () => undefined),
    )
  } catch (error) {
    // Frozen intrinsics make a TypeError of the assignment.
    if (error !== stop && !(error instanceof TypeError)) throw error
  }
  return known
}

/**
 * The same by public calls alone, for a Node of which we don't know enough. An
 * `error` then comes when the launcher has ended, and all errors are events.
 */
function launchAround(
  file: string,
  args: readonly string[],
  options: NodeOptions,
  plan: Plan,
): ChildProcess {
  refuse(file, args, options)
  const { shell: given } = options
  const shell = given === true ? '/bin/sh' : given === false || given === '' ? undefined : given
  const program = shell ?? file
  const list: readonly string[] = shell !== undefined ? ['-c', [file, ...args].join(' ')] : args
  const target = [options.argv0 ?? program, ...list]
  const { uid, gid, stdio } = options
  const start = prepare({ file: program, args: target, stdio, uid, gid }, plan)
  // Node refuses this stdio.
  if (start === undefined) return builtin().spawn(file, args, options)
  if (typeof start === 'number') throw systemError(start, 'pipe')
  try {
    const { file: launcher, args: all, stdio: complete } = start.options
    const child = builtin().spawn(launcher, all.slice(1), {
      ...options,
      stdio: complete,
      shell: false,
      argv0: undefined,
    })
    const view = child as unknown as Internal
    view.spawnfile = program
    view.spawnargs = target
    view.stdio?.splice(start.length)
    if (child.pid === undefined) {
      const error = launcherError(EACCES, start.path)
      if (error !== undefined) replaceError(view, error)
      return child
    }
    const failure = start.result()
    if (failure !== undefined) {
      const { step, errno } = failure
      becomeError(view, errno, step === 'x' ? undefined : plan.explain(step, errno))
    }
    return child
  } finally {
    start.close()
  }
}

/** Has Node check the arguments: it looks at stdio last. */
function refuse(file: string, args: readonly string[], options: NodeOptions): void {
  const stdio = 'setsid' as 'pipe'
  try {
    builtin().spawn(file, args, { ...options, stdio })
  } catch (error) {
    if (!(error as Error).message.includes(stdio)) throw error
  }
}

/** A child that ran the launcher and no program: it never was, as far as its events tell. */
function becomeError(child: Internal, errno: number, stepError: Error | undefined): void {
  const file = child.spawnfile
  const [code] = getSystemErrorMap().get(errno) ?? ['UNKNOWN']
  const syscall = `spawn ${file}`
  const error =
    stepError ?? Object.assign(new Error(`${syscall} ${code}`), { errno, code, syscall })
  Object.assign(child, { pid: undefined })
  interceptEvents(child, (emit, event, values) => {
    if (event === 'spawn') return false
    if (event === 'exit') {
      Object.assign(child, { exitCode: errno })
      return emit('error', withCommand(child, error))
    }
    return event === 'close' ? emit('close', errno, null) : emit(event, ...values)
  })
}

/** The `error` event to come tells `error`, with the fields that spawn gives its own. */
function replaceError(child: Internal, error: Error): void {
  interceptEvents(child, (emit, event, values) => {
    if (event !== 'error') return emit(event, ...values)
    Reflect.deleteProperty(child, 'emit')
    return emit('error', withCommand(child, error))
  })
}

function interceptEvents(
  child: Internal,
  see: (emit: Emit, event: string, values: unknown[]) => boolean,
): void {
  const emit = child.emit.bind(child) as Emit
  const value = (event: string, ...values: unknown[]) => see(emit, event, values)
  Object.defineProperty(child, 'emit', { value, configurable: true, writable: true })
}

function withCommand(child: Internal, error: Error): Error {
  return Object.assign(error, { path: child.spawnfile, spawnargs: child.spawnargs.slice(1) })
}

/** Why the launcher could not be run, if it is the launcher that could not. */
function launcherError(result: number, path: string): Error | undefined {
  if (result !== EACCES && result !== ENOENT) return undefined
  try {
    accessSync(path, constants.X_OK)
    return undefined
  } catch (error) {
    const { errno = result } = error as NodeJS.ErrnoException
    const cause =
      errno === EACCES
        ? 'it has no exec bit, or its file system is mounted noexec'
        : 'it is missing'
    const text = `the launcher ${path} can't be run: ${cause}`
    return systemError(errno, 'spawn', { reason: 'launcher', text, launcher: path })
  }
}

interface Start {
  /** What starts the launcher. */
  options: Normalized
  /** How many descriptors of stdio are the program's. */
  length: number
  path: string
  /** Waits till the program has started, or has failed to. */
  result(): Failure | undefined
  close(): void
}

/** undefined for a stdio that Node refuses; -errno when there are no descriptors left. */
function prepare(options: Normalized, plan: Plan): Start | number | undefined {
  const stdio = stdioList(options.stdio)
  if (stdio === undefined) return undefined
  const path = launcherPath()
  const { length } = stdio
  const steps = [`p${length}`]
  const extra: number[] = []
  if (plan.parentDeathSignal !== undefined) {
    const step = `d${plan.parentDeathSignal},${process.pid}`
    // The kernel's own way goes by the thread that forked, and a worker may end
    // before the process does (PR_SET_PDEATHSIG(2const)).
    steps.push(isMainThread ? step : `${step},${length + 1}`)
    if (!isMainThread) {
      const fd = watcher(path)
      if (fd < 0) return fd
      extra.push(fd)
    }
  }
  const pair = native.pipe()
  if (typeof pair === 'number') return pair
  const open = new Set(pair)
  const shut = (fd: number) => open.delete(fd) && native.close(fd)
  const [receiver, sender] = pair

  let file = path
  let program: number | undefined
  if (options.uid != null || options.gid != null) {
    program = openProgram(path, length + 1 + extra.length)
    const name = `/proc/self/fd/${program}`
    // Without /proc the path has to do.
    if (existsSync(name)) file = name
  }
  const args = [path, 'exec', ...steps, ...plan.steps, '--', options.file, ...options.args]
  return {
    options: { ...options, file, args, stdio: [...stdio, sender, ...extra] },
    length,
    path,
    result() {
      shut(sender)
      const report = new Int32Array(2)
      // No bytes: the descriptor closed when the program started.
      if (readSync(receiver, report) === 0) return undefined
      const [step = 0, errno = 0] = report
      return { step: String.fromCharCode(step), errno: -errno }
    },
    close() {
      open.forEach(shut)
      if (program !== undefined) closeSync(program)
    },
  }
}

/**
 * The launcher as an open descriptor, which another user can run who may not
 * search the folders that lead to it (proc_pid_fd(5)). It has to be above those
 * that the child gets.
 */
function openProgram(path: string, above: number): number | undefined {
  const below: number[] = []
  try {
    for (;;) {
      const fd = openSync(path, 'r')
      if (fd >= above) return fd
      below.push(fd)
    }
  } catch {
    // The start by its path says why.
    return undefined
  } finally {
    for (const fd of below) closeSync(fd)
  }
}

/** stdio as one entry a descriptor; undefined for what Node refuses. */
export function stdioList(stdio: NodeOptions['stdio']): Stdio | undefined {
  if (Array.isArray(stdio)) {
    const rest = new Array<undefined>(Math.max(0, 3 - stdio.length)).fill(undefined)
    return [...stdio, ...rest]
  }
  const each = stdio ?? 'pipe'
  return ['pipe', 'ignore', 'inherit', 'overlapped'].includes(each) ? [each, each, each] : undefined
}

/**
 * The descriptor that leads to this process's watcher, src/launcher/watch.c, which is
 * started by the first worker to need it, and again should it have been killed.
 */
function watcher(path: string): number {
  const existing = native.watcherSocket()
  if (existing >= 0) return existing
  const pair = native.socketPair()
  if (typeof pair === 'number') return pair
  const [ours, theirs] = pair
  try {
    const socket = native.setWatcherSocket(ours)
    if (socket < 0) return socket
    builtin()
      .spawn(path, ['watch', String(process.pid), '3'], {
        stdio: ['ignore', 'ignore', 'ignore', theirs],
        detached: true,
        cwd: '/',
        env: {},
      })
      // A child that asks for it then fails by its own step.
      .on('error', () => undefined)
      .unref()
    return socket
  } finally {
    native.close(theirs)
  }
}
