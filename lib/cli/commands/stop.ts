import { daemonStatus } from '../../daemon/status.ts'
import { stopDaemon } from '../../daemon/stop.ts'
import { listProcessesSync } from '../../inspect/list.ts'
import { exitWith, pidFileOf } from '../daemon.ts'
import type { Command } from '../options.ts'
import { withProgress } from '../progress.ts'
import { stopHelp, stopOptions, stopOptionsOf, tellStopped } from '../stopping.ts'

export const stop: Command = {
  usage: 'sess stop --pid-file F',
  summary: 'stop the daemon of a pidfile and see it gone',
  help: `Stops the daemon of a pidfile, then what is left in its session, and returns when
they are gone. No other process that has got its pid is ever signalled.

${stopHelp}
  --json          prints which processes were signalled and which are left

Exit codes (LSB): 0 it is gone, or was not running; 1 a process is left; 2 wrong usage;
4 not permitted.

Examples:
  sess stop --pid-file /run/web.pid
  sess stop --pid-file /run/web.pid --grace 30000`,
  options: { 'pid-file': { type: 'string' }, ...stopOptions },
  async run(given) {
    const { values } = given
    const path = pidFileOf(given, 'stop')
    const options = stopOptionsOf(values)
    try {
      const { identity } = await daemonStatus(path)
      const left = () => (identity === null ? [] : listProcessesSync({ sid: identity.pid }))
      const result = await withProgress(left, () => stopDaemon(path, options))
      const told = tellStopped(result, values)
      if (result.survivors.some(({ reason }) => reason === 'EPERM')) process.exitCode = 4
      return told
    } catch (error) {
      exitWith(error, 1)
    }
  },
}
