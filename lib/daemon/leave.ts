import { EAGAIN, EMFILE, ENFILE, ENOMEM, EPERM } from '../base/errno.ts'
import { notDetached, systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { memberIds, SCOPE } from '../base/scope.ts'
import { waitForExit } from '../inspect/wait.ts'
import { ignoreHangup } from './hangup.ts'
import { type Redirection, reopenLogs } from './stdio.ts'
import { state } from './state.ts'
import type { Detached } from './types.ts'

// How a process leaves its session and its terminal: the steps behind detach().

/** @internal What `detach()` is to do, checked, with all files opened. */
export interface LeavePlan {
  cwd: string | undefined
  umask: number | undefined
  ignoreHangup: boolean
  wait: number
  onBlocked: 'throw' | 'partial'
  reopenOn: NodeJS.Signals | undefined
  stdio: Redirection
}

type Given = { [K in Exclude<keyof LeavePlan, 'stdio'>]?: LeavePlan[K] | undefined }

/** @internal Fills in the defaults. */
export function leavePlan(checked: Given, stdio: Redirection): LeavePlan {
  const { cwd, umask, ignoreHangup = true, wait = 0, onBlocked = 'throw', reopenOn } = checked
  return { cwd, umask, ignoreHangup, wait, onBlocked, reopenOn, stdio }
}

type Method = Detached['method']

/** The call that gives each errno: open() to reach the terminal, or clone() to start the helper. */
const steps = new Map([
  [EMFILE, 'open'],
  [ENFILE, 'open'],
  [EAGAIN, 'clone'],
  [ENOMEM, 'clone'],
])

/** Something to wait for, in one way or the other. */
interface Pause {
  wait: () => Promise<unknown>
  block: () => void
}

/** @internal The whole way out. Where it throws, nothing has changed. */
export function* leave(plan: LeavePlan): Generator<Pause, Detached> {
  const { stdio } = plan
  const output: Pause = { wait: () => stdio.written(), block: () => stdio.checkWritten() }
  try {
    yield output
    const deadline = performance.now() + plan.wait
    for (let pause = 1; ; pause = Math.min(pause * 2, 20)) {
      const left = deadline - performance.now()
      const pids = left > 0 ? blockers() : []
      if (pids.length === 0) {
        // The program may have written more during the wait.
        yield output
        try {
          return finish(plan, left <= 0)
        } catch (error) {
          // Our group has members that this process can't see.
          if (left <= 0 || (error as { reason?: string }).reason !== 'group-in-use') throw error
        }
      }
      stdio.release()
      yield othersToGo(pids, left, pause)
    }
  } catch (error) {
    stdio.restore()
    throw error
  } finally {
    stdio.close()
  }
}

function othersToGo(pids: number[], left: number, pause: number): Pause {
  const cells = new Int32Array(new SharedArrayBuffer(4))
  return {
    async wait() {
      await Promise.all(pids.map((pid) => goneOrLate(pid, left)))
      // A process that has ended is in its group until its parent has waited for it.
      await delay(Math.min(pause, left))
    },
    block: () => void Atomics.wait(cells, 0, 0, Math.min(10, left)),
  }
}

const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Fulfilled when a process has ended, or after a while, as it may have left the group in another way. */
const goneOrLate = (pid: number, left: number) =>
  waitForExit(pid, { timeout: Math.min(left, 500) }).catch(() => undefined)

/** The other members of the process group that has our pid as its ID. They don't block a session leader. */
function blockers(): number[] {
  const { pid } = process
  if (native.getsid(0) === pid) return []
  const ids = memberIds(SCOPE.kGroup, pid)
  if (typeof ids === 'number') throw systemError(ids, 'scandir')
  return ids.filter((id) => id !== pid)
}

/** Tries once to leave. A try that fails changes nothing. `result` is the result of its last call. */
function tryOut(): { method: Method; result: number } {
  const { pid } = process
  if (native.getsid(0) === pid) {
    const method = native.hasTerminal() === 0 ? (state.becameLeaderBy ?? 'notty') : 'notty'
    return { method, result: native.disownTerminal() }
  }
  if (native.getpgrp() === pid) return { method: 'hop', result: native.hop() }
  return { method: 'setsid', result: native.setsid() }
}

/** Moves this process into a group of its own, unless it is alone in its group and has no terminal. */
function standAside(): number {
  const ids = memberIds(SCOPE.kGroup, native.getpgrp())
  const alone = typeof ids !== 'number' && ids.length === 1
  return alone && native.hasTerminal() === 0 ? 0 : native.standAside()
}

/** `last`: no other try follows, so that `onBlocked: 'partial'` now settles for less. */
function finish(plan: LeavePlan, last: boolean): Detached {
  const { cwd, umask, reopenOn, stdio } = plan
  const folder = cwd === undefined ? -1 : native.openCwd()
  if (cwd !== undefined && folder < 0) throw systemError(folder, 'open')
  let heedHangup: (() => void) | undefined
  let way: Way
  try {
    if (cwd !== undefined) process.chdir(cwd)
    // Before leaving: the terminal may close at any moment.
    if (plan.ignoreHangup) heedHangup = ignoreHangup()
    way = findWay(last && plan.onBlocked === 'partial')
  } catch (error) {
    heedHangup?.()
    goBack(folder, error)
    throw error
  } finally {
    if (folder >= 0) native.close(folder)
  }
  stdio.apply()
  if (umask !== undefined) process.umask(umask)
  if (reopenOn !== undefined) process.off(reopenOn, reopenOrWarn).on(reopenOn, reopenOrWarn)
  if (way.complete) state.becameLeaderBy = way.method
  return prove(way)
}

/** Returns to the old working folder. If that fails, it throws a new error with `cause` as its cause. */
function goBack(folder: number, cause: unknown): void {
  const result = folder < 0 ? 0 : native.fchdir(folder)
  if (result < 0) throw Object.assign(systemError(result, 'fchdir'), { cause })
}

type Way = Pick<Detached, 'method' | 'complete' | 'blockedBy'>

/** Leaves, or settles for less, or throws with session, group and terminal as they were. */
function findWay(partial: boolean): Way {
  let { method, result } = tryOut()
  let blockedBy: number[] = []
  if (result === EPERM) {
    blockedBy = blockers()
    // They went while we looked.
    if (blockedBy.length === 0) ({ method, result } = tryOut())
  }
  if (result === EPERM && partial) {
    result = standAside()
    if (result >= 0) return { method: 'notty', complete: false, blockedBy }
  }
  if (result < 0) throw refused(result, blockedBy)
  return { method, complete: true, blockedBy: [] }
}

function reopenOrWarn(): void {
  try {
    reopenLogs()
  } catch (error) {
    process.emitWarning(error as Error)
  }
}

function refused(result: number, blockedBy: number[]): Error {
  if (result === EPERM) {
    const { pid } = process
    const others = blockedBy.length === 0 ? 'others that are hidden' : blockedBy.join(', ')
    const text = `process group ${pid} is still in use by ${others}`
    return systemError(result, 'setsid', { reason: 'group-in-use', text, pgid: pid, blockedBy })
  }
  return systemError(result, steps.get(result) ?? 'ioctl')
}

/** Checks that the kernel shows the result: session, group and terminal. */
function prove({ method, complete, blockedBy }: Way): Detached {
  const { pid } = process
  const sid = native.getsid(0)
  const pgid = native.getpgrp()
  const terminal = native.hasTerminal()
  if (terminal < 0) throw systemError(terminal, 'open')
  if (terminal > 0 || (complete && (sid !== pid || pgid !== pid))) {
    throw notDetached({ pid, sid, pgid, terminal: terminal > 0 })
  }
  return { pid, sid, pgid, method, complete, blockedBy }
}
