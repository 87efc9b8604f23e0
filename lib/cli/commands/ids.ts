import { processInfo } from '../../inspect/process.ts'
import { type Command, ExitError, parsePid, UsageError } from '../options.ts'

export const ids: Command = {
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
