// The launcher's command line and its report: src/launcher/PROTOCOL.md, Node and `exec`.
import type { SpawnOptions } from 'node:child_process'
import { closeSync, existsSync, openSync, readSync, writeSync } from 'node:fs'
import { isMainThread } from '../base/check.ts'
import { EPIPE } from '../base/errno.ts'
import { launcherPath } from '../base/addon.ts'
import type { SystemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { builtin, type Normalized } from './node-internals.ts'
import { decode, encodeContain, encodeStep, type stepWords, supervisorWords } from './protocol.ts'

/** What the launcher does before the program starts, and the numbers that it takes for it. */
export interface Step {
  step: keyof typeof stepWords
  value: readonly number[]
}

/** `exec` is the program itself. */
export type FailedStep = Step['step'] | 'exec'

interface Failure {
  step: FailedStep
  errno: number
}

/** A process, for good. */
export interface Start {
  pid: number
  startTicks: number
}

/** A contained child: src/launcher/contain/. */
export interface Supervised {
  program: Start
  supervisor: Start
  /** The inode of its cgroup, which no other cgroup has got or gets; 0: there is none. */
  cgroup: number
  /** The descriptor that leads to the supervisor; whoever takes it closes it. */
  channel: number
}

export interface LauncherCommand {
  /** What starts the launcher. */
  options: Normalized
  /** How many descriptors of stdio are the program's. */
  length: number
  path: string
  /** Waits till the program has started, or has failed to. */
  result(): Failure | undefined
  /** What `result()` has found, if the steps contain the child. */
  supervised: Supervised | undefined
  close(): void
}

type Stdio = Exclude<SpawnOptions['stdio'], string | undefined>

/** stdio as a list, with one entry for each descriptor; undefined if Node refuses it. */
export function stdioList(stdio: unknown): Stdio | undefined {
  if (Array.isArray(stdio)) {
    const rest = new Array<undefined>(Math.max(0, 3 - stdio.length)).fill(undefined)
    return [...(stdio as Stdio), ...rest]
  }
  const each = (isGiven(stdio) ? stdio : 'pipe') as 'pipe'
  return ['pipe', 'ignore', 'inherit', 'overlapped'].includes(each) ? [each, each, each] : undefined
}

/** Node takes an empty text, 0, NaN and false for none. */
const isGiven = (stdio: unknown): boolean => Boolean(stdio)

/** undefined for a stdio that Node refuses; -errno when there are no descriptors left. */
export function prepareCommand(
  options: Normalized,
  ownSteps: readonly Step[],
  parentDeathSignal: number | undefined,
  state?: string,
): LauncherCommand | number | undefined {
  const stdio = stdioList(options.stdio)
  if (stdio === undefined) return undefined
  const path = launcherOrErrno()
  if (typeof path === 'number') return path
  const { length } = stdio
  const steps: Step[] = [{ step: 'status', value: [length] }]
  const extra: number[] = []
  let channel: readonly [ours: number, theirs: number] | undefined
  if (parentDeathSignal !== undefined) {
    const value = [parentDeathSignal, process.pid]
    // The kernel sends the signal when the thread that forked ends, and a worker may
    // end before the process does (PR_SET_PDEATHSIG(2const)).
    if (!isMainThread()) {
      const fd = watcher(path)
      if (fd < 0) return fd
      extra.push(fd)
      value.push(length + 1)
    }
    steps.push({ step: 'death', value })
  }
  const pair = native.pipe()
  if (typeof pair === 'number') return pair
  const open = new Set(pair)
  const shut = (fd: number) => open.delete(fd) && native.close(fd)
  const [receiver, sender] = pair
  const close = () => open.forEach(shut)
  if (ownSteps.some(({ step }) => step === 'contain')) {
    const sockets = native.socketPair(true)
    if (typeof sockets === 'number') {
      close()
      return sockets
    }
    channel = sockets
    sockets.forEach((fd) => open.add(fd))
    extra.push(channel[1])
  }

  let file = path
  let program: number | undefined
  if (options.uid != null || options.gid != null) {
    program = openProgram(path, length + 1 + extra.length)
    const name = `/proc/self/fd/${program}`
    // Without /proc the path has to do.
    if (existsSync(name)) file = name
  }
  // The place of a contained child's supervisor is known; its channel and its parent are known here.
  const complete = ({ step, value }: Step): Step =>
    step === 'contain'
      ? { step, value: [length + extra.length, process.pid, ...value] }
      : { step, value }
  steps.push(...ownSteps.map(complete))
  const words = steps.map(({ step, value }) => encodeStep(step, ...value))
  const as = state === undefined ? [] : ['as', state]
  const args = [path, ...as, 'exec', ...words, '--', options.file, ...options.args]
  const command: LauncherCommand = {
    // Without a prototype, like Node's own: an inherited `uid` would give the child to another user.
    options: {
      __proto__: null,
      ...options,
      file,
      args,
      stdio: [...stdio, sender, ...extra],
    } as Normalized,
    length,
    path,
    supervised: undefined,
    result() {
      shut(sender)
      if (channel !== undefined) shut(channel[1])
      const report = new Int32Array(2)
      // No bytes: the descriptor closed when the program started.
      if (readSync(receiver, report) === 0) {
        if (channel === undefined) return undefined
        const began = readBeginning(channel[0])
        // Somebody has killed the supervisor: the program has ended too.
        if (began === undefined) return { step: 'contain', errno: EPIPE }
        command.supervised = { ...began, channel: channel[0] }
        open.delete(channel[0])
        return undefined
      }
      // The supervisor then does not wait for us.
      if (channel !== undefined) shut(channel[0])
      const [index = 0, errno = 0] = report
      return { step: steps[index]?.step ?? 'exec', errno: -errno }
    },
    close() {
      close()
      if (program !== undefined) closeSync(program)
    },
  }
  return command
}

function launcherOrErrno(): string | number {
  try {
    return launcherPath()
  } catch (error) {
    const { errno } = error as Partial<SystemError>
    if (errno === undefined) throw error
    return errno
  }
}

/** The supervisor's first line; undefined: there is none, as it has ended. */
function readBeginning(channel: number): Omit<Supervised, 'channel'> | undefined {
  const bytes = Buffer.alloc(128)
  for (let length = 0; length < bytes.length;) {
    // Byte by byte: what follows the line is for whoever reads the channel from now on.
    if (readSync(channel, bytes, length, 1, null) === 0) return undefined
    if (bytes[length] !== 10) length++
    else {
      const message = decode(supervisorWords, bytes.toString('latin1', 0, length))
      const [pid = 0, startTicks = 0, other = 0, otherTicks = 0, cgroup = 0] = message?.values ?? []
      const supervisor = { pid: other, startTicks: otherTicks }
      return { program: { pid, startTicks }, supervisor, cgroup }
    }
  }
  return undefined
}

/** Ends all of a contained child that the caller can't know of. */
export function endSupervised({ channel }: Supervised): void {
  try {
    // Nobody will ask for the program's pidfd: it may be reaped.
    writeSync(channel, `${encodeContain('held')}\n${encodeContain('kill')}\n`)
  } catch {
    // The supervisor has ended already.
  }
}

/**
 * Opens the launcher as a descriptor. By it, another user can run the launcher
 * without the right to search the folders above it (proc_pid_fd(5)). The
 * descriptor has to be above those that the child gets.
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
    // The start by its path then fails, and says why.
    return undefined
  } finally {
    for (const fd of below) closeSync(fd)
  }
}

/**
 * The descriptor that leads to this process's watcher, src/launcher/watch.c. The first
 * worker to need the watcher starts it, and a later one does again if it was killed.
 */
function watcher(path: string): number {
  const existing = native.watcherSocket()
  if (existing >= 0) return existing
  const pair = native.socketPair(false)
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
      // A child that needs the watcher then fails in its own step.
      .on('error', () => undefined)
      .unref()
    return socket
  } finally {
    native.close(theirs)
  }
}
