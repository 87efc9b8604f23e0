import { accessSync, constants } from 'node:fs'
import {
  abortSignal,
  boolean,
  type Check,
  checkObject,
  checkOptions,
  integer,
  ms,
  octal,
  string,
} from '../base/check.ts'
import { aborted, invalidArgValue, systemError } from '../base/errors.ts'
import { encodeOption, encodeWay, PROTOCOL_VERSION } from '../launcher/protocol.ts'
import { account, type Credentials, lookUp } from './credentials.ts'
import type { StartDaemonOptions } from './types.ts'

/** The descriptor that the launcher reports on, and the first that a program may be asked to write to. */
export const FIRST_FREE = 3
/** The highest descriptor that a program may be asked to write to. The lock's descriptor is above it. */
const MAX_READY_FD = 9
export const LOCK_FD = MAX_READY_FD + 1

/** What was asked for, checked. */
export interface StartPlan {
  cwd: string | undefined
  env: NodeJS.ProcessEnv | undefined
  stdout: string
  stderr: string
  pidFile: string | undefined
  credentials: Credentials | undefined
  signal: AbortSignal | undefined
  /** The launcher's options for it. */
  flags: string[]
}

/** Encodes, for the launcher, what shows that the program is ready. */
const ready: Check<string> = (value, name) => {
  const { fd, upFor, notify } = checkOptions(
    value,
    { fd: integer(FIRST_FREE, MAX_READY_FD), upFor: ms(0), notify: boolean },
    name,
  )
  if (fd !== undefined) return encodeWay('fd', fd)
  if (upFor !== undefined) return encodeWay('up', Math.ceil(upFor))
  if (notify === true) return encodeWay('notify')
  throw invalidArgValue(name, value, 'must have one of: fd, notify, upFor')
}

const environment: Check<NodeJS.ProcessEnv> = (value, name) => {
  checkObject(value, name)
  return value as NodeJS.ProcessEnv
}

/** Checks the folder here: if it is missing, spawn() would report that the launcher is missing. */
const folder: Check<string> = (value, name) => {
  const path = string(value, name)
  try {
    accessSync(`${path}/.`, constants.X_OK)
  } catch (error) {
    throw systemError((error as { errno: number }).errno, `chdir ${path}`)
  }
  return path
}

export function checkStart(options: StartDaemonOptions): StartPlan {
  const given = checkOptions(options, {
    stdout: string,
    stderr: string,
    ready,
    readyTimeout: ms(1),
    grace: ms(0),
    umask: octal,
    cwd: folder,
    env: environment,
    pidFile: string,
    user: account,
    group: account,
    signal: abortSignal,
  })
  const { cwd, env, umask, signal } = given
  if (signal?.aborted === true) throw aborted(signal)
  const credentials = lookUp(given.user, given.group)
  const flags = [
    encodeOption('protocol', PROTOCOL_VERSION),
    encodeOption('report', FIRST_FREE),
    encodeOption('ready', given.ready ?? encodeWay('up', 1000)),
    encodeOption('timeout', Math.ceil(given.readyTimeout ?? 30_000)),
    encodeOption('grace', Math.ceil(given.grace ?? 5000)),
  ]
  if (umask !== undefined) flags.push(encodeOption('umask', umask))
  if (credentials !== undefined) {
    const { uid, gid, groups } = credentials
    flags.push(encodeOption('cred', [uid, gid, ...groups].join(':')))
  }
  const { stdout = 'null', stderr = 'null' } = given
  return { cwd, env, stdout, stderr, pidFile: given.pidFile, credentials, signal, flags }
}
