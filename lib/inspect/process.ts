import { ESRCH } from '../base/errno.ts'
import { boolean, checkInt32, checkObject, checkOptions } from '../base/check.ts'
import { invalidArgType, outOfRange, type SystemError, systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { hiddenError, isHidden, rowOf, type Rows, tableError, withArgs } from './row.ts'
import type { ProcessIdentity, ProcessInfo, ProcessOptions } from './types.ts'

/** One packed row, or undefined when there is no such process. */
function row(pid: number, call: string): Rows | undefined {
  checkInt32(pid, 'pid')
  const number = pid === 0 ? process.pid : pid
  const result = rowOf(number)
  if (typeof result !== 'number') return result
  if (result === ESRCH) return undefined
  throw isHidden(result) ? hiddenError(result, call, `process ${number}`) : tableError(result, call)
}

const checks = { throwIfNoEntry: boolean, args: boolean }
const none: ProcessOptions = { throwIfNoEntry: undefined, args: undefined }

/**
 * What the kernel knows of a process's place: its parent, process group, session and terminal.
 *
 * A zombie still has a row; its `state` is `'Z'`.
 *
 * @param pid process ID; 0, the default, is the caller. The ID of a single thread is no process ID.
 * @param options `throwIfNoEntry: false` gives `undefined` for a pid that is gone; `args: true` reads its arguments
 * @throws `ESRCH` there is no process `pid`
 * @throws `ENOENT` /proc is not mounted, or shows another pid namespace (Linux; `reason: 'no-proc'`)
 * @throws `EMFILE`, `ENFILE` no descriptor is free (Linux)
 * @throws `EPERM` /proc is mounted with `hidepid` and the process is another user's (Linux; `reason: 'hidden'`)
 * @throws `EPERM`, `EACCES` a sandbox or a security module forbids to read /proc (Linux; `reason: 'proc-refused'`)
 * @platform Linux; macOS compiled only
 * @see proc_pid_stat(5), ps(1)
 */
export function processInfo(
  pid?: number,
  options?: ProcessOptions & { throwIfNoEntry?: true },
): ProcessInfo
export function processInfo(
  pid: number | undefined,
  options: ProcessOptions,
): ProcessInfo | undefined
export function processInfo(pid = 0, options?: ProcessOptions): ProcessInfo | undefined {
  const { throwIfNoEntry = true, args = false } =
    options === undefined ? none : checkOptions(options, checks)
  const rows = row(pid, 'processInfo')
  const info = rows?.info(0)
  const found = args && rows && info ? withArgs(info, rows.startTicks(0), 'processInfo') : info
  if (found !== undefined) return found
  if (throwIfNoEntry) throw systemError(ESRCH, 'processInfo')
  return undefined
}

/**
 * A process, `'hidden'` where it is there and /proc doesn't show it to us, or undefined: it is gone.
 *
 * @internal
 */
export function look(pid: number): ProcessInfo | 'hidden' | undefined {
  try {
    return pid === 0 ? undefined : processInfo(pid, { throwIfNoEntry: false })
  } catch (error) {
    if ((error as SystemError).reason === 'hidden') return 'hidden'
    throw error
  }
}

/**
 * Whether a process is a thread of the kernel's, which has no session and takes no signal of a user's.
 *
 * @internal
 */
export function isKernelThread(pid: number): boolean {
  return row(pid, 'explain')?.isKernelThread(0) === true
}

let bootId: string | undefined

/** @internal */
function currentBoot(call: string): string {
  if (bootId !== undefined) return bootId
  const result = native.bootId()
  if (typeof result !== 'number') return (bootId = result)
  const text = '/proc/sys/kernel/random/boot_id can not be read'
  throw systemError(result, call, { reason: 'no-boot-id', text })
}

/**
 * Names a process for good: its pid with its start and the boot. See `isSameProcess()`.
 *
 * @param pid process ID; 0, the default, is the caller
 * @throws `ESRCH` there is no process `pid`
 * @throws `ENOENT`, `EACCES`, `EPERM` the boot ID can't be read (`reason: 'no-boot-id'`)
 * @throws as `processInfo()` where /proc can't be read
 * @platform Linux; macOS compiled only
 */
export function identify(pid = 0): ProcessIdentity {
  const rows = row(pid, 'identify')
  if (rows === undefined) throw systemError(ESRCH, 'identify')
  return {
    pid: pid === 0 ? process.pid : pid,
    startTicks: rows.startTicks(0),
    bootId: currentBoot('identify'),
  }
}

/**
 * Whether a process that was named by `identify()` is still there: not gone, not
 * replaced by another one with its pid, not from before the last boot. A zombie is there.
 *
 * @param identity what `identify()` gave, in this program or another one
 * @throws `ERR_OUT_OF_RANGE` a pid or a start that no process can have
 * @throws as `identify()` where that can't be told, never `ESRCH`
 * @platform Linux; macOS compiled only
 */
export function isSameProcess(identity: ProcessIdentity): boolean {
  const { pid, startTicks, bootId } = checkIdentity(identity, 'identity')
  if (currentBoot('isSameProcess') !== bootId) return false
  return row(pid, 'isSameProcess')?.startTicks(0) === startTicks
}

/**
 * When a process started, in ticks since the boot: what tells it from another one that gets its number, while we live.
 * For that no boot ID is needed, which a sandbox may hide. undefined: it is gone.
 *
 * @internal
 */
export const startOf = (pid: number, call: string): number | undefined =>
  row(pid, call)?.startTicks(0)

/** Gives a copy, of which each part was read once: a getter could say something else the second time. @internal */
export function checkIdentity(value: unknown, name: string): ProcessIdentity {
  checkObject(value, name)
  const { pid, startTicks, bootId } = value as Record<string, unknown>
  checkInt32(pid, `${name}.pid`)
  // 0 would be the process that asks.
  if (pid < 1) throw outOfRange(`${name}.pid`, '>= 1', pid)
  if (typeof startTicks !== 'number') {
    throw invalidArgType(`${name}.startTicks`, 'of type number', startTicks)
  }
  if (!isStart(startTicks)) throw outOfRange(`${name}.startTicks`, 'an integer >= 0', startTicks)
  if (typeof bootId !== 'string') throw invalidArgType(`${name}.bootId`, 'of type string', bootId)
  return { pid, startTicks, bootId }
}

/** Whether a number can be the start of a process; 0 is that of the kernel's first. @internal */
export const isStart = (ticks: number): boolean => Number.isSafeInteger(ticks) && ticks >= 0

/**
 * Whether a process has ended that is still listed, as a zombie. One whose first thread alone
 * has ended looks the same (pthread_exit(3)), and has others.
 *
 * @internal
 */
export function isDead({ state, threads }: ProcessInfo): boolean {
  return state === 'X' || (state === 'Z' && !(threads > 1))
}
