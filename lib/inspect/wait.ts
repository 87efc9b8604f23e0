import { ENOSYS, EPERM, ESRCH, ETIMEDOUT } from '../base/errno.ts'
import { aborted, outOfRange, systemError } from '../base/errors.ts'
import { checkIdentity, identify, isDead, isSameProcess, processInfo } from './process.ts'
import { native } from '../base/native.ts'
import { rowOf } from './row.ts'
import { abortSignal, checkInt32, checkOptions, ms } from '../base/check.ts'
import type { ProcessIdentity, WaitOptions } from './types.ts'

// One thread watches for all that wait here, and ends with the last of them.
let watcher: object | undefined
let lastToken = 0
const waiting = new Map<number, () => void>()

interface Watch {
  exit: Promise<void>
  /** Whether the process has ended, also when the event loop has not come to tell so. */
  hasEnded(): boolean
  end(): void
}

/** The first pause between two looks and the longest, in milliseconds. */
const PAUSE = 1
const LONGEST_PAUSE = 50

/** Looks at a process from time to time. undefined: it has ended already. */
function poll(pid: number, given: ProcessIdentity | undefined): Watch | undefined {
  const meant = given ?? nameNow(pid)
  if (meant === undefined) return undefined
  const hasEnded = () => {
    const info = isSameProcess(meant) ? processInfo(pid, { throwIfNoEntry: false }) : undefined
    return info === undefined || isDead(info)
  }
  let timer: NodeJS.Timeout | undefined
  const looks = async () => {
    for (let pause = PAUSE; !hasEnded(); pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      await new Promise((resolve) => (timer = setTimeout(resolve, pause)))
    }
  }
  const exit = looks()
  // No caller may be waiting any more when a look fails.
  exit.catch(() => undefined)
  return { exit, hasEnded, end: () => clearTimeout(timer) }
}

function nameNow(pid: number): ProcessIdentity | undefined {
  const found = processInfo(pid, { throwIfNoEntry: false })
  return found === undefined || isDead(found) ? undefined : identify(pid)
}

/** Whether a pid that can't be watched is that of a thread: no process, and in a session all the same. */
const isThread = (pid: number) => rowOf(pid) === ESRCH && native.getsid(pid) >= 0

/** Watches a process. A number is -errno. */
function watch(pid: number): Watch | number {
  if (watcher === undefined) {
    const started = native.startExitThread((token) => waiting.get(token)?.())
    if (typeof started === 'number') return started
    watcher = started
  }
  const current = watcher
  const token = ++lastToken
  const fd = native.watchExit(current, pid, token)
  const end = () => {
    if (fd >= 0) native.unwatchExit(current, fd)
    waiting.delete(token)
    if (waiting.size > 0) return
    watcher = undefined
    native.stopExitThread(current)
  }
  if (fd < 0) {
    end()
    return fd
  }
  const exit = new Promise<void>((resolve) => waiting.set(token, resolve))
  return { exit, hasEnded: () => native.hasExited(fd), end }
}

/** @internal */
export const checkWaitOptions = (options: WaitOptions) =>
  checkOptions(options, { signal: abortSignal, timeout: ms(0) })

/**
 * Waits until a process has ended. Any process will do, not only a child, and
 * any process's. What its parent has not yet waited for, a zombie, has ended.
 *
 * The kernel tells of the end: nothing polls, and one thread serves any number of
 * waits. Where the kernel (Linux before 5.3) or a sandbox refuses pidfd_open(2), the process is looked at again
 * and again, at most 50 ms apart. A pending wait keeps the event loop alive. Works in worker threads.
 *
 * A pid that no process has is a process that has ended: the promise is fulfilled at
 * once. Where the pid may have passed to another process since you learnt it, give
 * what `identify()` gave.
 *
 * @param target process ID, 1 or more, or what `identify()` gave
 * @param options
 * @throws `AbortError` `options.signal` was aborted; its reason is the `cause`
 * @throws `ETIMEDOUT` the process is still there after `options.timeout` (`reason: 'still-running'`)
 * @throws `EMFILE`, `ENFILE` no descriptor is free; each wait needs one
 * @throws `EPERM`, `EACCES` an identity can't be compared: /proc is mounted with `hidepid` (Linux; `reason: 'hidden'`)
 * @throws `ENOENT` an identity can't be compared: there is no /proc (Linux; `reason: 'no-proc'`)
 * @throws `EAGAIN` no thread can be started
 * @throws `ESRCH` the pid is that of a thread, which is no process (`reason: 'thread'`)
 * @platform Linux; macOS compiled only
 * @see pidfd_open(2), kqueue(2)
 */
export async function waitForExit(
  target: number | ProcessIdentity,
  options: WaitOptions = {},
): Promise<void> {
  const identity = typeof target === 'object' ? checkIdentity(target, 'target') : undefined
  const pid = identity?.pid ?? (target as number)
  checkInt32(pid, 'target')
  if (pid < 1) throw outOfRange('target', '>= 1', pid)
  const { signal: abort, timeout } = checkWaitOptions(options)
  if (abort?.aborted === true) throw aborted(abort)

  const opened = watch(pid)
  if (typeof opened === 'number' && isThread(pid)) {
    const text = `${pid} is the ID of a thread, which is no process`
    throw systemError(ESRCH, 'waitForExit', { reason: 'thread', text, pid })
  }
  if (opened === ESRCH) return
  // pidfd_open has no EPERM of its own: it is a sandbox's.
  const watched = opened === ENOSYS || opened === EPERM ? poll(pid, identity) : opened
  if (watched === undefined) return
  if (typeof watched === 'number') throw systemError(watched, 'waitForExit')
  let timer: NodeJS.Timeout | undefined
  let onAbort: (() => void) | undefined
  try {
    // Asked when the watch holds: from here on the pid can't pass to another process unseen.
    if (identity !== undefined && !isSameProcess(identity)) return
    await new Promise<void>((resolve, reject) => {
      watched.exit.then(resolve, reject)
      if (timeout !== undefined) {
        const onTimeout = () => (watched.hasEnded() ? resolve() : reject(stillThere(pid, timeout)))
        timer = setTimeout(onTimeout, timeout)
      }
      if (abort === undefined) return
      onAbort = () => reject(aborted(abort))
      abort.addEventListener('abort', onAbort)
    })
  } finally {
    watched.end()
    clearTimeout(timer)
    if (onAbort !== undefined) abort?.removeEventListener('abort', onAbort)
  }
}

function stillThere(pid: number, timeout: number): Error {
  const text = `process ${pid} is still there after ${timeout} ms`
  return systemError(ETIMEDOUT, 'waitForExit', { reason: 'still-running', text, pid })
}
