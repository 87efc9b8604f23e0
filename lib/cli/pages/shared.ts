// Options that several commands have.
import type { Options } from './page.ts'

/** Which sessions `ls`, `tree` and `watch` show. */
export const filter = {
  tty: {
    short: 't',
    value: 'TTY',
    values: 'tty',
    help: 'sessions on this terminal: pts/3 or /dev/pts/3',
  },
  user: {
    short: 'u',
    value: 'USER',
    values: 'user',
    help: 'sessions with a process of this user, by name or number',
  },
  pid: { short: 'p', value: 'PID', values: 'pid', help: 'the session of this process' },
  all: { short: 'a', help: 'kernel threads too' },
} as const satisfies Options

/** How `stop`, `restart` and `kill` end what they end. */
export const ending = {
  signal: {
    value: 'NAME',
    values: 'signal',
    help: 'the first signal; default SIGTERM',
  },
  grace: { value: 'MS', help: 'from the first signal to SIGKILL; default 5000' },
  'no-kill': { help: 'no SIGKILL' },
} as const satisfies Options

/** Which daemon `start`, `stop`, `restart` and `status` are about. */
export const daemon = {
  'pid-file': { value: 'F', values: 'file', help: "the daemon's pidfile, locked for its life" },
  name: {
    value: 'NAME',
    help: 'instead: the pidfile is NAME.pid in /run, for other users than root in XDG_RUNTIME_DIR',
  },
} as const satisfies Options

/** How `start` and `restart` start it. */
export const starting = {
  log: {
    value: 'F',
    values: 'file',
    help: 'its stdout and stderr are appended to F; default: /dev/null',
  },
  'up-for': {
    value: 'MS',
    help: 'ready is: still there after MS milliseconds; the default, with 1000',
  },
  'ready-fd': { value: 'N', help: 'ready is: it writes to descriptor N, 3 to 9' },
  notify: { help: 'ready is: it sends READY=1 to the socket in NOTIFY_SOCKET' },
  timeout: { value: 'MS', help: 'not ready by then: it is stopped; default 30000' },
  user: { value: 'U', values: 'user', help: 'run it as this user, by name or number' },
  group: {
    value: 'G',
    values: 'user-group',
    help: "run it in this group, by name or number; default: the user's",
  },
  cwd: { value: 'DIR', values: 'folder', help: 'its working folder; default: this one' },
} as const satisfies Options
