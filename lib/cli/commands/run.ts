import type { ChildProcess } from 'node:child_process'
import { signals } from '../../base/signals.ts'
import { exitOrStop } from '../../spawn/child.ts'
import { isForeground, withForeground } from '../../spawn/foreground.ts'
import { spawn } from '../../spawn/spawn.ts'
import { type Command, ExitError, UsageError } from '../options.ts'
import { inWords } from '../words.ts'
import type { ChildState, SpawnOptions } from '../../spawn/types.ts'

// This is the way without the launcher: with it, src/launcher/run/run.c does the same and starts no Node.

export const run: Command = {
  usage: 'sess run [OPTIONS] -- CMD',
  summary: 'a program in a session or process group of its own',
  help: `Starts CMD as setsid(1) does, and returns as soon as it runs.

  --session    in a new session, without a terminal (the default)
  --group      in a new process group of this session
  --ctty       in a new session that takes the terminal on stdin from the session that has
               it, which is for root where that is another session
  --wait       wait for CMD, and exit as it does; with --group it has the terminal

With --wait, sess ends as CMD ends, by the same signal; it stops and goes on with
CMD, and what is sent to sess is passed on to it.

Exit codes: 0 started, or with --wait that of CMD; 126 CMD can't be run, 127 there is
no CMD, 1 another error, 2 wrong usage.

Examples:
  sess run -- backup /home
  sess run --wait -- make test
  sess run --group --wait -- vi notes`,
  options: {
    session: { type: 'boolean' },
    group: { type: 'boolean' },
    ctty: { type: 'boolean' },
    wait: { type: 'boolean' },
  },
  takesCommand: true,
  async run({ values, positionals }) {
    const [file, ...args] = positionals
    if (file === undefined) throw new UsageError('run takes a command')
    const { session, group, ctty, wait } = values
    const own = group !== true || session === true || ctty === true
    const options: SpawnOptions = {
      stdio: 'inherit',
      ...(own ? { session: 'new' } : { group: 'new' }),
      ...(ctty === true && { controllingTerminal: 0, stealTerminal: true }),
    }
    const waits = wait === true
    if (waits && !own && isForeground(0)) options.foreground = 0
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
    const stopPassing = passOn(child)
    const end = own ? await ended(child) : await watchJob(child)
    stopPassing()
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
function passOn(child: ChildProcess): () => void {
  const pass = (signal: NodeJS.Signals) => child.kill(signal)
  for (const signal of PASSED) process.on(signal, pass)
  return () => PASSED.forEach((signal) => process.off(signal, pass))
}

/** The terminal is the program's while our group has it, which is asked each time anew. */
async function watchJob(child: ChildProcess): Promise<Ended> {
  for (;;) {
    const end = isForeground(0)
      ? await withForeground(0, child, () => exitOrStop(child))
      : await exitOrStop(child)
    if (end.state === 'exited') return end
    // The shell's job is this process: it stops too, and goes on with CMD. Where there is no
    // shell, the kernel ignores all of these but SIGSTOP (POSIX XSH 2.4.3), and both go on.
    process.kill(process.pid, end.signal)
    if (!isForeground(0)) child.kill('SIGCONT')
  }
}

type Ended = Extract<ChildState, { state: 'exited' }>

const ended = (child: ChildProcess): Promise<Ended> =>
  new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ state: 'exited', code, signal }))
  })
