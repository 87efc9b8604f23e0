import { basename, resolve } from 'node:path'
import { boolean, type Check, checkOptions, integer, oneOf, string } from '../base/check.ts'
import { invalidArgValue } from '../base/errors.ts'
import { account, lookUp } from './credentials.ts'
import { detachChecks } from './detach.ts'
import { started } from '../launcher/started.ts'
import type { DaemonizeOptions } from './types.ts'

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

/** @internal Checks the options, and looks up the user and the group before anything changes. */
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
