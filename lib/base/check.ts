import { constants } from 'node:os'
import { invalidArgType, outOfRange, unknownSignal, workerUnsupported } from './errors.ts'

/** pid_t and descriptors are 32-bit: a larger number would reach the kernel as another one. */
export function checkInt32(value: unknown, name: string): asserts value is number {
  if (typeof value === 'number' && (value | 0) === value) return
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value)
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value)
  throw outOfRange(name, '>= -2147483648 && <= 2147483647', value)
}

/** A process group that may be signalled: 0, 1 and negative numbers mean something else to kill(2). */
export function checkGroup(value: unknown, name: string): asserts value is number {
  checkInt32(value, name)
  if (value <= 1) throw outOfRange(name, '> 1', value)
}

export function checkBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== 'boolean') throw invalidArgType(name, 'of type boolean', value)
}

export function checkObject(value: unknown, name: string): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidArgType(name, 'of type object', value)
  }
}

/** The number of a signal given by name or number. Which numbers exist is the kernel's to say. */
export function signalNumber(value: unknown, name: string): number {
  if (typeof value === 'string') {
    if (!Object.hasOwn(constants.signals, value)) throw unknownSignal(value)
    return constants.signals[value as NodeJS.Signals]
  }
  if (typeof value !== 'number') {
    throw invalidArgType(name, 'one of type string or number', value)
  }
  checkInt32(value, name)
  return value
}

/** As `process.chdir()`: what belongs to the whole process is not a worker's to change. */
export function checkMainThread(call: string): void {
  // Loaded on first use: an import of this package alone should cost little.
  const { isMainThread } = process.getBuiltinModule('node:worker_threads')
  if (!isMainThread) throw workerUnsupported(call)
}
