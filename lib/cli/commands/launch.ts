import { becomeLauncher, inGivenBytes, inheritedDescriptors } from '../../launcher/reexec.ts'
import { type Command, UsageError } from '../options.ts'

export const launch: Command = {
  usage: 'sess launch -- CMD [ARG]...',
  summary: 'run a program that may become a daemon later, all state kept',
  help: `Runs CMD below a small launcher. The two behave as one process: exit code,
signals, Ctrl-C, Ctrl-Z and fg. When CMD calls daemonize(), the launcher ends with
code 0 as soon as the daemon is ready, and the prompt is back. A daemon that fails
before it is ready is reported, and the exit code is not 0.

Exit codes: those of CMD until it is a daemon; then 0 ready, else its own exit code,
128 + the number of its signal, or 1 when it was not ready in time; 127 no such CMD,
126 it can't be run.

Examples:
  sess launch -- node server.js
  sess launch -- node --import tsx server.ts --port 8080`,
  options: {},
  takesCommand: true,
  run({ positionals }) {
    if (positionals.length === 0) throw new UsageError('launch needs a command')
    becomeLauncher(inGivenBytes(positionals), inheritedDescriptors())
  },
}
