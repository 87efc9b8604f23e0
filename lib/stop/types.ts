import type { ProcessInfo } from '../inspect/types.ts'

/** The options of every stop. */
export interface StopOptions {
  /** The first signal. SIGCONT follows it, so that what is stopped can act on it. Default: `'SIGTERM'`. */
  killSignal?: NodeJS.Signals | number | undefined
  /** Milliseconds from the first signal to the second. Default: 5000. */
  grace?: number | undefined
  /** The second signal, or `false` for none. Default: `'SIGKILL'`. */
  escalate?: NodeJS.Signals | number | false | undefined
  /** Ends the wait with an `AbortError`. Signals that were sent stay sent. Default: none. */
  signal?: AbortSignal | undefined
  /** Allow our own group or session. The caller itself is left out all the same. Default: false. */
  allowSelf?: boolean | undefined
}

/** The options of a stop, checked, with their defaults. */
export interface StopPlan {
  killSignal: number
  grace: number
  escalate: number | false
  signal: AbortSignal | undefined
  allowSelf: boolean
}

/** A process that a stop has left, and why. */
export interface Survivor extends ProcessInfo {
  /**
   * `EPERM`: we may not signal it. `not-signalled`: it got no signal, because it came too late or we can't prove that
   * it is a member. `traced`: a debugger holds it. `frozen`: its cgroup is frozen. `uninterruptible`: SIGKILL is
   * pending, the kernel waits for a device. `ignored`: it got the signals and lives.
   */
  reason: 'EPERM' | 'uninterruptible' | 'traced' | 'frozen' | 'ignored' | 'not-signalled'
}

/** What became of a stop. */
export interface StopResult {
  /**
   * `gone`: no live member is left. `already-gone`: there was none. `survivors`: some are left. `stale`: the
   * number is another process's now, which was let alone.
   */
  outcome: 'gone' | 'already-gone' | 'survivors' | 'stale'
  /** Pids that were sent a signal. */
  signalled: number[]
  /** Whether the second signal was needed. */
  escalated: boolean
  /** The live members that are left, as far as /proc shows them. */
  survivors: Survivor[]
  /** Whether members are left that /proc doesn't show us; the outcome is `survivors` then. */
  hidden: boolean
  /** Milliseconds from the call to the result. */
  elapsed: number
}

/** The options of `signalGroup()` and `signalSession()`. */
export interface SignalOptions {
  /** Allow it for the caller's own group or session, the caller included. Default: false. */
  allowSelf?: boolean | undefined
}

/** What became of a signal to many. Zombies are not counted. */
export interface SignalResult {
  /** The pids that were sent it. */
  signalled: number[]
  /** The live members that were not sent it, each with the name of its error, also those that /proc doesn't show. */
  notSignalled: NotSignalled[]
}

/** A live member that was not sent a signal. */
export interface NotSignalled {
  /** Its process ID. */
  pid: number
  /** The error of kill(). */
  code: 'EPERM'
}
