import { basename, resolve } from 'node:path'
import { boolean, type Check, checkOptions, integer, oneOf, string } from '../base/check.ts'
import { invalidArgValue } from '../base/errors.ts'
import { account, lookUp } from './credentials.ts'
import { detachChecks, type DetachOptions } from './detach.ts'
import { started } from '../launcher/started.ts'

export interface DaemonizeOptions extends DetachOptions {
  /** A file to lock for life and to write the pid to. Removed on exit. Default: none. */
  pidFile?: string | undefined
  /** Become this user, by name or ID. Default: our own. */
  user?: string | number | undefined
  /** Become a member of this group, by name or ID. Default: the group of `user`. */
  group?: string | number | undefined
  /** Ready is when `ready()` is called, not when `daemonize()` resolves. Default: false. */
  waitForReady?: boolean | undefined
  /** Milliseconds in which `ready()` must come after `daemonize()`, 1 or more. Default: 30000. */
  readyTimeout?: number | undefined
  /** Default: `'auto'`: `launcher` where there is one, else `restart`. */
  strategy?: 'auto' | 'launcher' | 'restart' | undefined
  /** What the command returns when the daemon is ready, 0 to 255. Default: 0. */
  exitCode?: number | undefined
  /** What the command's messages begin with. Default: the program's own name. */
  name?: string | undefined
}

const absolute: Check<string> = (value, name) => resolve(string(value, name))

/** @internal */
export const word: Check<string> = (value, name) => {
  const text = string(value, name)
  if (text === '') throw invalidArgValue(name, text, 'must not be empty')
  return text
}

const checks = {
  ...detachChecks,
  pidFile: absolute,
  user: account,
  group: account,
  waitForReady: boolean,
  readyTimeout: integer(1),
  strategy: oneOf('auto', 'launcher', 'restart'),
  exitCode: integer(0, 255),
  name: word,
}

/** @internal Checked, with what is to be looked up before anything changes. */
export function checkDaemonize(options: DaemonizeOptions) {
  const { user, group, ...given } = checkOptions(options, checks)
  const {
    waitForReady = false,
    readyTimeout = 30_000,
    strategy = 'auto',
    exitCode = 0,
    name = basename(started.argv[1] ?? process.execPath),
  } = given
  const credentials = lookUp(user, group)
  return { ...given, credentials, waitForReady, readyTimeout, strategy, exitCode, name }
}

/** @internal */
export type Settings = ReturnType<typeof checkDaemonize>
