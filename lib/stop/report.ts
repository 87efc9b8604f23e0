import { EPERM, ESRCH } from '../base/errno.ts'

// The bytes that a look of native code gives. test/inspect/row.test.ts compares them with the compiler's view of
// src/stop_look.h.

/** StopReport */
export const REPORT = {
  size: 88,
  began: 0,
  since: 8,
  leader: 16,
  forks: 24,
  cursor: 32,
  wait_start: 40,
  wait_pid: 48,
  number: 52,
  live: 56,
  reachable: 60,
  zombies: 64,
  alone: 68,
  group: 72,
  partial: 76,
  hidden: 80,
} as const

/** StopRow */
export const MEMBER = {
  size: 24,
  start: 0,
  pid: 8,
  result: 12,
  phase: 16,
  state: 20,
  flags: 21,
} as const
export const FLAG = { kLive: 1, kHidden: 2, kSent: 4, kKnown: 8, kEnded: 16 } as const

/** Number */
export const NUMBER = { kSame: 0, kTaken: 1, kUnknown: 2 } as const

/** StopRequest's flags */
export const ASK = { kAgain: 1, kContinue: 2, kWhole: 4 } as const

/** What the number means now: the `same` as before, `taken` by others since it was free, or `unknown`. */
export type Meaning = 'same' | 'taken' | 'unknown'
const meanings: Record<number, Meaning> = { [NUMBER.kSame]: 'same', [NUMBER.kTaken]: 'taken' }

/** A process that was ever seen as a member. */
export interface Member {
  pid: number
  /** 0: /proc doesn't show it; -1: the look had no need of it. */
  startTicks: number
  /** Whether it was alive in the last look. */
  live: boolean
  /** Whether a signal has reached it. */
  sent: boolean
  /** Whether we may not signal it. */
  denied: boolean
}

/** What a look has found, as native code packs it. */
export class Report {
  readonly bytes: ArrayBuffer
  readonly #data: DataView

  constructor(bytes: ArrayBuffer) {
    this.bytes = bytes
    this.#data = new DataView(bytes)
  }

  #int(at: number): number {
    return this.#data.getInt32(at, true)
  }

  #double(at: number): number {
    return this.#data.getFloat64(at, true)
  }

  /** When the process with the number started; 0: not known, -1: there is no such process. */
  get leader(): number {
    return this.#double(REPORT.leader)
  }
  get meaning(): Meaning {
    return meanings[this.#int(REPORT.number)] ?? 'unknown'
  }
  /** Live members, without the caller. */
  get live(): number {
    return this.#int(REPORT.live)
  }
  /** The live members that the kernel has refused no signal for. */
  get reachable(): number {
    return this.#int(REPORT.reachable)
  }
  get zombies(): number {
    return this.#int(REPORT.zombies)
  }
  /** Whether the kernel has started no process while the look went on: so none can have escaped it by a fork. */
  get wasAlone(): boolean {
    return this.#int(REPORT.alone) === 1
  }
  /** Whether the kernel says that the group has no member, not even a zombie. */
  get isEmptyGroup(): boolean {
    return this.#int(REPORT.group) === ESRCH
  }
  /** A live member to wait for. */
  get toWaitFor(): { pid: number; startTicks: number } | undefined {
    const pid = this.#int(REPORT.wait_pid)
    return pid === 0 ? undefined : { pid, startTicks: this.#double(REPORT.wait_start) }
  }
  /** Whether a live member is left that /proc doesn't show. */
  get hidden(): boolean {
    return this.#int(REPORT.hidden) > 0
  }

  /** The pids of all that a signal has reached, in ascending order. */
  signalled(): number[] {
    // There may be thousands of rows, and this runs once: plain views and a plain loop take a third of the time.
    const flags = new Uint8Array(this.bytes)
    const numbers = new Int32Array(this.bytes)
    const pids: number[] = []
    let last = 0
    for (let at: number = REPORT.size; at < flags.length; at += MEMBER.size) {
      const pid = numbers[(at + MEMBER.pid) >> 2] ?? 0
      // Native code has sorted the rows. Two processes may have had the same pid, one after the other.
      if (pid === last || ((flags[at + MEMBER.flags] ?? 0) & FLAG.kSent) === 0) continue
      pids.push(pid)
      last = pid
    }
    return pids
  }

  *members(): Generator<Member> {
    for (let at: number = REPORT.size; at < this.bytes.byteLength; at += MEMBER.size) {
      const flags = this.#data.getUint8(at + MEMBER.flags)
      yield {
        pid: this.#int(at + MEMBER.pid),
        startTicks: this.#double(at + MEMBER.start),
        live: (flags & FLAG.kLive) !== 0,
        sent: (flags & FLAG.kSent) !== 0,
        denied: this.#int(at + MEMBER.result) === EPERM,
      }
    }
  }
}
