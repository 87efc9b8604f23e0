import type { Detached } from './types.ts'

/** @internal What a process has once: its session, its logs, its daemonhood. */
export const state = {
  /** How it came to lead its session, if `detach()` brought it there. */
  becameLeaderBy: undefined as Detached['method'] | undefined,
  /** The last `detach()` that is under way: two that wait would let go of, and take back, the same streams. */
  detaching: Promise.resolve() as Promise<unknown>,
  /** The logs in use: path by descriptor. */
  logs: new Map<number, string>(),
  /**
   * `called` from the start of `daemonize()`, and for life where that succeeds: a second call, in a daemon that
   * has no launcher any more, would start the program again, for ever.
   */
  daemonize: 'free' as 'free' | 'called',
}
