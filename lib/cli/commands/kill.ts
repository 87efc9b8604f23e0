import { stopGroup, stopSession } from '../../stop/stop.ts'
import { type Command, parsePid, UsageError } from '../options.ts'
import { stopArguments, stopOptionsOf, tellStopped } from './daemon.ts'

export const kill: Command = {
  usage: 'sess kill [--session] ID',
  summary: 'stop a whole process group or session and see it gone',
  help: `Ends every member of the process group ID, or with --session of the session ID: a
signal, time to act on it, SIGKILL. Returns when nobody is left, or says who is. The
caller's own group and session are refused.

  --session       ID is a session
${stopArguments.help}
  --json          prints who was signalled and who is left

Exit codes: 0 nobody is left; 1 somebody is, or it failed; 2 wrong usage.

Examples:
  sess kill 812
  sess kill --session --grace 500 812`,
  options: { session: { type: 'boolean' }, ...stopArguments.options },
  async run({ values, positionals }) {
    const [id] = positionals
    if (id === undefined || positionals.length > 1) throw new UsageError('kill takes one ID')
    const stopAll = values['session'] === true ? stopSession : stopGroup
    return tellStopped(await stopAll(parsePid(id), stopOptionsOf(values)), values)
  },
}
