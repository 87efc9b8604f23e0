export type { Reason, SystemError } from './errors.ts'
export { getpgid, getpgrp, getsid, killpg, setpgid, setsid, type LookupOptions } from './session.ts'
export { ctermid, tcgetpgrp, tcgetsid, tcsetpgrp, ttyname } from './terminal.ts'
export {
  groupMembers,
  identify,
  isSameProcess,
  listProcesses,
  listProcessesSync,
  listSessions,
  inspectGroup,
  inspectSession,
  processInfo,
  sessionMembers,
  type ProcessFilter,
  type ProcessGroup,
  type ProcessIdentity,
  type ProcessInfo,
  type Session,
} from './inspect.ts'
export { spawn, type JobOptions, type SpawnOptions } from './spawn.ts'
export { isForeground, withForeground } from './foreground.ts'
export {
  exitOrStop,
  watchChild,
  type ChildState,
  type ChildWatch,
  type ChildWatchEvents,
} from './child.ts'
export { detach, detachSync, type Detached, type DetachOptions } from './detach.ts'
export { reopenLogs, type StdioTarget } from './stdio.ts'
export { explain, type Explanation, type Outcome, type Verdict } from './explain.ts'
export { waitForExit, type WaitOptions } from './wait.ts'
export {
  stopGroup,
  stopProcess,
  stopSession,
  type StopOptions,
  type StopResult,
  type Survivor,
} from './stop.ts'
export { daemonStatus, type DaemonStatus } from './pidfile.ts'
export { daemonize, type Daemon, type DaemonizeOptions } from './daemonize.ts'
export { startDaemon, stopDaemon, type RunningDaemon, type StartDaemonOptions } from './start.ts'
export { signalGroup, signalSession, type SignalOptions, type SignalResult } from './signal.ts'
