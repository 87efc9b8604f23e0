import type { ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import { type ChildState, exitOrStop } from '../../spawn/child.ts'
import { isForeground, withForeground } from '../../spawn/foreground.ts'
import { type SpawnOptions, spawn } from '../../spawn/spawn.ts'
import { type Command, ExitError, UsageError } from '../options.ts'

export const run: Command = {
  usage: 'sess run [OPTIONS] -- CMD',
  summary: 'a program in a session or process group of its own',
  help: `Starts CMD as setsid(1) does, and returns as soon as it runs.

  --session    in a new session, without a terminal (the default)
  --group      in a new process group of this session
  --ctty       in a new session that takes the terminal on stdin from whoever has
               it, which is for root where that is another session
  --wait       wait for CMD, and exit as it does; with --group it has the terminal

Exit codes: 0 started, or with --wait that of CMD, 128 + N when signal N ended
it; 126 CMD can't be run, 127 there is no CMD, 1 another error, 2 wrong usage.

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
    const terminal = wait === true && !own && isForeground(0)
    if (terminal) options.foreground = 0
    const child = spawn(file, args, options)
    if (child.pid === undefined) {
      const error = await new Promise<NodeJS.ErrnoException>((resolve) => {
        child.once('error', resolve)
      })
      const exec = error.syscall === `spawn ${file}`
      throw new ExitError(error.message, !exec ? 1 : error.code === 'ENOENT' ? 127 : 126)
    }
    if (wait !== true) {
      child.unref()
      return ''
    }
    for (;;) {
      // Without the terminal it may stop and go on as it likes.
      const end = terminal
        ? await withForeground(0, child, () => exitOrStop(child))
        : await ended(child)
      if (end.state === 'exited') {
        process.exitCode = end.signal ? 128 + constants.signals[end.signal] : (end.code ?? 1)
        return ''
      }
      // The shell's job is this process: it stops too, and goes on with CMD. Where there is no
      // shell, the kernel ignores all of these but SIGSTOP (POSIX XSH 2.4.3), and both go on.
      process.kill(process.pid, end.signal)
    }
  },
}

const ended = (child: ChildProcess): Promise<ChildState> =>
  new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ state: 'exited', code, signal }))
  })
