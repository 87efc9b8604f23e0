/**
 * POSIX sessions, process groups and controlling terminals for Node.js.
 *
 * @module setsid
 */
export type { Reason, SystemError } from './base/errors.ts'
export {
  getpgid,
  getpgrp,
  getsid,
  killpg,
  setpgid,
  setsid,
  type LookupOptions,
} from './raw/session.ts'
export { ctermid, tcgetpgrp, tcgetsid, tcsetpgrp, ttyname } from './raw/terminal.ts'
export { identify, isSameProcess, processInfo } from './inspect/process.ts'
export { groupMembers, listProcesses, listProcessesSync, sessionMembers } from './inspect/list.ts'
export { inspectGroup, inspectSession, listSessions } from './inspect/sessions.ts'
export { spawn } from './spawn/spawn.ts'
export { isForeground, withForeground } from './spawn/foreground.ts'
export { runInForeground } from './spawn/run-in-foreground.ts'
export { exitOrStop, watchChild } from './spawn/child.ts'
export { containedMembers, containedPid } from './spawn/contained.ts'
export { detach, detachSync } from './daemon/detach.ts'
export { reopenLogs } from './daemon/stdio.ts'
export { explain } from './inspect/explain.ts'
export { holders } from './inspect/holders.ts'
export { waitForExit } from './inspect/wait.ts'
export { waitForGroup, waitForSession } from './stop/wait.ts'
export { stopContained, waitForContained } from './stop/contained.ts'
export { stopGroup, stopProcess, stopSession } from './stop/stop.ts'
export { run } from './run/run.ts'
export { daemonStatus } from './daemon/status.ts'
export { daemonize } from './daemon/daemonize.ts'
export { startDaemon } from './daemon/start.ts'
export { stopDaemon } from './daemon/stop.ts'
export { signalGroup, signalSession } from './stop/signal.ts'
export type {
  Explanation,
  Holder,
  Holders,
  ListOptions,
  Outcome,
  PipeHolder,
  ProcessFilter,
  ProcessGroup,
  ProcessIdentity,
  ProcessInfo,
  ProcessOptions,
  ProcessState,
  Session,
  StreamName,
  Verdict,
  WaitOptions,
} from './inspect/types.ts'
export type {
  ChildExit,
  ChildState,
  ChildStop,
  ChildWatch,
  ChildWatchEvents,
  ForegroundOptions,
  JobOptions,
  SpawnOptions,
  Streams,
} from './spawn/types.ts'
export type {
  Daemon,
  DaemonStatus,
  DaemonizeOptions,
  DetachOptions,
  Detached,
  ReadyBy,
  RunningDaemon,
  StartDaemonOptions,
  StdioTarget,
  UnknownDaemon,
} from './daemon/types.ts'
export type { BufferOptions, RunOptions, RunResult, RunSurvivor, TextOptions } from './run/types.ts'
export type {
  NotSignalled,
  SignalOptions,
  SignalResult,
  StopOptions,
  StopResult,
  Survivor,
} from './stop/types.ts'
