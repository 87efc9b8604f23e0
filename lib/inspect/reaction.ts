import { signals } from '../base/signals.ts'
import { ESRCH } from '../base/errno.ts'
import { type Reason, systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { isNamespaceInit } from '../base/proc.ts'
import { isKernelThread, isDead } from './process.ts'
import { DETAILS, isHidden } from './row.ts'
import { ttyPath } from './tty.ts'
import type { Outcome, ProcessInfo, Verdict } from './types.ts'

export type Signal = 'SIGHUP' | 'SIGINT' | 'SIGTSTP'

interface Details {
  ignores(signal: Signal): boolean
  catches(signal: Signal): boolean
  blocks(signal: Signal): boolean
  stdio: (string | null)[] | null
}

/** Decodes ProcessDetails of src/process_table.h. undefined: the process is gone. */
export function detailsOf(pid: number): Details | 'hidden' | undefined {
  const result = native.processDetails(pid)
  if (result === ESRCH) return undefined
  if (typeof result === 'number') {
    if (isHidden(result)) return 'hidden'
    throw systemError(result, 'explain')
  }
  const data = new DataView(result)
  const has = (set: number) => (signal: Signal) =>
    ((data.getUint32(set, true) >>> (signals[signal] - 1)) & 1) === 1
  const devices = [0, 1, 2].map((fd) => data.getUint32(DETAILS.stdio + 4 * fd, true))
  return {
    ignores: has(DETAILS.ignored),
    catches: has(DETAILS.caught),
    blocks: has(DETAILS.blocked),
    stdio:
      data.getInt32(DETAILS.stdio_error, true) === 0
        ? devices.map((device) => (device === 0 ? null : ttyPath(device)))
        : null,
  }
}

export const verdict = (
  outcome: Outcome,
  reason: string,
  text: string,
  facts?: object,
): Verdict => ({
  outcome,
  reasons: [{ reason, text, ...facts }],
})

/** The kernel's own threads stand outside all that happens to processes. */
export const kernelThread: Reason = {
  reason: 'kernel-thread',
  text: 'it is a thread of the kernel: it has no terminal, and no signal reaches it',
}

/** How a process takes a signal that reaches it. */
export function reaction(info: ProcessInfo, signal: Signal): Verdict {
  const { pid } = info
  if (isDead(info)) {
    const text = 'it has ended already; its parent has not taken its exit yet'
    return verdict('survives', 'zombie', text, { signal })
  }
  const details = detailsOf(pid)
  if (details === 'hidden') {
    return verdict('unknown', 'hidden', `how it takes ${signal} is hidden from us`, { signal })
  }
  if (details?.ignores(signal) === true) {
    return verdict('survives', 'ignored', `it ignores ${signal}`, { signal })
  }
  if (details?.blocks(signal) === true) {
    return verdict('survives', 'blocked', `it blocks ${signal}: the signal waits`, { signal })
  }
  if (details?.catches(signal) === true) {
    return verdict('depends', 'caught', `it catches ${signal}: its handler decides`, { signal })
  }
  if (isKernelThread(pid)) return { outcome: 'survives', reasons: [kernelThread] }
  if (isNamespaceInit(pid) === true) {
    const whose = pid === 1 ? 'init' : 'the init of a pid namespace'
    const text = `it is ${whose}, which the kernel shields from signals that it does not catch`
    return verdict('survives', 'init', text, { signal })
  }
  const how = signal === 'SIGTSTP' ? 'stops' : 'ends'
  const text = `${signal} ${how} it: it neither ignores nor catches it`
  return verdict(how, 'default-action', text, { signal })
}

/** An interactive shell, which Ctrl-C and Ctrl-Z don't move: the sign of one is that it ignores SIGTSTP. */
export function isShell({ pid }: ProcessInfo): boolean {
  const details = detailsOf(pid)
  return details !== undefined && details !== 'hidden' && details.ignores('SIGTSTP')
}
