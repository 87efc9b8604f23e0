import type { ChildProcess } from 'node:child_process'
import { invalidArgType, invalidArgValue, outOfRange, unknownSignal } from './errors.ts'
import { checkInt32 } from './quick.ts'
import { numberOfSignal } from './signals.ts'

export { checkGroup, checkInt32, checkMainThread, isMainThread } from './quick.ts'

function checkBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== 'boolean') throw invalidArgType(name, 'of type boolean', value)
}

export function checkObject(value: unknown, name: string): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidArgType(name, 'of type object', value)
  }
}

/**
 * Whether a value is of Node's own class, from any function. An object that only looks like a child has no handle.
 * @internal
 */
export function isChild(value: unknown): value is ChildProcess {
  const { ChildProcess } = process.getBuiltinModule('node:child_process')
  // The constructor makes this an own property: an object with that prototype alone has none.
  return value instanceof ChildProcess && Object.hasOwn(value, 'signalCode')
}

/** @internal */
export function checkChild(value: unknown, name: string): asserts value is ChildProcess {
  if (!isChild(value)) throw invalidArgType(name, 'an instance of ChildProcess', value)
}

/** The number of a signal given by name or number. Which numbers exist is the kernel's to say. */
export function signalNumber(value: unknown, name: string): number {
  if (typeof value === 'string') {
    const number = numberOfSignal(value)
    if (number === undefined) throw unknownSignal(value)
    return number
  }
  if (typeof value !== 'number') {
    throw invalidArgType(name, 'one of type string or number', value)
  }
  checkInt32(value, name)
  return value
}

/** Gives a value that was checked, as the type that it was checked for. */
export type Check<T> = (value: unknown, name: string) => T

type Checks = Record<string, Check<unknown>>

type Checked<C extends Checks> = { [K in keyof C]: ReturnType<C[K]> | undefined }

/**
 * The options of a call, each read once and checked by its row. What is not given is `undefined`,
 * an own key of the result, so that a destructuring default holds whatever `Object.prototype` has been
 * given. An inherited property is never an option, and a name without a row is an error.
 */
export function checkOptions<C extends Checks>(
  given: unknown,
  checks: C,
  name = 'options',
): Checked<C> {
  const own = ownOptions(given, name)
  for (const key of Object.keys(own)) {
    if (Object.hasOwn(checks, key)) continue
    const known = Object.keys(checks).join(', ')
    throw invalidArgValue(`${name}.${key}`, own[key], `is not an option; there are: ${known}`)
  }
  const result: Record<string, unknown> = { __proto__: null }
  for (const [key, check] of Object.entries(checks)) {
    const value = own[key]
    result[key] = value === undefined ? undefined : check(value, `${name}.${key}`)
  }
  return result as Checked<C>
}

/** The own properties of an options object, each read once: a getter could give something else the second time. */
export function ownOptions(given: unknown, name = 'options'): Record<string, unknown> {
  checkObject(given, name)
  return { __proto__: null, ...given }
}

// eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- the caller knows what it may be called with
export function checkFunction(value: unknown, name: string): asserts value is Function {
  if (typeof value !== 'function') throw invalidArgType(name, 'of type function', value)
}

/** The arguments of a program, each read once. A number is a text, as for Node; what else is none is an error. */
export function checkArgs(value: unknown, name: string): string[] {
  if (!Array.isArray(value)) throw invalidArgType(name, 'an instance of Array', value)
  return Array.from(value, (each: unknown, at) => {
    if (typeof each === 'number') return String(each)
    return string(each, `${name}[${at}]`)
  })
}

export const boolean: Check<boolean> = (value, name) => {
  checkBoolean(value, name)
  return value
}

export const string: Check<string> = (value, name) => {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value)
  return value
}

/** An integer between two bounds, both included. */
export const integer =
  (least: number, most = 2 ** 31 - 1): Check<number> =>
  (value, name) => {
    checkInt32(value, name)
    if (value < least || value > most) throw outOfRange(name, `>= ${least} && <= ${most}`, value)
    return value
  }

/** A longer timer of Node's would fire at once. */
const MAX_TIMEOUT = 2 ** 31 - 1

/** Milliseconds, `least` or more, fractions too. */
export const ms =
  (least: number): Check<number> =>
  (value, name) => {
    if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value)
    if (value >= least && value <= MAX_TIMEOUT) return value
    throw outOfRange(name, `>= ${least} && <= ${MAX_TIMEOUT}`, value)
  }

export const octal: Check<number> = integer(0, 0o777)

export const oneOf =
  <T extends string>(...words: T[]): Check<T> =>
  (value, name) => {
    if (words.includes(value as T)) return value as T
    const list = words.map((word) => `'${word}'`).join(', ')
    throw invalidArgValue(name, value, `must be one of: ${list}`)
  }

export const abortSignal: Check<AbortSignal> = (value, name) => {
  try {
    if (value instanceof AbortSignal) {
      // The getter throws for an object that has its prototype alone.
      Reflect.get(AbortSignal.prototype, 'aborted', value)
      return value
    }
  } catch {
    // It is none.
  }
  throw invalidArgType(name, 'an instance of AbortSignal', value)
}
