// The one home from which a process of somebody else is signalled. What is meant is a `Target`: a process, a group
// or a session, held by more than its number. Each look of native code (src/stop_look.h) opens a pidfd of a member,
// compares the member with the one that is meant, and signals through that pidfd; it proves first that the number
// still means what it meant in the look before. A number that was seen free is never signalled again.
import { errnoOf } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { tableError } from '../inspect/row.ts'

export type Kind = 'session' | 'group' | 'process'
const scopes: Record<Kind, number> = { session: 1, group: 2, process: 3 }

/** What the number means: `same` as it did, `taken` by others since it was free, or it can't be told. */
export type Meaning = 'same' | 'taken' | 'unknown'
const meanings: Meaning[] = ['same', 'taken', 'unknown']

const AGAIN = 1
const CONTINUE = 2
const WHOLE = 4

const LIVE = 1
const HIDDEN = 2
const SENT = 4

const HEADER = 80
const ROW = 24
const EPERM = errnoOf('EPERM')
const ESRCH = errnoOf('ESRCH')

/** A process that was ever seen as a member. */
export interface Member {
  pid: number
  /** 0: /proc doesn't show it. */
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

  /** The start of the process with the number; 0: not known, -1: there is none. */
  get leader(): number {
    return this.#data.getFloat64(16, true)
  }
  get meaning(): Meaning {
    return meanings[this.#int(52)] ?? 'unknown'
  }
  /** Live members, without the caller. */
  get live(): number {
    return this.#int(56)
  }
  /** Those of them that no signal was refused for. */
  get reachable(): number {
    return this.#int(60)
  }
  get zombies(): number {
    return this.#int(64)
  }
  /** Whether the kernel says that the group has no member, zombies counted. */
  get isEmptyGroup(): boolean {
    return this.#int(72) === ESRCH
  }
  /** A live member to wait for. */
  get watch(): { pid: number; startTicks: number } | undefined {
    const pid = this.#int(48)
    return pid === 0 ? undefined : { pid, startTicks: this.#data.getFloat64(40, true) }
  }
  /** Whether a live member is left that /proc doesn't show. */
  get hidden(): boolean {
    for (let at = HEADER; at < this.bytes.byteLength; at += ROW) {
      if ((this.#data.getUint8(at + 21) & (LIVE | HIDDEN)) === (LIVE | HIDDEN)) return true
    }
    return false
  }

  *members(): Generator<Member> {
    for (let at = HEADER; at < this.bytes.byteLength; at += ROW) {
      const flags = this.#data.getUint8(at + 21)
      yield {
        pid: this.#int(at + 8),
        startTicks: this.#data.getFloat64(at, true),
        live: (flags & LIVE) !== 0,
        sent: (flags & SENT) !== 0,
        denied: this.#int(at + 12) === EPERM,
      }
    }
  }
}

/** A signal to all members. Each gets one a phase, unless it is to be sent `again`. */
export interface Shot {
  signal: number
  phase: number
  /** SIGCONT after it. */
  thenContinue?: boolean
  again?: boolean
}

interface Named {
  /** A pidfd of the leader, from now on the target's to close; -1: none. */
  pidfd?: number
  /** When the process with the number started; 0, the default: whoever has it now; -1: it has ended. */
  start?: number
  /** What is known of the number, that the first look goes on from. */
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
    const flags = (again ? AGAIN : 0) | (thenContinue ? CONTINUE : 0) | (whole ? WHOLE : 0)
    return [scopes[this.kind], this.id, pidfd, signal, phase, flags, start, this.#before?.bytes]
  }

  #took(result: ArrayBuffer | number, call: string): Report {
    if (typeof result === 'number') throw tableError(result, call)
    return (this.#before = new Report(result))
  }

  /** One look, in another thread; `whole`: with the members too that /proc may hide. */
  async look(shot?: Shot, whole = false): Promise<Report> {
    return this.#took(await native.stopLookAsync(...this.#request(shot, whole)), 'stop')
  }

  /** The same, at once. */
  lookNow(shot?: Shot, whole = false): Report {
    return this.#took(native.stopLook(...this.#request(shot, whole)), 'stop')
  }

  /** The process that leads it, alone. */
  leader(): Target {
    const { pidfd, start } = this.#named
    return new Target('process', this.id, { pidfd: copyOf(pidfd), start })
  }

  /** When no look is under way. */
  close(): void {
    if (this.#named.pidfd >= 0) native.close(this.#named.pidfd)
    this.#named.pidfd = -1
  }
}

/** A pidfd of whoever has the number now, or -1. Without one a stop is slower, and as safe as /proc makes it. */
export const pidfdOf = (pid: number): number => Math.max(native.pidfdOpen(pid), -1)

/** A copy of a pidfd that its owner may close meanwhile. */
export const copyOf = (pidfd: number): number => (pidfd < 0 ? -1 : Math.max(native.dup(pidfd), -1))
