// What `sess start` and `sess restart` share: the daemon that their words are about, and its start.
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'
import { checkStart } from '../daemon/start-options.ts'
import { startDaemon } from '../daemon/start.ts'
import type { StartDaemonOptions } from '../daemon/types.ts'
import { startedWith } from '../launcher/started.ts'
import { exitWith, pidFileOf } from './daemon.ts'
import { type Arguments, count, ExitError, text, UsageError } from './options.ts'

export interface Start {
  file: string
  args: string[]
  pidFile: string
  options: StartDaemonOptions
}

function readiness(values: Arguments['values']): StartDaemonOptions['ready'] {
  const fd = count(values, 'ready-fd', 3, 9)
  const upFor = count(values, 'up-for')
  const ways = [fd, upFor, values['notify']].filter((way) => way !== undefined)
  if (ways.length > 1) throw new UsageError('--ready-fd, --notify and --up-for exclude each other')
  if (fd !== undefined) return { fd }
  if (upFor !== undefined) return { upFor }
  return values['notify'] === true ? { notify: true } : undefined
}

export function startOf(given: Arguments, action: 'start' | 'restart'): Start {
  const { values, positionals } = given
  const [file, ...args] = positionals
  if (file === undefined) throw new UsageError(`${action} needs a command`)
  const id = (name: string) => {
    const value = text(values, name)
    return value !== undefined && /^\d+$/.test(value) ? Number(value) : value
  }
  const log = text(values, 'log')
  const pidFile = pidFileOf(given, action)
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
  return { file, args, pidFile, options }
}

/** What would fail in any case, before a daemon is stopped for it. */
export function checkFirst({ file, options }: Start): void {
  try {
    checkStart(options)
  } catch (error) {
    exitWith(error, 1)
  }
  const folders = file.includes('/') ? [''] : (process.env['PATH'] ?? '').split(delimiter)
  const paths = folders.map((folder) => resolve(options.cwd ?? '', folder, file))
  if (!paths.some(isProgram)) throw new ExitError(`there is no program '${file}'`, 5)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

export async function begin(
  { file, args, options }: Start,
  values: Arguments['values'],
): Promise<string> {
  const daemon = await startDaemon(file, args, options)
  return values['json'] === true ? JSON.stringify(daemon) : `started, pid ${daemon.pid}`
}
