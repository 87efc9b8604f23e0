import { daemonStatus } from '../../daemon/status.ts'
import { startDaemon } from '../../daemon/start.ts'
import { startedWith } from '../../launcher/started.ts'
import { exitWith, pidFileOf } from '../daemon.ts'
import { type Arguments, type Command, count, text, UsageError } from '../options.ts'
import { inWords } from '../words.ts'
import type { StartDaemonOptions } from '../../daemon/types.ts'

function readiness(values: Arguments['values']): StartDaemonOptions['ready'] {
  const fd = count(values, 'ready-fd', 3, 9)
  const upFor = count(values, 'up-for')
  const ways = [fd, upFor, values['notify']].filter((way) => way !== undefined)
  if (ways.length > 1) throw new UsageError('--ready-fd, --notify and --up-for exclude each other')
  if (fd !== undefined) return { fd }
  if (upFor !== undefined) return { upFor }
  return values['notify'] === true ? { notify: true } : undefined
}

export const start: Command = {
  usage: 'sess start --pid-file F -- CMD [ARG]...',
  summary: 'start a daemon; returns when it is ready',
  help: `Starts CMD as a daemon in a session of its own and returns when it is ready. If it
fails before, nothing of it is left, and its error is printed. CMD has the soft limit
of descriptors and the ignored signals that sess was started with.

  --pid-file F    locked for the daemon's life
  --log F         its stdout and stderr are appended to F; default: /dev/null
  --up-for MS     ready is: still there after MS milliseconds; the default, with 1000
  --ready-fd N    ready is: it writes to descriptor N, 3 to 9
  --notify        ready is: it sends READY=1 to the socket in NOTIFY_SOCKET
  --timeout MS    not ready by then: it is stopped; default 30000
  --user U, --group G, --cwd DIR
  --json          prints what was started

Exit codes (LSB): 0 ready, or it runs already; 1 it failed, or the pidfile's lock is
held and no running daemon is named; 2 wrong usage; 4 not permitted; 5 no such CMD.

Examples:
  sess start --pid-file /run/web.pid --log /var/log/web.log -- node server.js
  sess start --pid-file /run/db.pid --notify --user db -- /usr/sbin/dbd`,
  options: {
    'pid-file': { type: 'string' },
    log: { type: 'string' },
    'up-for': { type: 'string' },
    'ready-fd': { type: 'string' },
    notify: { type: 'boolean' },
    timeout: { type: 'string' },
    user: { type: 'string' },
    group: { type: 'string' },
    cwd: { type: 'string' },
    json: { type: 'boolean' },
  },
  takesCommand: true,
  async run(given) {
    const { values, positionals } = given
    const [file, ...args] = positionals
    if (file === undefined) throw new UsageError('start needs a command')
    const id = (name: string) => {
      const value = text(values, name)
      return value !== undefined && /^\d+$/.test(value) ? Number(value) : value
    }
    const log = text(values, 'log')
    const pidFile = pidFileOf(given, 'start')
    const options: StartDaemonOptions & { [startedWith]?: string | undefined } = {
      pidFile,
      stdout: log,
      stderr: log,
      ready: readiness(values),
      readyTimeout: count(values, 'timeout', 1),
      user: id('user'),
      group: id('group'),
      cwd: text(values, 'cwd'),
      [startedWith]: given.startedWith,
    }
    try {
      const daemon = await startDaemon(file, args, options)
      return values['json'] === true ? JSON.stringify(daemon) : `started, pid ${daemon.pid}`
    } catch (error) {
      const { reason } = error as { reason?: string }
      if (reason !== 'already-running') exitWith(error, 1, 5)
      const { state, identity } = await daemonStatus(pidFile)
      // The lock alone shows no daemon: another start may hold it, and fail.
      if (state !== 'running') exitWith(error, 1, 5)
      const message = inWords(error)
      return values['json'] === true ? JSON.stringify({ reason, identity, message }) : message
    }
  },
}
