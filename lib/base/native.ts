import { native as raw, type RawNative } from './raw-native.ts'

/**
 * The addon, call by call. Each takes checked arguments and gives the value, or
 * -errno. Nothing else calls it.
 */
export interface Native extends RawNative {
  /** socketpair(2) of whole messages, close-on-exec */
  socketPair(stream: boolean): [number, number] | number
  /** pipe2(2), close-on-exec: the read end and the write end */
  pipe(): [number, number] | number
  /** waitpid(2) of one child */
  reap(pid: number): number
  /** The process-wide descriptor that leads to a watcher; -1 when none lives. */
  watcherSocket(): number
  /** Makes `fd` that descriptor, or closes it and gives -errno: its number from now on. */
  setWatcherSocket(fd: number): number
  /** Calls `onChange`, which throws nothing, when a child has stopped or continued, until it ends: 0, or -errno */
  watchChild(pid: number, onChange: () => void): number
  /** waitid(2): the signal that stopped a child, 0 when it was continued, -EAGAIN when neither. */
  takeChange(pid: number): number
  /** Ids as int32, of all (scope 0), a session (1) or a group (2). */
  processIds(scope: number, id: number): ArrayBuffer | number
  /** Packed rows (src/process_table.h) of the same. */
  processRows(scope: number, id: number): ArrayBuffer | number
  /** The same, read off the main thread. */
  processRowsAsync(scope: number, id: number): Promise<ArrayBuffer | number>
  /** One packed row, written to `place`: 0, or -errno */
  processRow(pid: number, place: ArrayBuffer): number
  /** How one takes signals, and its standard streams: ProcessDetails in src/process_table.h. */
  processDetails(pid: number): ArrayBuffer | number
  /** The arguments of the process of that start, each with a zero behind it; -ESRCH: it is gone. */
  processArgs(pid: number, startTicks: number): ArrayBuffer | number
  /** A text that is another one after each boot. */
  bootId(): string | number
  /** Starts the thread that watches for exits; `onExit` gets the token of each process that ended. */
  startExitThread(onExit: (token: number) => void): object | number
  /** Ends the thread, and closes what is still watched. */
  stopExitThread(watcher: object): void
  /** Watches a process: the descriptor that stands for the watch. `token` is 1 or more. */
  watchExit(watcher: object, pid: number, token: number): number
  /** Ends one watch and closes its descriptor. */
  unwatchExit(watcher: object, fd: number): void
  /** Whether the process has ended that the watch `fd` stands for. */
  hasExited(fd: number): boolean
  /** A group leader's way to a session of its own: the sid, or -errno with nothing changed. */
  hop(): number
  /** openat(2), close-on-exec; a folder of -1 is the working folder */
  openAt(folder: number, name: string, flags: number, mode: number): number
  /** unlinkat(2) of what is no folder */
  unlinkAt(folder: number, name: string): number
  /** renameat(2) within a folder */
  renameAt(folder: number, from: string, to: string): number
  /** readlinkat(2) of a link that is open itself (O_PATH, O_NOFOLLOW) */
  readLink(fd: number): string | number
  /** The next numbers that an open folder of /proc lists, as int32s; none at its end */
  nextNumbers(folder: number): ArrayBuffer | number
  /** Locks a byte (-1: all), exclusively (1) or not (0), for as long as the file is open: 0, or -EAGAIN */
  lockByte(fd: number, byte: number, exclusive: number): number
  /** 1 when another open file has a lock in the way of such a one, else 0 */
  isByteLocked(fd: number, byte: number, exclusive: number): number
  /**
   * The inode of the other end of a pair of unix sockets, by the inode of the one end; 0: nobody has it open any more.
   */
  peerInode(inode: number): number
  /** pidfd_open(2) */
  pidfdOpen(pid: number): number
  /**
   * One look at a process, group or session that is to be stopped, with a signal to its members or
   * without (-1): StopReport and rows of src/stop_look.h as one buffer, which the next look gets as `before`.
   */
  stopLook(...request: StopLook): ArrayBuffer | number
  /** The same, in a thread of its own. */
  stopLookAsync(...request: StopLook): Promise<ArrayBuffer | number> | number
  /**
   * Fulfilled when every member that was live in a look has ended, or after `ms`, with what the next look gets as
   * `before`; -EAGAIN at once: no thread can be had
   */
  stopWaitAsync(look: ArrayBuffer, ms: number): Promise<ArrayBuffer | number> | number
  /** What a look goes on from whose leader has ended in this moment. */
  stopMark(): ArrayBuffer
  /** uid, gid and supplementary groups of a user, from getpwnam(3) and getgrouplist(3) */
  userIds(user: string | number): number[] | number
  /** getgrnam(3) */
  groupId(group: string): number
  /** execve(2) with only `fds`, int32s, left open. The rest are strings in bytes, each ended by a NUL. */
  execute(path: Uint8Array, argv: Uint8Array, env: Uint8Array, fds: Uint8Array): number
  /** The arguments as the kernel had them when the addon was loaded, each ended by a NUL */
  startedArguments(): ArrayBuffer | number
  /** The environment, likewise */
  startedEnvironment(): ArrayBuffer | number
  /**
   * chdir(2) to the folder that was the working one when the addon was loaded; -ENOENT: that very folder is not there
   */
  enterStartedFolder(): number
  /**
   * A connection to the launcher with that pid, on which no call waits longer than `ms`: its descriptor, or
   * -ECONNREFUSED where no launcher listens.
   */
  connectLauncher(pid: number, ms: number): number
  /** PR_SET_PDEATHSIG of prctl(2) */
  parentDeathSignal(signal: number): number
  /** One datagram to the socket of NOTIFY_SOCKET */
  notify(address: string, text: string): number
  /** A session leader's way off the terminal, which its whole session loses. No signal is sent. */
  disownTerminal(): number
  /** Into a group of our own within the session, and off the terminal. -errno: nothing changed. */
  standAside(): number
  /** 1 if there is a controlling terminal, else 0. */
  hasTerminal(): number
  /** SIGHUP ignored (1) or by default (0), unless it has a handler: 1 if that changed anything. */
  setHangup(ignored: number): number
  /** F_DUPFD_CLOEXEC of fcntl(2), from 3 up */
  dup(fd: number): number
  /**
   * close(2), for what was opened here: in a worker, Node warns of one that fs closes
   * and has not opened.
   */
  close(fd: number): number
  /** dup2(2), with close-on-exec (1) or without (0) */
  dup2(from: number, to: number, closeOnExec: number): number
  /** A descriptor of the working folder that asks for no right to read it. */
  openCwd(): number
  /** fchdir(2), unknown to `process.cwd()` */
  fchdir(fd: number): number
}

type StopLook = [
  scope: number,
  id: number,
  leaderFd: number,
  signal: number,
  phase: number,
  flags: number,
  start: number,
  before: ArrayBuffer | undefined,
]

raw.defineOthers(raw)
export const native = raw as Native
