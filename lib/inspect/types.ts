import type { Reason } from '../base/errors.ts'

/** The letters that the kernel has for a process's state (proc_pid_stat(5)). */
export type ProcessState = 'R' | 'S' | 'D' | 'Z' | 'T' | 't' | 'X' | 'x' | 'I' | 'P' | 'K' | 'W'

/** One process, in the words of `ps -o`. What is absent is null. */
export interface ProcessInfo {
  /** Process ID. */
  pid: number
  /** Parent process ID; 0 when the parent is outside our pid namespace, or the kernel. */
  ppid: number
  /** Process group ID; 0 on Linux as for `sid`. */
  pgid: number
  /** Session ID; 0 on Linux when the session's leader is outside our pid namespace, and for kernel threads. */
  sid: number
  /** The controlling terminal, such as `'/dev/pts/3'`. */
  tty: string | null
  /** The foreground process group of that terminal. */
  tpgid: number | null
  /**
   * One letter of `ps -o state`: R running, S sleeping, D in uninterruptible sleep, T stopped, t stopped by a
   * debugger, Z zombie, I idle kernel thread, X dead; P parked, and others of older kernels.
   */
  state: ProcessState
  /** Effective user ID. */
  uid: number
  /** The name of the program, as `ps -o comm`: on Linux its first 15 bytes. */
  command: string
  /** When it started: on Linux exact to a tick, 10 ms. Setting the clock moves it. */
  startedAt: Date
  /** Processor time that it has used, user and system, in milliseconds. macOS: NaN for another user's process. */
  cpuTime: number
  /** Memory that is resident, in bytes. macOS: NaN for another user's process. */
  memory: number
  /** How many threads it has. macOS: NaN for another user's process. */
  threads: number
  /**
   * With the option `args`: what it shows as its arguments, the program's name first. A program may write over
   * them. null: there are none (a kernel thread, a zombie), or they are not ours to read.
   */
  args?: string[] | null
}

/** Options of calls that look one process up. */
export interface ProcessOptions {
  /** Whether a process that is gone is an error. When false the result is `undefined`. Default: true. */
  throwIfNoEntry?: boolean | undefined
  /** Whether to read the arguments too. Default: false. */
  args?: boolean | undefined
}

/**
 * One process among all that this machine ever runs, where a pid alone is given to
 * another one sooner or later. Plain data: it may be written to a file and read
 * by another program.
 */
export interface ProcessIdentity {
  /** Process ID. */
  pid: number
  /**
   * When it started, in clock ticks since boot (Linux) or microseconds (macOS): setting the clock doesn't change it.
   */
  startTicks: number
  /** Another one after each boot. */
  bootId: string
}

/** Which processes to list: those that match every field given. */
export interface ProcessFilter {
  /** Session ID. Default: any. */
  sid?: number | undefined
  /** Process group ID. Default: any. */
  pgid?: number | undefined
  /** Path of the controlling terminal, such as `'/dev/pts/3'`; null: those that have none. Default: any. */
  tty?: string | null | undefined
  /** Effective user ID. Default: any. */
  uid?: number | undefined
}

/** The options of `listProcesses()` and `listProcessesSync()`. */
export interface ListOptions {
  /** Whether to read the arguments of each process too. Default: false. */
  args?: boolean | undefined
}

/** Members of one process group. */
export interface ProcessGroup {
  /** Process group ID. */
  pgid: number
  /** ID of the session that the group is in. */
  sid: number
  /** null when the leader is gone, which is normal: the group lives on with its members. */
  leader: ProcessInfo | null
  /** All members that can be seen, zombies too. */
  members: ProcessInfo[]
  /** Whether it is its terminal's foreground process group, which gets Ctrl-C and reads the keys. */
  foreground: boolean
  /**
   * Whether no member that can be seen has a parent in another group of the session. No process is left then to
   * continue it from a stop, so that Ctrl-Z doesn't stop it (POSIX XBD 3.244, 11.1.4).
   */
  orphaned: boolean
}

/** A session, with all its groups. */
export interface Session {
  /** Session ID. 0 gathers what has no session that can be named here: see `ProcessInfo.sid`. */
  sid: number
  /** null when the leader is gone: the session lives on with its members, without terminal. */
  leader: ProcessInfo | null
  /** The controlling terminal. Single members may have given it up. */
  tty: string | null
  /** The terminal's foreground process group; its last member may be gone. */
  foreground: number | null
  /** By process group ID. */
  groups: ProcessGroup[]
}

/**
 * What becomes of a process: it `survives`, it `ends`, it `stops`, it `depends` on what a signal
 * handler, its own or that of another process, does; or it is `unknown`, since what decides is hidden from us.
 */
export type Outcome = 'survives' | 'ends' | 'stops' | 'depends' | 'unknown'

/** What becomes of a process, and why. */
export interface Verdict {
  /** What becomes of it. */
  outcome: Outcome
  /** Why: a stable word, a sentence for people and the numbers behind it. See docs/inspection.md. */
  reasons: Reason[]
}

/** What `explain()` tells of a process. */
export interface Explanation {
  /** The process itself. */
  process: ProcessInfo
  /** Its parent; null: it has none, or none that we can see. */
  parent: ProcessInfo | null
  /** The session that it is in, with all its groups. */
  session: Session
  /** The devices behind descriptors 0, 1 and 2, null for any other thing. null: not ours to read. */
  stdio: (string | null)[] | null
  /** Its terminal closes: the window is shut, the connection is lost. */
  hangup: Verdict
  /** Ctrl-C is pressed on its terminal. */
  interrupt: Verdict
  /** Ctrl-Z is pressed on its terminal. */
  suspend: Verdict
  /** Its parent is killed. */
  parentDeath: Verdict
}

/** A standard stream of a child, by its name at the `ChildProcess`. */
export type StreamName = 'stdin' | 'stdout' | 'stderr'

/** A process that has something open. */
export interface Holder extends ProcessInfo {
  /** The descriptors that it has it open by. */
  fds: number[]
}

/** A process that has the other end of a child's pipe open. */
export interface PipeHolder extends Holder {
  /** Which pipes. */
  holds: StreamName[]
}

/** All holders that can be seen, by pid, and how far that is not all. */
export interface Holders<H extends Holder = Holder> extends Array<H> {
  /** Processes whose descriptors are not ours to read: each may be a holder too. */
  unreadable: number[]
  /** Whether /proc is mounted with `hidepid`, so that there may be holders that it doesn't show. */
  hidden: boolean
}

/** The options of `waitForExit()`, `waitForGroup()`, `waitForSession()` and `waitForContained()`. */
export interface WaitOptions {
  /** Ends the wait with an `AbortError`. The process is left alone. Default: none. */
  signal?: AbortSignal | undefined
  /** Milliseconds until the wait fails with ETIMEDOUT, at most 2147483647. Default: no limit. */
  timeout?: number | undefined
}
