import { processInfo } from '../../inspect/process.ts'
import { type Command, ExitError, parsePid, UsageError } from '../options.ts'

export const ids: Command = {
  usage: 'sess ids [--json] [PID]',
  summary: 'the ids of one process: pid ppid pgid sid tty tpgid',
  help: `Shows where a process belongs: its parent, process group, session, controlling
terminal and that terminal's foreground process group. Without PID: the process
that called sess.

Examples:
  sess ids            the calling shell's ids
  sess ids 812
  sess ids --json 1`,
  options: { json: { type: 'boolean' } },
  async run({ values, positionals }) {
    if (positionals.length > 1) throw new UsageError('ids takes one PID')
    const [pid] = positionals
    const asked = pid === undefined ? process.ppid : parsePid(pid)
    const info = processInfo(asked, { throwIfNoEntry: false })
    if (info === undefined) throw new ExitError(`there is no process ${asked}`, 1)
    const { ppid, pgid, sid, tty, tpgid } = info
    const row = { pid: info.pid, ppid, pgid, sid, tty, tpgid }
    if (values['json'] === true) return JSON.stringify(row)
    return Object.entries(row)
      .map(([name, value]) => `${name.padEnd(6)}${value ?? '-'}`)
      .join('\n')
  },
}
