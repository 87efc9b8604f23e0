import type { Detached } from './types.ts'

/** @internal What a process has once: its session, its logs, its daemonhood. */
export const state = {
  /** How it came to lead its session, if `detach()` brought it there. */
  becameLeaderBy: undefined as Detached['method'] | undefined,
  /** The last `detach()` under way. The next one waits for it: two at once would close and reopen the same streams. */
  detaching: Promise.resolve() as Promise<unknown>,
  /** The logs in use: path by descriptor. */
  logs: new Map<number, string>(),
  /**
   * `called` from the start of `daemonize()`, and for life if that succeeds. A daemon has no launcher any more, so a
   * second call there would start the program again, for ever.
   */
  daemonize: 'free' as 'free' | 'called',
}
