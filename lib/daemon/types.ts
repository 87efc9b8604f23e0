import type { ProcessIdentity } from '../inspect/types.ts'

/**
 * Where a standard stream goes. `'auto'` replaces a terminal by /dev/null and keeps a file; `detach()` keeps a pipe or
 * a socket, and `daemonize()` replaces it. `'keep'` keeps the stream, `'null'` replaces it by /dev/null. Any other text
 * is the path of a file: a log, opened for appending, or for stdin a file to read. A FIFO is opened for reading and
 * writing, so that open() doesn't wait for the other end.
 */
export type StdioTarget = 'auto' | 'keep' | 'null' | (string & {})

/** The options of `detach()` and `detachSync()`. */
export interface DetachOptions {
  /** Working folder, so that no file system is held in use. Default: it stays. */
  cwd?: string | undefined
  /** File mode creation mask, 0 to 0o777; of log files as well. Default: it stays. */
  umask?: number | undefined
  /** Where stdin goes. Default: `'auto'`: a terminal becomes /dev/null, everything else is kept. */
  stdin?: StdioTarget | undefined
  /** Where stdout goes: a path is a log file, opened for appending. Default: `'auto'`. */
  stdout?: StdioTarget | undefined
  /** Where stderr goes: a path is a log file; the path of stdout shares its open file. Default: `'auto'`. */
  stderr?: StdioTarget | undefined
  /**
   * Adds a listener that does nothing and stays, so that SIGHUP doesn't end the program, unless another listener does.
   * bash, zsh and fish send SIGHUP to what they believe to be our process group when their terminal closes.
   * Default: true.
   */
  ignoreHangup?: boolean | undefined
  /** Milliseconds to wait for the other members of our process group to go. Default: 0. */
  wait?: number | undefined
  /**
   * What to do if they haven't gone: `'throw'`, or `'partial'`, which leaves the
   * process group and the terminal but not the session. Default: `'throw'`.
   */
  onBlocked?: 'throw' | 'partial' | undefined
  /** A signal that calls `reopenLogs()`. A failure of it is a warning. Default: none. */
  reopenOn?: NodeJS.Signals | undefined
}

/** What `detach()` has done. */
export interface Detached {
  /** The process ID, which is the one of before. */
  pid: number
  /** The session ID: the pid, where `complete` is true. */
  sid: number
  /** The process group ID: the pid, where `complete` is true. */
  pgid: number
  /**
   * How it left. `setsid`: at once. `hop`: as a process group leader, by way of a helper's group.
   * `notty`: it left only the terminal, as a session leader or because others blocked the rest.
   */
  method: 'setsid' | 'hop' | 'notty'
  /** Whether it is in a session of its own. It has no terminal either way. */
  complete: boolean
  /** The processes that kept it in its old session. */
  blockedBy: number[]
}

/** The options of `daemonize()`. */
export interface DaemonizeOptions extends DetachOptions {
  /** A file to lock for life and to write the pid to. Removed on exit. Default: none. */
  pidFile?: string | undefined
  /** Become this user, by name or ID. Default: our own. */
  user?: string | number | undefined
  /** Become a member of this group, by name or ID. Default: the group of `user`. */
  group?: string | number | undefined
  /** The daemon is ready when it calls `ready()`, not when `daemonize()` resolves. Default: false. */
  waitForReady?: boolean | undefined
  /** Milliseconds in which `ready()` must come after `daemonize()`, 1 or more. Default: 30000. */
  readyTimeout?: number | undefined
  /**
   * How the command gets its prompt back. `'launcher'`: the launcher is what the shell waits for, and all state is kept.
   * `'restart'`: the program is started again, below the launcher. Default: `'auto'`: `launcher` where there is one,
   * else `restart`.
   */
  strategy?: 'auto' | 'launcher' | 'restart' | undefined
  /** What the command returns when the daemon is ready, 0 to 255. Default: 0. */
  exitCode?: number | undefined
  /** What the command's messages begin with. Default: the program's own name. */
  name?: string | undefined
}

/** The daemon that this process has become. */
export interface Daemon {
  /** Its process ID. */
  pid: number
  /** Its session ID: the pid, unless `strategy` is `'none'`. */
  sid: number
  /** How it got there. `none`: systemd or a container's runtime waits for this very process, and it stays. */
  strategy: 'launcher' | 'restart' | 'none'
  /** Says that the daemon is ready: the command returns. Once is enough. */
  ready(): void
  /** Prints the error with its causes, on the command's stderr as long as it waits, and exits with code 1. */
  fail(error: unknown): never
  /**
   * Tells the service manager, in the words of sd_notify(3): `STOPPING=1`, `STATUS=…`, `WATCHDOG=1`. `ready()` says
   * `READY=1` by itself. Without a service manager that waits for us it does nothing.
   */
  notify(text: string): void
}

/** The options of `startDaemon()`. */
export interface StartDaemonOptions {
  /** The daemon's working folder. Default: ours. */
  cwd?: string | undefined
  /** The daemon's environment. Default: ours. */
  env?: NodeJS.ProcessEnv | undefined
  /** File mode creation mask, 0 to 0o777. Default: ours. */
  umask?: number | undefined
  /** Where its stdout goes: `'null'`, `'inherit'`, or the path of a log, opened for appending. Default: `'null'`. */
  stdout?: 'null' | 'inherit' | (string & {}) | undefined
  /** As `stdout`. Where it is a log, its last lines are part of a failed start's error. Default: `'null'`. */
  stderr?: 'null' | 'inherit' | (string & {}) | undefined
  /** A file to lock for the daemon's life and to write its pid to. Default: none. */
  pidFile?: string | undefined
  /** The daemon's user, by name or ID. Default: ours. */
  user?: string | number | undefined
  /** The daemon's group, by name or ID. Default: the group of `user`. */
  group?: string | number | undefined
  /**
   * What shows that it is ready. `{ fd }`: the program writes to that descriptor (s6 does so). `{ notify: true }`: it
   * sends `READY=1` to the socket in NOTIFY_SOCKET. `{ upFor }`: it is still there after so many milliseconds.
   * A program that calls `daemonize()` itself can say it that way too. Default: `{ upFor: 1000 }`.
   */
  ready?: ReadyBy | undefined
  /** Milliseconds in which the daemon must be ready, 1 or more. Default: 30000. */
  readyTimeout?: number | undefined
  /** Milliseconds from SIGTERM to SIGKILL for a daemon that was not ready in time. Default: 5000. */
  grace?: number | undefined
  /** Stops the daemon that is not ready yet; the promise is rejected with an `AbortError`. Default: none. */
  signal?: AbortSignal | undefined
}

/** What shows that a program is ready. */
export type ReadyBy =
  | {
      /** The descriptor that it writes to, 3 or more. */
      fd: number
    }
  | {
      /** It sends `READY=1`, in the words of sd_notify(3). */
      notify: true
    }
  | {
      /** Milliseconds that it has to stay up. */
      upFor: number
    }

/** A daemon that `startDaemon()` has started, and that is ready. */
export interface RunningDaemon {
  /** Its process ID. */
  pid: number
  /** Its session, which it leads: the same number. */
  sid: number
  /** What tells it from any later process with its pid. */
  identity: ProcessIdentity
  /** The path of its pidfile; null: it has none. */
  pidFile: string | null
}

/**
 * Why it can't be told whether the daemon runs.
 *
 * - `other-program`: the file has a pid and nothing that tells whose; a process with that pid lives
 * - `not-a-pidfile`: text without a pid
 * - `held-by-another`: the named process is gone, or none is named, and `pids` hold the daemon's lock
 * - `other-namespace`: the daemon of another container, by its lock
 * - `hidden`: /proc does not show us the process
 * - `lock-hidden`: the named process is gone, and whether another holds the lock is not ours to ask
 * - `untrusted-pidfile`: a user could have written it that may not signal the process that it names
 */
export type UnknownDaemon =
  | 'other-program'
  | 'not-a-pidfile'
  | 'held-by-another'
  | 'other-namespace'
  | 'hidden'
  | 'lock-hidden'
  | 'untrusted-pidfile'

/** What a pidfile tells of a daemon. */
export interface DaemonStatus {
  /**
   * `running`: the very process that the file names lives. `stopped`: there is no file. `stale`: a file, and no
   * daemon. `unknown`: it can't be told, `reason` says why; nothing is started, stopped or removed then.
   */
  state: 'running' | 'stopped' | 'stale' | 'unknown'
  /** The daemon, where it is running; else null. */
  identity: ProcessIdentity | null
  /** Whether a process holds the lock that a daemon has for life; null where that is not ours to ask. */
  locked: boolean | null
  /** With `unknown` alone. */
  reason?: UnknownDaemon
  /** With `unknown`: the process that the file names, or those that hold its lock, as far as we may see. */
  pids?: number[]
}
