import type { SpawnOptions as NodeOptions, StdioNull, StdioPipe } from 'node:child_process'
import type { EventEmitter } from 'node:events'

/** The place of a child: its session, process group and terminal. */
export interface JobOptions {
  /** `'new'` makes the child the leader of a session of its own, with no terminal. Default: `'inherit'`. */
  session?: 'inherit' | 'new' | undefined
  /**
   * `'new'` makes the child the leader of a process group of its own, in the session that it is in; a
   * number makes it join that group, as the members of a pipeline do. Default: `'inherit'`.
   */
  group?: 'inherit' | 'new' | number | undefined
  /**
   * A descriptor of the child: that terminal becomes the controlling terminal of a new session, which the
   * child leads. It must not be another session's. Default: none.
   */
  controllingTerminal?: number | undefined
  /**
   * Takes `controllingTerminal` from the session that has it, whose members all lose it. For root
   * (CAP_SYS_ADMIN). Default: false.
   */
  stealTerminal?: boolean | undefined
  /**
   * A descriptor of the child: its group becomes the foreground process group of that terminal before the
   * program starts. The terminal doesn't come back by itself: `withForeground()` brings it. Till then
   * `process.stdin`, if it is that terminal, is paused and out of raw mode. A background process has no
   * terminal to give: the `error` is then `EPERM`, `reason: 'background'`. Default: none.
   */
  foreground?: number | undefined
  /**
   * The signal that the child gets when this process ends, however it ends. The end of the thread that
   * spawned it doesn't count. It is not inherited by the child's own children. Default: none.
   *
   * @platform Linux
   */
  parentDeathSignal?: NodeJS.Signals | undefined
  /**
   * All that the child starts can be found (`containedMembers()`), waited for and ended (`stopContained()`), also what
   * leaves it by setsid, nohup or a double fork. All of it ends when this process ends, however it ends. `child.pid` is
   * then a process that ends as the program ends, and passes on what is sent to it: `containedPid()` is the program's.
   * Default: false.
   *
   * @platform Linux
   */
  contain?: boolean | undefined
  /** The child's file mode creation mask, 0 to 0o777. Default: ours. */
  umask?: number | undefined
  /** Signals that the program starts with as ignored, like `nohup` does with SIGHUP. Default: none. */
  ignoreSignals?: readonly NodeJS.Signals[] | undefined
}

/** The options of `child_process.spawn()`, and those that place the child. */
export interface SpawnOptions extends NodeOptions, JobOptions {}

/** A stream of the child at our end, by what `stdio` says of it: null, where it is no pipe. */
export type Streams<T extends StdioNull | StdioPipe, Stream> = T extends StdioNull ? null : Stream

/** The options of `withForeground()`. */
export interface ForegroundOptions {
  /**
   * In the background, `fn` runs all the same, and the group gets the terminal as soon as the caller's own group
   * has it: after `fg` in a shell. Default: false, which fails.
   */
  wait?: boolean | undefined
}

/** The events of `watchChild()`. */
export interface ChildWatchEvents {
  /** The child has stopped, by this signal. */
  stop: [signal: NodeJS.Signals]
  /** It runs again. */
  continue: []
}

/** Tells when a child stops and continues. */
export interface ChildWatch extends EventEmitter<ChildWatchEvents> {
  /** The signal that stopped the child, or null while it runs and when it has ended. */
  readonly stoppedBy: NodeJS.Signals | null
}

/** How a child is: it has ended, or it is stopped and can be continued. */
export type ChildState = ChildExit | ChildStop

/** How a child ended: by its exit code, or by a signal. */
export interface ChildExit {
  /** It has ended. */
  state: 'exited'
  /** null: a signal ended it. */
  code: number | null
  /** The signal that ended it; null: it ended by its exit code. */
  signal: NodeJS.Signals | null
}

/** A child that is stopped: SIGCONT continues it. */
export interface ChildStop {
  /** It is stopped. */
  state: 'stopped'
  /** The signal that stopped it. */
  signal: NodeJS.Signals
}
