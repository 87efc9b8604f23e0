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
export {
  identify,
  isSameProcess,
  processInfo,
  type ProcessIdentity,
  type ProcessInfo,
  type ProcessOptions,
  type ProcessState,
} from './inspect/process.ts'
export {
  groupMembers,
  listProcesses,
  listProcessesSync,
  sessionMembers,
  type ListOptions,
  type ProcessFilter,
} from './inspect/list.ts'
export {
  inspectGroup,
  inspectSession,
  listSessions,
  type ProcessGroup,
  type Session,
} from './inspect/sessions.ts'
export { spawn, type JobOptions, type SpawnOptions } from './spawn/spawn.ts'
export { isForeground, withForeground, type ForegroundOptions } from './spawn/foreground.ts'
export {
  exitOrStop,
  watchChild,
  type ChildState,
  type ChildWatch,
  type ChildWatchEvents,
} from './spawn/child.ts'
export { detach, detachSync, type Detached, type DetachOptions } from './daemon/detach.ts'
export { reopenLogs, type StdioTarget } from './daemon/stdio.ts'
export { explain, type Explanation, type Outcome, type Verdict } from './inspect/explain.ts'
export { waitForExit, type WaitOptions } from './inspect/wait.ts'
export {
  stopGroup,
  stopProcess,
  stopSession,
  type StopOptions,
  type StopResult,
  type Survivor,
} from './stop/stop.ts'
export { daemonStatus, type DaemonStatus } from './daemon/status.ts'
export { daemonize, type Daemon, type DaemonizeOptions } from './daemon/daemonize.ts'
export { startDaemon, type RunningDaemon, type StartDaemonOptions } from './daemon/start.ts'
export { stopDaemon } from './daemon/stop.ts'
export { signalGroup, signalSession, type SignalOptions, type SignalResult } from './stop/signal.ts'
