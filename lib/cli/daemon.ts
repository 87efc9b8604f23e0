// What `sess start`, `stop` and `status` share. Their exit codes are those of init scripts: Linux
// Standard Base 5, 22.2.
import { type Arguments, ExitError, text, UsageError } from './options.ts'
import { inWords } from './words.ts'

const DENIED = new Set(['EACCES', 'EPERM', 'EROFS'])

/** An error with the exit code that the action has for it. */
export function exitWith(error: unknown, other: number, missing = other): never {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (code === 'ERR_UNKNOWN_CREDENTIAL') throw new UsageError(inWords(error))
  const notInstalled = code === 'ENOENT' && syscall?.startsWith('spawn') === true
  throw new ExitError(inWords(error), notInstalled ? missing : DENIED.has(code ?? '') ? 4 : other)
}

/** The pidfile that an action is about. */
export function pidFileOf({ values, positionals }: Arguments, action: string): string {
  const path = text(values, 'pid-file')
  if (path === undefined || path === '') throw new UsageError(`${action} needs --pid-file FILE`)
  if (action !== 'start' && positionals.length > 0) {
    throw new UsageError(`${action} takes no words, only options`)
  }
  return path
}
