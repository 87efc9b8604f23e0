import type { ChildProcess } from 'node:child_process'
import { setMaxListeners } from 'node:events'
import { isChild } from '../spawn/child.ts'
import { aborted, errnoOf, invalidArgValue, outOfRange, systemError } from '../base/errors.ts'
import { listProcessesSync } from '../inspect/list.ts'
import {
  identify,
  isOver,
  isSameProcess,
  type ProcessIdentity,
  type ProcessInfo,
  processInfo,
} from '../inspect/process.ts'
import { native } from '../base/native.ts'
import {
  abortSignal,
  boolean,
  checkGroup,
  checkInt32,
  checkOptions,
  ms,
  signalNumber,
} from '../base/check.ts'
import { waitForExit } from '../inspect/wait.ts'

export interface StopOptions {
  /** The first signal. SIGCONT follows it, so that what is stopped can act on it. Default: `'SIGTERM'`. */
  killSignal?: NodeJS.Signals | number | undefined
  /** Milliseconds from the first signal to the second. Default: 5000. */
  grace?: number | undefined
  /** The second signal, or `false` for none. Default: `'SIGKILL'`. */
  escalate?: NodeJS.Signals | number | false | undefined
  /** Ends the wait with an `AbortError`. What was signalled stays so. */
  signal?: AbortSignal | undefined
  /** Allow our own group or session. The caller itself is left out all the same. Default: false. */
  allowSelf?: boolean | undefined
}

export interface Survivor extends ProcessInfo {
  /**
   * `EPERM`: we may not signal it. `uninterruptible`: SIGKILL is pending, the kernel waits for a device.
   * `ignored`: it had the signals and lives.
   */
  reason: 'EPERM' | 'uninterruptible' | 'ignored'
}

export interface StopResult {
  /**
   * `gone`: nobody is left. `already-gone`: there was nobody. `survivors`: some are left. `stale`: the
   * pid is another process's now, which was let alone.
   */
  outcome: 'gone' | 'already-gone' | 'survivors' | 'stale'
  /** Pids that were sent a signal. */
  signalled: number[]
  /** Whether the second signal was needed. */
  escalated: boolean
  survivors: Survivor[]
  /** Milliseconds. */
  elapsed: number
}

const ESRCH = errnoOf('ESRCH')
const EPERM = errnoOf('EPERM')
const EINVAL = errnoOf('EINVAL')
const ENOSYS = errnoOf('ENOSYS')
const SIGCONT = 18
const SIGKILL = 9
/** PIDFD_SIGNAL_PROCESS_GROUP */
const TO_GROUP = 4
/** SIGKILL works when its target next runs; longer than this it doesn't run at all. */
const KILL_WAIT = 2000

interface Plan {
  killSignal: number
  grace: number
  escalate: number | false
  signal: AbortSignal | undefined
  allowSelf: boolean
}

/** @internal */
export function checkStopOptions(options: StopOptions): Plan {
  const {
    killSignal = stopSignal('SIGTERM', 'options.killSignal'),
    grace = 5000,
    escalate = SIGKILL,
    signal,
    allowSelf = false,
  } = checkOptions(options, {
    killSignal: stopSignal,
    grace: ms(0),
    escalate: (value, name) => (value === false ? (false as const) : stopSignal(value, name)),
    signal: abortSignal,
    allowSelf: boolean,
  })
  return { killSignal, grace, escalate, signal, allowSelf }
}

function stopSignal(value: unknown, name: string): number {
  const number = signalNumber(value, name)
  if (number < 1) throw outOfRange(name, '>= 1', number)
  return number
}

/**
 * Ends one process and sees it gone: the signal and SIGCONT, `grace`, SIGKILL. Its
 * children are not looked at: see `stopGroup()` and `stopSession()`.
 *
 * The signals go through a pidfd, taken before the process is compared with the
 * identity: no other process that has got its pid meanwhile can be hit.
 *
 * @param target process ID, 2 or more, what `identify()` gave, or a child
 * @returns when it has ended or would not; never before it was looked at
 * @throws `ERR_OUT_OF_RANGE` a pid of 1 or less
 * @throws `ERR_INVALID_ARG_VALUE` the caller itself
 * @throws `EINVAL` no such signal number
 * @throws `AbortError` `options.signal` was aborted
 * @platform Linux
 * @see pidfd_send_signal(2), kill(2)
 */
export async function stopProcess(
  target: number | ProcessIdentity | ChildProcess,
  options: StopOptions = {},
): Promise<StopResult> {
  const plan = checkStopOptions(options)
  const named = nameTarget(target)
  if (named === undefined) return settled('already-gone')
  if (named.pid === process.pid) {
    throw invalidArgValue('target', named.pid, 'must not be the caller itself')
  }
  const found = processInfo(named.pid, { throwIfNoEntry: false })
  if (found === undefined) return settled('already-gone')
  if (!isSameProcess(named)) return settled('stale')
  if (isOver(found)) return settled('already-gone')
  return stopAll(plan, () => {
    const info = processInfo(named.pid, { throwIfNoEntry: false })
    return info === undefined || !isSameProcess(named) ? [] : [info]
  })
}

/**
 * Ends every member of a process group and sees all of them gone, also those that
 * are started meanwhile. The leader may have ended long ago.
 *
 * Where the kernel has it (Linux 6.9), and while the leader lives, the whole group gets
 * its signal at once and through the leader's pidfd, else each member through a pidfd of
 * its own: a number that another group has got since can't be hit.
 *
 * @param target process group ID, 2 or more, or a child that leads a group
 * @returns when no live member is left, or some would not go
 * @throws `ERR_OUT_OF_RANGE` a group of 1 or less
 * @throws `ERR_INVALID_ARG_VALUE` our own group, without `allowSelf`
 * @throws `EINVAL`, `AbortError` as `stopProcess()`
 * @platform Linux
 * @see killpg(3), pidfd_send_signal(2)
 */
export async function stopGroup(
  target: number | ChildProcess,
  options: StopOptions = {},
): Promise<StopResult> {
  const plan = checkStopOptions(options)
  const pgid = leaderOf(target)
  if (pgid === undefined) return settled('already-gone')
  refuseSelf(plan, native.getpgrp(), pgid, 'process group')
  return stopAll(plan, () => listProcessesSync({ pgid }), pgid)
}

/**
 * Ends every process of a session, in all its groups, and sees them gone.
 *
 * @param target session ID, 2 or more, or a child that leads a session
 * @throws as `stopGroup()`
 * @platform Linux
 */
export async function stopSession(
  target: number | ChildProcess,
  options: StopOptions = {},
): Promise<StopResult> {
  const plan = checkStopOptions(options)
  const sid = leaderOf(target)
  if (sid === undefined) return settled('already-gone')
  refuseSelf(plan, native.getsid(0), sid, 'session')
  return stopAll(plan, () => listProcessesSync({ sid }))
}

function refuseSelf(plan: Plan, own: number, id: number, what: string): void {
  if (own !== id || plan.allowSelf) return
  throw invalidArgValue('target', id, `must not be the caller's own ${what}, without allowSelf`)
}

/** A child that has been reaped has no number any more; `undefined` is nobody. */
function childPid(child: ChildProcess): number | undefined {
  return child.exitCode === null && child.signalCode === null ? child.pid : undefined
}

function nameTarget(target: number | ProcessIdentity | ChildProcess): ProcessIdentity | undefined {
  if (typeof target === 'object' && !isChild(target)) {
    // This checks its form as well.
    isSameProcess(target)
    checkGroup(target.pid, 'target.pid')
    return target
  }
  const pid = isChild(target) ? childPid(target) : target
  if (pid === undefined) return undefined
  checkGroup(pid, 'target')
  if (processInfo(pid, { throwIfNoEntry: false }) === undefined) return undefined
  try {
    return identify(pid)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined
    throw error
  }
}

function leaderOf(target: number | ChildProcess): number | undefined {
  // A group outlives its leader, so this number stays the group's after the child has ended.
  const id = isChild(target) ? target.pid : target
  if (id === undefined) return undefined
  checkInt32(id, 'target')
  checkGroup(id, 'target')
  return id
}

function settled(outcome: StopResult['outcome']): StopResult {
  return { outcome, signalled: [], escalated: false, survivors: [], elapsed: 0 }
}

/** The rounds of signals and looks; `list` says who is there now. */
async function stopAll(plan: Plan, list: () => ProcessInfo[], pgid?: number): Promise<StopResult> {
  const began = performance.now()
  const { signal: abort, grace, escalate } = plan
  const signalled = new Set<number>()
  const denied = new Set<number>()
  const live = () => list().filter((info) => info.pid !== process.pid && !isOver(info))
  const reachable = () =>
    live()
      .filter((info) => !denied.has(info.pid))
      .flatMap(nameMember)
  const end = (outcome: StopResult['outcome'], escalated: boolean, left: ProcessInfo[]) => ({
    outcome,
    signalled: [...signalled].sort((a, b) => a - b),
    escalated,
    survivors: left.map((info) => ({
      ...info,
      reason: whySurvived(info, denied, escalated, plan),
    })),
    elapsed: performance.now() - began,
  })
  if (abort?.aborted === true) throw aborted(abort)
  if (live().length === 0) return end('already-gone', false, [])

  const round = async (signal: number, limit: number, again: boolean) => {
    const deadline = performance.now() + limit
    const done = new Set<string>()
    for (;;) {
      const targets = reachable()
      if (targets.length === 0) return
      const fresh = targets.filter((member) => again || !done.has(key(member)))
      for (const member of fresh) done.add(key(member))
      send(fresh, signal, {
        signalled,
        denied,
        pgid,
        group: again || fresh.length === targets.length,
      })
      const left = deadline - performance.now()
      if (left <= 0) return
      // In slices, since who is started meanwhile has to be found by looking.
      await allGone(reachable(), Math.min(left, 100), abort)
      if (performance.now() >= deadline && !again) return
    }
  }
  await round(plan.killSignal, grace, false)
  let left = live()
  if (left.length === 0) return end('gone', false, [])
  const escalated = escalate !== false && left.some((info) => !denied.has(info.pid))
  if (escalated) {
    await round(escalate, KILL_WAIT, escalate === SIGKILL)
    left = live()
  }
  return end(left.length === 0 ? 'gone' : 'survivors', escalated, left)
}

interface Member {
  info: ProcessInfo
  identity: ProcessIdentity
}

/** Without those that have ended since. */
function nameMember(info: ProcessInfo): Member[] {
  try {
    return [{ info, identity: identify(info.pid) }]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return []
    throw error
  }
}

const key = ({ identity }: Member): string => `${identity.pid} ${identity.startTicks}`

function whySurvived(
  info: ProcessInfo,
  denied: Set<number>,
  escalated: boolean,
  plan: Plan,
): Survivor['reason'] {
  if (denied.has(info.pid)) return 'EPERM'
  return escalated && plan.escalate === SIGKILL ? 'uninterruptible' : 'ignored'
}

interface Tally {
  signalled: Set<number>
  denied: Set<number>
  pgid: number | undefined
  /** Whether all of the group are meant. */
  group: boolean
}

function send(targets: Member[], signal: number, tally: Tally): void {
  const { signalled, denied, pgid, group } = tally
  // Our own group has us in it, and we are not meant.
  const whole = pgid !== undefined && group && pgid !== native.getpgrp()
  // The leader first: its pidfd alone names the group, and the others have no time to act.
  const isLeader = ({ info }: Member) => Number(info.pid === pgid)
  const inOrder = [...targets].sort((a, b) => isLeader(b) - isLeader(a))
  for (const { info, identity } of inOrder) {
    const pidfd = native.pidfdOpen(info.pid)
    if (pidfd === ESRCH) continue
    if (pidfd < 0 && pidfd !== ENOSYS) throw systemError(pidfd, 'pidfd_open')
    try {
      // The pidfd holds whoever has this pid now; it must be who was listed.
      const now = processInfo(info.pid, { throwIfNoEntry: false })
      if (!isSameProcess(identity) || now?.sid !== info.sid) continue
      if (pgid !== undefined && now.pgid !== pgid) continue
      let result: number
      if (whole && info.pid === pgid) {
        result = signalThrough(pidfd, info.pid, signal, TO_GROUP)
        if (result === 0 && signal !== SIGKILL) signalThrough(pidfd, info.pid, SIGCONT, TO_GROUP)
        // Once is enough for all; the others are only asked whether it was allowed.
        if (result === 0) {
          for (const member of targets) signalled.add(member.info.pid)
          markDenied(targets, tally)
          return
        }
      }
      result = signalThrough(pidfd, info.pid, signal, 0)
      if (result === EPERM) denied.add(info.pid)
      else if (result === 0) signalled.add(info.pid)
      else if (result !== ESRCH) throw systemError(result, 'pidfd_send_signal')
      if (result === 0 && signal !== SIGKILL) signalThrough(pidfd, info.pid, SIGCONT, 0)
    } finally {
      if (pidfd >= 0) native.close(pidfd)
    }
  }
}

/** A signal to a group succeeds when one member could be signalled: who could not? */
function markDenied(targets: Member[], { signalled, denied }: Tally): void {
  for (const { info } of targets) {
    const { pid } = info
    try {
      process.kill(pid, 0)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPERM') continue
      denied.add(pid)
      signalled.delete(pid)
    }
  }
}

function signalThrough(pidfd: number, pid: number, signal: number, flags: number): number {
  if (pidfd >= 0) return native.pidfdSignal(pidfd, signal, flags)
  if (flags !== 0) return EINVAL
  // Before Linux 5.3 there is only the pid, looked at on the line before.
  try {
    process.kill(pid, signal)
    return 0
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno ?? EINVAL
  }
}

/** Until all have ended, or `limit` ms. */
async function allGone(
  targets: Member[],
  limit: number,
  abort: AbortSignal | undefined,
): Promise<void> {
  const own = new AbortController()
  // One listener for each that is waited for.
  setMaxListeners(0, own.signal)
  const cancel = () => own.abort()
  const timer = setTimeout(cancel, limit)
  abort?.addEventListener('abort', cancel)
  await Promise.allSettled(
    targets.map(({ identity }) => waitForExit(identity, { signal: own.signal })),
  )
  clearTimeout(timer)
  abort?.removeEventListener('abort', cancel)
  if (abort?.aborted === true) throw aborted(abort)
}
