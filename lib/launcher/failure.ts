// Makes the events and fields of a child tell that it could not be started.
import { accessSync, constants } from 'node:fs'
import { getSystemErrorMap } from 'node:util'
import { EACCES, ENOENT } from '../base/errno.ts'
import { systemError } from '../base/errors.ts'
import type { Internal } from './node-internals.ts'

type Emit = (event: string, ...values: unknown[]) => boolean

/** For a child that ran the launcher and no program: its events tell that it was never started. */
export function becomeError(child: Internal, errno: number, stepError: Error | undefined): void {
  const file = child.spawnfile
  const [code] = getSystemErrorMap().get(errno) ?? ['UNKNOWN']
  const syscall = `spawn ${file}`
  const error =
    stepError ?? Object.assign(new Error(`${syscall} ${code}`), { errno, code, syscall })
  Object.assign(child, { pid: undefined })
  interceptEvents(child, (emit, event, values) => {
    if (event === 'spawn') return false
    if (event === 'exit') {
      Object.assign(child, { exitCode: errno })
      return emit('error', withCommand(child, error))
    }
    return event === 'close' ? emit('close', errno, null) : emit(event, ...values)
  })
}

/** Makes the next `error` event carry `error`, with the fields that spawn gives its own errors. */
export function replaceError(child: Internal, error: Error): void {
  interceptEvents(child, (emit, event, values) => {
    if (event !== 'error') return emit(event, ...values)
    Reflect.deleteProperty(child, 'emit')
    return emit('error', withCommand(child, error))
  })
}

function interceptEvents(
  child: Internal,
  see: (emit: Emit, event: string, values: unknown[]) => boolean,
): void {
  const emit = child.emit.bind(child) as Emit
  const value = (event: string, ...values: unknown[]) => see(emit, event, values)
  Object.defineProperty(child, 'emit', {
    __proto__: null,
    value,
    configurable: true,
    writable: true,
  } as PropertyDescriptor)
}

function withCommand(child: Internal, error: Error): Error {
  return Object.assign(error, { path: child.spawnfile, spawnargs: child.spawnargs.slice(1) })
}

/** Why the launcher could not be run; undefined if the launcher is not the cause. */
export function launcherError(result: number, path: string): Error | undefined {
  if (result !== EACCES && result !== ENOENT) return undefined
  try {
    accessSync(path, constants.X_OK)
    return undefined
  } catch (error) {
    const { errno = result } = error as NodeJS.ErrnoException
    const cause =
      errno === EACCES
        ? 'it has no exec bit, or its file system is mounted noexec'
        : 'it is missing'
    const text = `the launcher ${path} can't be run: ${cause}`
    return systemError(errno, 'spawn', { reason: 'launcher', text, launcher: path })
  }
}
