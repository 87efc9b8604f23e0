import { invalidArgType, outOfRange, workerUnsupported } from './errors.ts'
import { native } from './raw-native.ts'

// What the raw calls check each time. An import runs no other checks.

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

/** Not by `node:worker_threads` alone: to load that takes longer than most calls here. */
export const isMainThread = (): boolean =>
  native.isFirstThread() === 1 || process.getBuiltinModule('node:worker_threads').isMainThread

/** As `process.chdir()`: what belongs to the whole process is not a worker's to change. */
export function checkMainThread(call: string): void {
  if (!isMainThread()) throw workerUnsupported(call)
}
