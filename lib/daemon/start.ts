import type { ChildProcess } from 'node:child_process'
import type * as ChildProcessModule from 'node:child_process'
import { accessSync, closeSync, constants, fstatSync, readSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants as os } from 'node:os'
import { resolve } from 'node:path'
import { getSystemErrorMap } from 'node:util'
import {
  aborted,
  daemonFailed,
  invalidArgType,
  invalidArgValue,
  outOfRange,
  systemError,
} from '../base/errors.ts'
import { identify, type ProcessIdentity } from '../inspect/process.ts'
import { launcherPath } from '../base/native.ts'
import { checkPidFile, PidFile } from './pidfile.ts'
import { type Credentials, lookUp } from './credentials.ts'
import { openLog } from './logs.ts'
import { holdSession, type SessionHold, stopProcess } from '../stop/stop.ts'
import { checkInt32, checkObject } from '../base/check.ts'

export interface StartDaemonOptions {
  /** Default: ours. */
  cwd?: string | undefined
  /** Default: ours. */
  env?: NodeJS.ProcessEnv | undefined
  /** File mode creation mask, 0 to 0o777. Default: ours. */
  umask?: number | undefined
  /** `'null'`, `'inherit'`, or the path of a log, opened for appending. Default: `'null'`. */
  stdout?: 'null' | 'inherit' | (string & {}) | undefined
  /** As `stdout`. Where it is a log, its last lines are part of a failed start's error. Default: `'null'`. */
  stderr?: 'null' | 'inherit' | (string & {}) | undefined
  /** A file to lock for the daemon's life and to write its pid to. Default: none. */
  pidFile?: string | undefined
  /** By name or ID. Default: ours. */
  user?: string | number | undefined
  /** By name or ID. Default: the group of `user`. */
  group?: string | number | undefined
  /**
   * What shows that it is ready. `{ fd }`: the program writes to that descriptor (s6 does so). `{ notify: true }`: it
   * sends `READY=1` to the socket in NOTIFY_SOCKET. `{ upFor }`: it is still there after so many milliseconds.
   * A program that calls `daemonize()` itself also says it that way. Default: `{ upFor: 1000 }`.
   */
  ready?: { fd: number } | { notify: true } | { upFor: number } | undefined
  /** Milliseconds, 1 or more. Default: 30000. */
  readyTimeout?: number | undefined
  /** Milliseconds from SIGTERM to SIGKILL for a daemon that was not ready in time. Default: 5000. */
  grace?: number | undefined
  /** Stops the daemon that is not ready yet; the promise is rejected with an `AbortError`. */
  signal?: AbortSignal | undefined
}

/**
 * What the program has of its caller in place of what Node has made of it: "IGNORED,SOFT", a mask of
 * signals and the soft limit of descriptors. For `sess start`. @internal
 */
export const startedWith = Symbol('startedWith')

export interface RunningDaemon {
  pid: number
  /** Its session, which it leads: the same number. */
  sid: number
  identity: ProcessIdentity
  pidFile: string | null
}

const FIRST_FREE = 3
/** The lock stands above whatever descriptor a program could be asked to write to. */
const MAX_READY_FD = 9
const LOCK_FD = MAX_READY_FD + 1
const TAIL = 4096
const require = createRequire(import.meta.filename)

function milliseconds(value: unknown, name: string, least: number): asserts value is number {
  checkInt32(value, name)
  if (value < least) throw outOfRange(name, `>= ${least}`, value)
}

/** The launcher's word for it. */
function readyWay(ready: NonNullable<StartDaemonOptions['ready']>): string {
  checkObject(ready, 'options.ready')
  if ('fd' in ready) {
    checkInt32(ready.fd, 'options.ready.fd')
    if (ready.fd < FIRST_FREE || ready.fd > MAX_READY_FD) {
      throw outOfRange('options.ready.fd', `>= ${FIRST_FREE} && <= ${MAX_READY_FD}`, ready.fd)
    }
    return `fd:${ready.fd}`
  }
  if ('upFor' in ready) {
    milliseconds(ready.upFor, 'options.ready.upFor', 0)
    return `up:${ready.upFor}`
  }
  if ((ready as { notify?: unknown }).notify === true) return 'notify'
  throw invalidArgValue('options.ready', ready, 'must have one of: fd, notify, upFor')
}

/** spawn() would say of a folder that is missing that the launcher is. */
function checkFolder(cwd: unknown): void {
  if (typeof cwd !== 'string') throw invalidArgType('options.cwd', 'of type string', cwd)
  try {
    accessSync(`${cwd}/.`, constants.X_OK)
  } catch (error) {
    throw systemError((error as { errno: number }).errno, `chdir ${cwd}`)
  }
}

/** Where a stream goes, as spawn() takes it, and where its file ended before. */
interface Output {
  stdio: number | 'ignore' | 'inherit'
  log: { fd: number; size: number } | undefined
}

function openOutput(target: string, owner: Credentials | undefined): Output {
  if (target === 'null' || target === '/dev/null') return { stdio: 'ignore', log: undefined }
  if (target === 'inherit') return { stdio: 'inherit', log: undefined }
  const fd = openLog(target, 'read-write', owner)
  return { stdio: fd, log: { fd, size: fstatSync(fd).size } }
}

/**
 * Starts any program as a daemon, in a session of its own without a terminal, and
 * resolves when it is ready.
 *
 * It is no child of ours: its parent is the reaper of orphans (pid 1, or a subreaper), and it
 * neither holds the event loop nor ends with us. It gets no descriptors but the standard
 * streams, a socket for `daemonize()`, and with `pidFile` one that holds the lock.
 *
 * When it fails, nothing of it is left: the program and all that it started in its
 * process group have been ended and seen gone.
 *
 * @param file program, searched in PATH
 * @param args its arguments
 * @throws `ERR_DAEMON_FAILED` it was not ready. `reason` is `'exit'` (`exitCode`; 0 too), `'signal'` (`signal`),
 * `'timeout'` or `'cancelled'`; `stderr` its last lines, where `options.stderr` is a log
 * @throws `ENOENT`, `EACCES`, … `file` can't be run; as spawn() reports it
 * @throws `EAGAIN` the pidfile belongs to a running daemon (`reason: 'already-running'`, `pids`)
 * @throws `EINVAL` `options.pidFile` is no pidfile (`reason: 'not-a-pidfile'`)
 * @throws `ELOOP` a log is a symbolic link, and root would give it to `user` (`reason: 'linked-log'`)
 * @throws `EPERM` we may not become that user or group
 * @throws `ERR_UNKNOWN_CREDENTIAL` there is no such user or group
 * @throws `AbortError` `options.signal` was aborted
 * @platform Linux
 * @see daemon(7), sd_notify(3)
 */
export async function startDaemon(
  file: string,
  args: readonly string[] = [],
  options: StartDaemonOptions = {},
): Promise<RunningDaemon> {
  if (typeof file !== 'string') throw invalidArgType('file', 'of type string', file)
  if (!Array.isArray(args)) throw invalidArgType('args', 'an instance of Array', args)
  checkObject(options, 'options')
  const { cwd, env, umask, pidFile, user, group, signal: abort } = options
  const { stdout = 'null', stderr = 'null', ready = { upFor: 1000 } } = options
  const { readyTimeout = 30_000, grace = 5000 } = options
  const flags = [`--report=${FIRST_FREE}`, `--ready=${readyWay(ready)}`]
  milliseconds(readyTimeout, 'options.readyTimeout', 1)
  milliseconds(grace, 'options.grace', 0)
  flags.push(`--timeout=${readyTimeout}`, `--grace=${grace}`)
  if (umask !== undefined) {
    checkInt32(umask, 'options.umask')
    if (umask < 0 || umask > 0o777) throw outOfRange('options.umask', '>= 0 && <= 511', umask)
    flags.push(`--umask=${umask}`)
  }
  if (cwd !== undefined) checkFolder(cwd)
  if (pidFile !== undefined) checkPidFile(pidFile, 'options.pidFile')
  if (abort !== undefined && !(abort instanceof AbortSignal)) {
    throw invalidArgType('options.signal', 'an instance of AbortSignal', abort)
  }
  if (abort?.aborted === true) throw aborted(abort)
  const credentials = lookUp(user, group)
  if (credentials !== undefined) {
    const { uid, gid, groups } = credentials
    flags.push(`--cred=${[uid, gid, ...groups].join(':')}`)
  }

  const outputs: Output[] = []
  let held: PidFile | undefined
  try {
    for (const [name, target] of Object.entries({ stdout, stderr })) {
      if (typeof target !== 'string')
        throw invalidArgType(`options.${name}`, 'of type string', target)
      outputs.push(openOutput(target, credentials))
    }
    if (pidFile !== undefined) held = PidFile.take(resolve(pidFile))
    const stdio: (number | 'ignore' | 'inherit' | 'pipe')[] = [
      'ignore',
      ...outputs.map((output) => output.stdio),
      'pipe',
    ]
    if (held !== undefined) {
      while (stdio.length < LOCK_FD) stdio.push('ignore')
      stdio.push(held.fd)
      flags.push(`--keep=${LOCK_FD}`)
    }
    const { spawn } = require('node:child_process') as typeof ChildProcessModule
    const own = (options as { [startedWith]?: string })[startedWith]
    const as = own === undefined ? [] : ['as', own]
    const line = [...as, 'launch', ...flags, '--', file, ...(args as string[])]
    const child = spawn(launcherPath(), line, {
      stdio,
      ...(cwd !== undefined && { cwd }),
      ...(env !== undefined && { env }),
    })
    const identity = await watchStart(child, { file, args, held, abort, log: outputs[1]?.log })
    held?.handOver()
    return { pid: identity.pid, sid: identity.pid, identity, pidFile: held?.path ?? null }
  } catch (error) {
    held?.release()
    throw error
  } finally {
    for (const { log } of outputs) if (log !== undefined) closeSync(log.fd)
  }
}

interface Watched {
  file: string
  args: readonly string[]
  held: PidFile | undefined
  abort: AbortSignal | undefined
  log: Output['log']
}

/** Follows what the launcher reports. Whatever it says counts when it has ended. */
async function watchStart(child: ChildProcess, watched: Watched): Promise<ProcessIdentity> {
  const { held, abort, file } = watched
  let identity: ProcessIdentity | undefined
  let session: SessionHold | undefined
  let verdict = ''
  let trouble: Error | undefined
  let text = ''
  const cancel = () => child.kill('SIGTERM')
  const onLine = (line: string) => {
    const [word = '', value = ''] = line.split(' ')
    if (word !== 'started') {
      verdict = line
      return
    }
    try {
      identity = identify(Number(value))
      session = holdSession(identity)
      held?.write(identity)
    } catch (error) {
      // It ended at once, which the launcher reports; or the disk is full.
      trouble = error as Error
      cancel()
    }
  }
  const report = child.stdio[FIRST_FREE] as NodeJS.ReadableStream | null | undefined
  report?.setEncoding('utf8')
  report?.on('data', (data: string) => {
    const lines = (text + data).split('\n')
    text = lines.pop() ?? ''
    lines.forEach(onLine)
  })
  abort?.addEventListener('abort', cancel)
  try {
    await new Promise<void>((done, failed) =>
      child.once('error', failed).once('close', () => done()),
    )
  } finally {
    abort?.removeEventListener('abort', cancel)
  }
  try {
    if (verdict === 'ready' && identity !== undefined && trouble === undefined) return identity
    if (identity !== undefined && !verdict.startsWith('e')) await endRest(identity, session)
  } finally {
    session?.release()
  }
  if (abort?.aborted === true) throw aborted(abort)
  if (trouble !== undefined && !/^(exit|signal)/.test(verdict)) throw trouble
  throw startFailed(verdict, file, watched)
}

/** For a launcher that was killed: the daemon that it has left. */
async function endRest(identity: ProcessIdentity, session: SessionHold | undefined): Promise<void> {
  await stopProcess(identity, { grace: 0 })
  await session?.stop({ grace: 0 })
}

const signalName = (number: number): string =>
  Object.entries(os.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`

function startFailed(verdict: string, file: string, { args, log }: Watched): Error {
  const [word = '', value = ''] = verdict.split(' ')
  const number = Number(value)
  if (word === 'exec') {
    const error = systemError(-number, `spawn ${file}`)
    return Object.assign(error, { path: file, spawnargs: [...args] })
  }
  if (word === 'failed') {
    const [code] = getSystemErrorMap().get(-number) ?? []
    const reason = code === 'ENOTRECOVERABLE' ? 'privileges-kept' : 'not-set-up'
    const text = `${file} could not be given its session or its user`
    return systemError(-number, 'launch', { reason, text })
  }
  const ways: Record<string, [string, Record<string, unknown>]> = {
    exit: [`exited with code ${number} before it was ready`, { exitCode: number }],
    signal: [
      `was killed by ${signalName(number)} before it was ready`,
      { signal: signalName(number) },
    ],
    timeout: ['was not ready in time and has been stopped', {}],
    cancelled: ['was stopped before it was ready', {}],
  }
  const [text, facts] = ways[word] ?? ['was stopped: its launcher was killed', {}]
  const stderr = log === undefined ? '' : tail(log)
  const message = `${file} ${text}${stderr && `:\n${stderr}`}`
  return daemonFailed(message, { reason: word in ways ? word : 'cancelled', ...facts, stderr })
}

/** What was written to the log since the start, at most the last 4 KiB. */
function tail({ fd, size }: { fd: number; size: number }): string {
  const end = fstatSync(fd).size
  const from = Math.max(size, end - TAIL)
  const bytes = Buffer.alloc(Math.max(0, end - from))
  const read = readSync(fd, bytes, 0, bytes.length, from)
  return bytes.toString('utf8', 0, read).trimEnd()
}
