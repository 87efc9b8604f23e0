// What `sess start`, `stop`, `restart` and `status` share. Their exit codes are those of init scripts: Linux
// Standard Base 5, 22.2.
import { existsSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
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

type Action = 'start' | 'stop' | 'restart' | 'status'

/** The pidfile that an action is about. */
export function pidFileOf({ values, positionals }: Arguments, action: Action): string {
  const path = text(values, 'pid-file')
  const name = text(values, 'name')
  if (path !== undefined && name !== undefined) {
    throw new UsageError('--pid-file and --name exclude each other')
  }
  const found = name === undefined ? path : pidFileNamed(name)
  if (found === undefined || found === '') {
    throw new UsageError(`${action} needs --pid-file FILE or --name NAME`)
  }
  if (action !== 'start' && action !== 'restart' && positionals.length > 0) {
    throw new UsageError(`${action} takes no words, only options`)
  }
  return found
}

/** Where service managers too have the pidfile of a daemon of that name: file-hierarchy(7). */
function pidFileNamed(name: string): string {
  if (!/^[\w@:+][\w@:+.-]{0,99}$/.test(name)) {
    throw new UsageError(`'${name}' can't be a name: it has letters, digits and _@:+.- in it`)
  }
  if (process.getuid?.() === 0) return join(existsSync('/run') ? '/run' : '/var/run', `${name}.pid`)
  const folder = process.env['XDG_RUNTIME_DIR']
  if (folder === undefined || !isAbsolute(folder)) {
    const why = 'which says where this user has the files of running programs'
    throw new UsageError(`--name needs XDG_RUNTIME_DIR, ${why}; --pid-file does without`)
  }
  return join(folder, `${name}.pid`)
}
