import type { ChildProcess } from 'node:child_process'
import { closeSync } from 'node:fs'
import { signals } from '../../base/signals.ts'
import { startedWith } from '../../launcher/started.ts'
import { tcgetpgrp } from '../../raw/terminal.ts'
import { exitOrStop } from '../../spawn/child.ts'
import { isForeground, withForeground } from '../../spawn/foreground.ts'
import { spawn } from '../../spawn/spawn.ts'
import { stopContained } from '../../stop/contained.ts'
import { type Command, ExitError, seconds, UsageError } from '../options.ts'
import { printable } from '../picture.ts'
import { inWords, survivorInWords } from '../words.ts'
import type { ChildState, SpawnOptions } from '../../spawn/types.ts'

// This is the way without the launcher, and of --contain: with it, src/launcher/run/run.c does the rest of it and
// starts no Node.

export const run: Command = {
  async run({ values, positionals, startedWith: state, descriptors = [] }) {
    const [file, ...args] = positionals
    if (file === undefined) throw new UsageError('run takes a command')
    const { session, group, ctty } = values
    const limit = seconds(values, 'timeout')
    const contain = values['contain'] === true || limit !== undefined
    const grouped = group === true || contain
    const own = !grouped || session === true || ctty === true
    const options: SpawnOptions & { [startedWith]?: string | undefined } = {
      contain,
      [startedWith]: state,
      stdio: stdioWith(descriptors),
      ...(own ? { session: 'new' } : { group: 'new' }),
      ...(ctty === true && { controllingTerminal: 0, stealTerminal: true }),
    }
    const waits = values['wait'] === true || contain
    if (waits && !own && isForeground(0)) options.foreground = 0
    // Before CMD can tell anybody that it runs.
    const stopPassing = waits ? passOn((signal) => child.kill(signal)) : undefined
    const child = spawn(file, args, options)
    if (child.pid === undefined) {
      const error = await new Promise<NodeJS.ErrnoException>((resolve) => {
        child.once('error', resolve)
      })
      throw notStarted(error, file)
    }
    if (!waits) {
      child.unref()
      return ''
    }
    // Only CMD decides when they close.
    for (const fd of descriptors) closeSync(fd)
    const timer = contain ? new TimeLimit(child, limit) : undefined
    const watched = own ? ended(child) : watchJob(child)
    const end = await (timer === undefined ? watched : Promise.race([watched, timer.over]))
    stopPassing?.()
    if (timer !== undefined && (await timer.endAll())) {
      console.error(`sess: '${printable(file)}' was stopped after ${limit} s`)
      // Not by the end of what there is to do: it may be that CMD could not be ended.
      process.exit(124)
    }
    if (end === undefined) return ''
    if (end.signal === null) process.exitCode = end.code ?? 1
    // So that Ctrl-C ends a shell's loop around us too.
    else {
      // Where it does not end us: Node ignores SIGPIPE.
      process.exitCode = 128 + signals[end.signal]
      process.kill(process.pid, end.signal)
    }
    return ''
  },
}

/** What CMD gets. Node makes other descriptors than 0, 1 and 2 close at its exec. */
function stdioWith(descriptors: number[]): ('inherit' | 'ignore' | number)[] {
  const stdio = new Array<'inherit' | 'ignore' | number>(Math.max(2, ...descriptors) + 1)
  stdio.fill('inherit', 0, 3).fill('ignore', 3)
  for (const fd of descriptors) stdio[fd] = fd
  return stdio
}

function notStarted(error: NodeJS.ErrnoException, file: string): ExitError {
  const { syscall, code } = error
  if (syscall === `spawn ${file}`)
    return new ExitError(inWords(error), code === 'ENOENT' ? 127 : 126)
  if (syscall !== 'ioctl(TIOCSCTTY)') return new ExitError(inWords(error), 1)
  const why =
    code === 'EPERM'
      ? 'the terminal on stdin belongs to another session; only root may take it'
      : 'stdin is not a terminal, and --ctty needs one there'
  return new ExitError(why, 1)
}

const PASSED = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const

/** What is sent to us is for the program. Stops it by calling the result. */
function passOn(pass: (signal: NodeJS.Signals) => void): () => void {
  for (const signal of PASSED) process.on(signal, pass)
  return () => PASSED.forEach((signal) => process.off(signal, pass))
}

/** Whether stdin is our controlling terminal. */
function hasTerminal(): boolean {
  try {
    return tcgetpgrp(0) >= 0
  } catch {
    return false
  }
}

/** The time in milliseconds in which we learn that a program has ended that was stopped. */
const END_WAIT = 500

/** Ends a contained child and all that it has started. */
class TimeLimit {
  readonly #child: ChildProcess
  #timer: NodeJS.Timeout | undefined
  #stop: Promise<void> | undefined
  /** Fulfilled when the time was over and all is stopped. */
  readonly over: Promise<undefined>

  constructor(child: ChildProcess, limit: number | undefined) {
    this.#child = child
    this.over = new Promise((resolve) => {
      if (limit === undefined) return
      this.#timer = setTimeout(() => {
        // The program's end comes first, where it can be ended.
        const tell = () => setTimeout(resolve, END_WAIT, undefined)
        this.#stop = this.#stopAll().finally(tell)
      }, limit * 1000)
    })
  }

  /** After the program's end: stops what it has left, and tells whether its time was over. */
  async endAll(): Promise<boolean> {
    clearTimeout(this.#timer)
    const late = this.#stop !== undefined
    await (this.#stop ?? this.#stopAll())
    return late
  }

  async #stopAll(): Promise<void> {
    const { survivors } = await stopContained(this.#child)
    for (const survivor of survivors) console.error(`sess: ${survivorInWords(survivor)}`)
  }
}

/** The terminal is the program's while our group has it, which is asked each time anew. */
async function watchJob(child: ChildProcess): Promise<Ended> {
  for (;;) {
    const onTerminal = hasTerminal()
    const end = onTerminal
      ? await withForeground(0, child, () => exitOrStop(child), { wait: true })
      : await exitOrStop(child)
    if (end.state === 'exited') return end
    // The shell's job is this process: it stops too, and goes on with CMD. Where there is no
    // shell, the kernel ignores all of these but SIGSTOP (POSIX XSH 2.4.3), and both go on.
    process.kill(process.pid, end.signal)
    if (!onTerminal) child.kill('SIGCONT')
  }
}

type Ended = Extract<ChildState, { state: 'exited' }>

const ended = (child: ChildProcess): Promise<Ended> =>
  new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ state: 'exited', code, signal }))
  })
