import { daemonStatus } from '../../daemon/status.ts'
import { startDaemon, type StartDaemonOptions } from '../../daemon/start.ts'
import { stopDaemon } from '../../daemon/stop.ts'
import type { StopOptions, StopResult } from '../../stop/stop.ts'
import { type Arguments, type Command, ExitError, UsageError } from '../options.ts'
import { json, printable } from '../picture.ts'

// The exit codes are those of init scripts: Linux Standard Base 5, 22.2.

const DENIED = new Set(['EACCES', 'EPERM', 'EROFS'])

/** An error with the exit code that the action has for it. */
function exitWith(error: unknown, other: number, missing = other): never {
  const { code, syscall, message } = error as NodeJS.ErrnoException
  if (code?.startsWith('ERR_INVALID') || code === 'ERR_OUT_OF_RANGE') throw error
  const notInstalled = code === 'ENOENT' && syscall?.startsWith('spawn') === true
  throw new ExitError(message, notInstalled ? missing : DENIED.has(code ?? '') ? 4 : other)
}

function text(values: Arguments['values'], name: string): string | undefined {
  const value = values[name]
  return typeof value === 'string' ? value : undefined
}

function count(values: Arguments['values'], name: string): number | undefined {
  const value = text(values, name)
  if (value === undefined) return undefined
  if (!/^\d{1,9}$/.test(value)) throw new UsageError(`--${name} takes a number, not '${value}'`)
  return Number(value)
}

function pidFileOf(values: Arguments['values']): string {
  const path = text(values, 'pid-file')
  if (path === undefined) throw new UsageError('--pid-file is missing')
  return path
}

function readiness(values: Arguments['values']): StartDaemonOptions['ready'] {
  const fd = count(values, 'ready-fd')
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
fails before, nothing of it is left, and its error is printed.

  --pid-file F    locked for the daemon's life
  --log F         its stdout and stderr are appended to F; default: /dev/null
  --up-for MS     ready is: still there after MS milliseconds; the default, with 1000
  --ready-fd N    ready is: it writes to descriptor N, 3 to 9
  --notify        ready is: it sends READY=1 to the socket in NOTIFY_SOCKET
  --timeout MS    not ready by then: it is stopped; default 30000
  --user U, --group G, --cwd DIR
  --json          prints what was started

Exit codes (LSB): 0 ready, or it runs already; 1 it failed; 2 wrong usage; 4 not
permitted; 5 no such CMD.

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
  async run({ values, positionals }) {
    const [file, ...args] = positionals
    if (file === undefined) throw new UsageError('start needs a command')
    const id = (name: string) => {
      const value = text(values, name)
      return value !== undefined && /^\d+$/.test(value) ? Number(value) : value
    }
    const log = text(values, 'log')
    const pidFile = pidFileOf(values)
    const options: StartDaemonOptions = {
      pidFile,
      stdout: log,
      stderr: log,
      ready: readiness(values),
      readyTimeout: count(values, 'timeout'),
      user: id('user'),
      group: id('group'),
      cwd: text(values, 'cwd'),
    }
    try {
      const daemon = await startDaemon(file, args, options)
      return values['json'] === true ? JSON.stringify(daemon) : `started, pid ${daemon.pid}`
    } catch (error) {
      const { reason, message } = error as Error & { reason?: string }
      if (reason !== 'already-running') exitWith(error, 1, 5)
      const { identity } = await daemonStatus(pidFile)
      return values['json'] === true ? JSON.stringify({ reason, identity, message }) : message
    }
  },
}

export const status: Command = {
  usage: 'sess status --pid-file F [--json]',
  summary: 'whether the daemon of a pidfile runs',
  help: `Says whether the daemon of a pidfile runs. A pid that was given to another process
since, or that belongs to another container, is not taken for it.

Exit codes (LSB): 0 it runs; 1 it doesn't, and its pidfile is left; 3 it doesn't;
4 that can't be told.

Examples:
  sess status --pid-file /run/web.pid
  sess status --pid-file /run/web.pid --json | jq .identity.pid`,
  options: { 'pid-file': { type: 'string' }, json: { type: 'boolean' } },
  async run({ values }) {
    const path = pidFileOf(values)
    const found = await daemonStatus(path).catch((error: unknown) => {
      throw new ExitError((error as Error).message, 4)
    })
    const { state, identity } = found
    process.exitCode = { running: 0, stale: 1, stopped: 3, unknown: 4 }[state]
    if (values['json'] === true) return JSON.stringify(found)
    if (identity !== null) return `running, pid ${identity.pid}`
    return {
      running: 'running, its pid is not known here',
      stale: `not running, ${path} is left`,
      stopped: 'not running',
      unknown: `it can't be told: ${found.reason}`,
    }[state]
  },
}

const stopOptions = {
  signal: { type: 'string' },
  grace: { type: 'string' },
  'no-kill': { type: 'boolean' },
  json: { type: 'boolean' },
} as const

const stopHelp = `  --signal NAME   the first signal; default SIGTERM
  --grace MS      from the first signal to SIGKILL; default 5000
  --no-kill       no SIGKILL`

/** @internal */
export const stopArguments = { options: stopOptions, help: stopHelp }

/** @internal */
export function stopOptionsOf(values: Arguments['values']): StopOptions {
  const signal = text(values, 'signal')
    ?.toUpperCase()
    .replace(/^(?!SIG)/, 'SIG')
  return {
    killSignal: signal as NodeJS.Signals | undefined,
    grace: count(values, 'grace'),
    escalate: values['no-kill'] === true ? false : undefined,
  }
}

/** @internal What became of it, and exit code 1 where somebody is left. */
export function tellStopped(result: StopResult, values: Arguments['values']): string {
  const { outcome, survivors, signalled, escalated } = result
  if (outcome === 'survivors') process.exitCode = 1
  if (values['json'] === true) return json(result)
  if (outcome === 'survivors') {
    return survivors
      .map(({ pid, command, reason }) => `${pid} ${printable(command)} is left: ${reason}`)
      .join('\n')
  }
  if (outcome === 'gone') {
    return `stopped ${signalled.join(', ')}${escalated ? ', by the second signal' : ''}`
  }
  return 'not running'
}

export const stop: Command = {
  usage: 'sess stop --pid-file F',
  summary: 'stop the daemon of a pidfile and see it gone',
  help: `Stops the daemon of a pidfile, then what is left in its session, and returns when
they are gone. No other process that has got its pid is ever signalled.

${stopHelp}
  --json          prints who was signalled and who is left

Exit codes (LSB): 0 it is gone, or was not running; 1 somebody is left; 2 wrong usage;
4 not permitted.

Examples:
  sess stop --pid-file /run/web.pid
  sess stop --pid-file /run/web.pid --grace 30000`,
  options: { 'pid-file': { type: 'string' }, ...stopOptions },
  async run({ values }) {
    const path = pidFileOf(values)
    const result = await stopDaemon(path, stopOptionsOf(values)).catch((error: unknown) =>
      exitWith(error, 1),
    )
    const told = tellStopped(result, values)
    if (result.survivors.some(({ reason }) => reason === 'EPERM')) process.exitCode = 4
    return told
  },
}
