import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'

export { type Reason, systemError, type SystemError } from './system-error.ts'

type ErrorClass = new (message: string) => Error

/** An error with a `code`, looking as Node's own do: `TypeError [ERR_X]: …` in its stack. */
function codedError(Class: ErrorClass, code: string, message: string): Error {
  const error = new Class(message)
  const { name } = error
  Object.defineProperty(error, 'name', {
    value: `${name} [${code}]`,
    configurable: true,
    writable: true,
  })
  // This renders the stack's first line anew, with that name.
  Error.captureStackTrace(error, codedError)
  delete (error as { name?: string }).name
  return Object.assign(error, { code })
}

const argument = (name: string) => `"${name}" ${name.includes('.') ? 'property' : 'argument'}`

/** `expected` reads on from "must be": `of type number`, `one of …`. */
export function invalidArgType(name: string, expected: string, value: unknown): Error {
  return codedError(
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    `The ${argument(name)} must be ${expected}. Received ${describe(value)}`,
  )
}

export function invalidArgValue(name: string, value: unknown, why: string): Error {
  const kind = name.includes('.') ? 'property' : 'argument'
  return codedError(
    TypeError,
    'ERR_INVALID_ARG_VALUE',
    `The ${kind} '${name}' ${why}. Received ${shown(value)}`,
  )
}

/** `expected` reads on from "It must be": `an integer`, `>= 0`. */
export function outOfRange(name: string, expected: string, value: number): Error {
  const received =
    Number.isInteger(value) && Math.abs(value) > 2 ** 32
      ? inspect(value, { numericSeparator: true })
      : inspect(value)
  return codedError(
    RangeError,
    'ERR_OUT_OF_RANGE',
    `The value of "${name}" is out of range. It must be ${expected}. Received ${received}`,
  )
}

export function unknownSignal(signal: string): Error {
  return codedError(TypeError, 'ERR_UNKNOWN_SIGNAL', `Unknown signal: ${signal}`)
}

export function workerUnsupported(call: string): Error {
  return codedError(
    TypeError,
    'ERR_WORKER_UNSUPPORTED_OPERATION',
    `${call}() is not supported in workers`,
  )
}

/** Another runtime than Node lacks something that `feature` needs: `runtime` is its name. */
export function runtimeUnsupported(feature: string, runtime: string, version: string): Error {
  const message = `${feature} is not supported under ${runtime} ${version}, but under Node: see docs/hosts.md of setsid`
  return Object.assign(codedError(Error, 'ERR_RUNTIME_UNSUPPORTED', message), { runtime, feature })
}

/** Every call succeeded, and the kernel shows something else. */
export function notDetached(found: Record<string, unknown>): Error {
  const message = `The process is not detached: ${inspect(found, { breakLength: Infinity })}`
  return Object.assign(codedError(Error, 'ERR_NOT_DETACHED', message), found)
}

/** A daemon that was not started, or not as asked; `facts` say how. */
export function daemonFailed(message: string, facts: Record<string, unknown>): Error {
  return Object.assign(codedError(Error, 'ERR_DAEMON_FAILED', message), facts)
}

export function unknownCredential(kind: 'User' | 'Group', id: string | number): Error {
  return codedError(Error, 'ERR_UNKNOWN_CREDENTIAL', `${kind} identifier does not exist: ${id}`)
}

/** The error of a call that `signal` ended, as Node's own promise functions reject with. */
export function aborted(signal: AbortSignal): Error {
  const error = new Error('The operation was aborted', { cause: signal.reason })
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' })
}

/** A value may throw at whoever looks at it, and an error that speaks of it is none of its own. */
function shown(value: unknown, depth = 2): string {
  try {
    return inspect(value, { depth })
  } catch {
    return `type ${typeof value} (it can't be shown)`
  }
}

/** A value as Node's argument errors name it. */
function describe(value: unknown): string {
  try {
    return described(value)
  } catch {
    return shown(value, -1)
  }
}

function described(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'function') return `function ${value.name}`
  if (typeof value === 'object') {
    const name: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name
    return typeof name === 'string' && name !== '' ? `an instance of ${name}` : shown(value, -1)
  }
  if (typeof value !== 'string') return `type ${typeof value} (${inspect(value)})`
  return `type string (${inspect(value.length > 28 ? `${value.slice(0, 25)}...` : value)})`
}

/**
 * No addon for this machine: says what was looked for, where, and what to run. `root` is the folder of the package;
 * where there is none a bundler has taken our text, and not our binaries.
 */
export function addonNotFound(paths: string[], root: string | undefined, cause: unknown): Error {
  if ((cause as NodeJS.ErrnoException).code === 'ERR_DLOPEN_FAILED') {
    return addonNotLoaded(paths.join('\n  '), cause)
  }
  const libc = process.platform === 'linux' ? (isMusl() ? 'musl' : 'glibc') : 'none'
  const has = (file: string) => root !== undefined && existsSync(join(root, file))
  const advice = has('binding.gyp')
    ? ['With a C++ compiler, make and python it is built by:', '  npm ci']
    : has('scripts/native.mjs')
      ? ['With a C++ and a C compiler it is built by:', `  node ${root}/scripts/native.mjs`]
      : [
          'The program was bundled. Copy the folder prebuilds of the package setsid beside the bundle,',
          'or name that folder in the environment variable SETSID_PREBUILDS.',
        ]
  const message = [
    `setsid has no native addon for platform ${process.platform}, arch ${process.arch}, libc ${libc}. Paths tried:`,
    ...paths.map((path) => `  ${path}`),
    ...advice,
  ].join('\n')
  return Object.assign(codedError(Error, 'ERR_ADDON_NOT_FOUND', message), { cause })
}

/** It is there, and building it again would not help where Node's permissions forbid it, or no descriptor is left. */
export function addonNotLoaded(path: string, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : String(cause)
  const message = `setsid's native addon did not load: ${why}\n  ${path}`
  return Object.assign(codedError(Error, 'ERR_ADDON_NOT_LOADED', message), { cause })
}

function isMusl(): boolean {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  return report.header?.glibcVersionRuntime === undefined
}
