// Only this module signals processes that are not ours. A `Target` is a process, a group or a session, and knows it
// by more than its number. Each look of native code (src/stop_look.h) first proves that the number still means what
// it meant in the look before. Then it opens a pidfd of each member, compares that member with the one that is meant,
// and signals through the pidfd. A number that was seen free is never signalled again.
import { setTimeout as delay } from 'node:timers/promises'
import { ESRCH } from '../base/errno.ts'
import { systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { SCOPE } from '../base/scope.ts'
import { tableError } from '../inspect/row.ts'
import { ASK, Report } from './report.ts'

export type Kind = 'session' | 'group' | 'process'
const scopes = { session: SCOPE.kSession, group: SCOPE.kGroup, process: SCOPE.kProcess }

/** A signal to all members. Each member gets it once in a phase, or with `again` at each look. */
export interface Shot {
  signal: number
  phase: number
  /** Whether SIGCONT follows it. */
  thenContinue?: boolean
  again?: boolean
}

interface Named {
  /** A pidfd of the leader, which the target closes; -1: none. */
  pidfd?: number
  /** When the process with the number started; 0, the default: the process that has it now; -1: it has ended. */
  start?: number
  /** The earlier report that the first look goes on from. */
  before?: Report
}

export class Target {
  readonly kind: Kind
  readonly id: number
  readonly #named: Required<Omit<Named, 'before'>>
  #before: Report | undefined

  constructor(kind: Kind, id: number, named: Named = {}) {
    const { pidfd = -1, start = 0, before } = named
    this.kind = kind
    this.id = id
    this.#named = { pidfd, start }
    this.#before = before
  }

  #request(shot: Shot | undefined, whole: boolean): Parameters<typeof native.stopLook> {
    const { pidfd, start } = this.#named
    const { signal = -1, phase = 0, thenContinue = false, again = false } = shot ?? {}
    const flags =
      (again ? ASK.kAgain : 0) | (thenContinue ? ASK.kContinue : 0) | (whole ? ASK.kWhole : 0)
    return [scopes[this.kind], this.id, pidfd, signal, phase, flags, start, this.#before?.bytes]
  }

  #took(result: ArrayBuffer | number, call: string): Report {
    if (typeof result === 'number') throw tableError(result, call)
    return (this.#before = new Report(result))
  }

  /** One look, in another thread. `whole`: it also looks for members that /proc may hide. */
  async look(shot?: Shot, whole = false): Promise<Report> {
    return this.#took(await native.stopLookAsync(...this.#request(shot, whole)), 'stop')
  }

  /**
   * Fulfilled when every member that was alive in the last look has ended, after `ms`, or when `abort` is aborted. All
   * are watched with one descriptor.
   */
  async membersEnd(ms: number, abort: AbortSignal | undefined): Promise<void> {
    const before = this.#before
    if (before === undefined) return
    const over = new AbortController()
    // Without a prototype: Node reads more options than `signal`, and would find them on Object.prototype.
    const options = { __proto__: null, signal: over.signal } as object
    const stopped = new Promise<undefined>((resolve) => {
      abort?.addEventListener('abort', () => resolve(undefined), options)
    })
    const waited = await Promise.race([native.stopWaitAsync(before.bytes, Math.ceil(ms)), stopped])
    // No thread and no memory can be had: then a timer has to do.
    if (typeof waited === 'number') await Promise.race([delay(ms, undefined, options), stopped])
    else if (waited !== undefined) this.#before = new Report(waited)
    over.abort()
  }

  /** The same, synchronously. */
  lookNow(shot?: Shot, whole = false): Report {
    return this.#took(native.stopLook(...this.#request(shot, whole)), 'stop')
  }

  /** A target for the leader alone. */
  leader(): Target {
    const { pidfd, start } = this.#named
    return new Target('process', this.id, { pidfd: copyOf(pidfd), start })
  }

  /** Closes the pidfd. No look may be under way. */
  close(): void {
    if (this.#named.pidfd >= 0) native.close(this.#named.pidfd)
    this.#named.pidfd = -1
  }
}

/**
 * The group or session of a process; undefined: there is no such process. It throws if the kernel doesn't tell: a
 * sandbox may refuse the question, and then we don't know whether the group or session is our own.
 */
export function idOf(kind: 'group' | 'session', pid: number): number | undefined {
  const id = kind === 'group' ? native.getpgid(pid) : native.getsid(pid)
  if (id >= 0) return id
  if (id === ESRCH) return undefined
  throw systemError(id, kind === 'group' ? 'getpgid' : 'getsid')
}

/**
 * A pidfd of the process that has the number now, or -1. Without one a stop is slower, and as safe as /proc makes it.
 */
export const pidfdOf = (pid: number): number => Math.max(native.pidfdOpen(pid), -1)

/** A copy of a pidfd that its owner may close meanwhile. */
export const copyOf = (pidfd: number): number => (pidfd < 0 ? -1 : Math.max(native.dup(pidfd), -1))
