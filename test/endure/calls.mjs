// A row for each way that a call of the addon may go: well, or wrong. `make` gets the place and gives what is called
// again and again; it throws where the answer is another one. Rows without `rounds` are called as often as was asked
// for, a million times by default. Without `at` they run in the main thread on a terminal, and in the workers.
//
//   rounds   at most so many of a million, because each round …
//   why      … does this
//   at       `leader`: of a session without a terminal; `member`: of another's group; `crammed`: no descriptor is free;
//            `homeless`: the folder that it was started in is gone; `once`: each round is a process of its own
//   opens    it gives a descriptor, which is closed again; a worker that is terminated in between can't
//   alone    why the workers leave it out
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants as fs } from 'node:fs'
import { constants } from 'node:os'
import { isMainThread } from 'node:worker_threads'
import { CLOSED, GONE, native, quiet, ROW } from './place.mjs'

const errno = Object.fromEntries(
  Object.entries(constants.errno).map(([name, number]) => [name, -number]),
)
const { EPERM, ESRCH, EBADF, EINVAL, ENOENT, EMFILE, ECHILD, EAGAIN, ECONNREFUSED } = errno
const [SESSION, GROUP, PROCESS] = [1, 2, 3]

function expect(value, wanted) {
  if (value !== wanted) throw new Error(`it gave ${value}, and not ${wanted}`)
}
function expectBuffer(value) {
  if (!(value instanceof ArrayBuffer) || value.byteLength === 0) throw new Error(`it gave ${value}`)
}
const expectText = (value) => expect(typeof value, 'string')
/** A new descriptor, which is closed again. */
const expectOpen = (fd) => expect(native.close(fd), 0)
const expectPair = (pair) => pair.forEach(expectOpen)

const rows = []
/** A row where the answer is compared by `check`, or is `wanted`. */
const row = (kind, names, make, more = {}) =>
  rows.push({ name: `${names.split(' ')[0]}`, calls: names.split(' '), kind, make, ...more })
const good = (...args) => row('success', ...args)
const bad = (...args) => row('failure', ...args)

const crammed = { at: 'crammed' }
const leader = { at: 'leader' }
const changes = { alone: 'it changes the process' }
const helper = { rounds: 20_000, why: 'starts a helper process' }
const starts = { rounds: 300, why: 'starts a process', alone: 'nobody would end the process' }
const opens = { opens: true }

// src/session.cc
good('setsid', () => () => expect(native.setsid(), process.pid), {
  at: 'once',
  rounds: 20,
  why: 'is a process',
})
bad('setsid', () => () => expect(native.setsid(), EPERM), leader)
good(
  'getsid',
  ({ session }) =>
    () =>
      expect(native.getsid(0), session),
)
bad('getsid', () => () => expect(native.getsid(GONE), ESRCH))
good(
  'setpgid',
  ({ group }) =>
    () =>
      expect(native.setpgid(0, group), 0),
  changes,
)
bad('setpgid', () => () => expect(native.setpgid(0, -1), EINVAL))
good(
  'getpgid',
  ({ group }) =>
    () =>
      expect(native.getpgid(0), group),
)
bad('getpgid', () => () => expect(native.getpgid(GONE), ESRCH))
good(
  'getpgrp',
  ({ group }) =>
    () =>
      expect(native.getpgrp(), group),
)
good('isFirstThread', () => () => expect(native.isFirstThread(), isMainThread ? 1 : 0))
good(
  'killpg',
  ({ group }) =>
    () =>
      expect(native.killpg(group, 0), 0),
)
bad('killpg', () => () => expect(native.killpg(1, 0), EINVAL))

// src/addon.cc
good('defineOthers', () => () => expect(native.defineOthers({}), undefined), {
  rounds: 20_000,
  why: 'defines fifty functions',
})

// src/terminal.cc
good(
  'tcgetpgrp',
  ({ terminal, group }) =>
    () =>
      expect(native.tcgetpgrp(terminal), group),
)
bad('tcgetpgrp', () => () => expect(native.tcgetpgrp(CLOSED), EBADF))
good(
  'tcsetpgrp',
  ({ terminal, group }) =>
    () =>
      expect(native.tcsetpgrp(terminal, group), 0),
)
bad('tcsetpgrp', () => () => expect(native.tcsetpgrp(CLOSED, 2), EBADF))
good(
  'tcgetsid',
  ({ terminal, session }) =>
    () =>
      expect(native.tcgetsid(terminal), session),
)
bad('tcgetsid', () => () => expect(native.tcgetsid(CLOSED), EBADF))
good(
  'ttyname',
  ({ terminal }) =>
    () =>
      expectText(native.ttyname(terminal)),
)
bad('ttyname', () => () => expect(native.ttyname(CLOSED), EBADF))
good('ctermid', () => () => expectText(native.ctermid()))
good(
  'tcgetattr',
  ({ terminal }) =>
    () =>
      expectBuffer(native.tcgetattr(terminal)),
)
bad('tcgetattr', () => () => expect(native.tcgetattr(CLOSED), EBADF))
good(
  'tcsetattr',
  ({ terminal, modes }) =>
    () =>
      expect(native.tcsetattr(terminal, modes), 0),
)
bad('tcsetattr', ({ terminal }) => {
  const short = new ArrayBuffer(1)
  return () => expect(native.tcsetattr(terminal, short), EINVAL)
})

// src/child.cc
good('socketPair', () => () => expectPair(native.socketPair(false)), opens)
bad('socketPair', () => () => expect(native.socketPair(true), EMFILE), crammed)
good('pipe', () => () => expectPair(native.pipe()), opens)
bad('pipe', () => () => expect(native.pipe(), EMFILE), crammed)
good(
  'reap',
  () => async () => {
    // The library reaps the launcher that could not start the program.
    const { spawn } = await import('setsid')
    const [error] = await once(spawn('/no/such/program', [], { ...quiet, group: 'new' }), 'error')
    expect(error.code, 'ENOENT')
  },
  starts,
)
bad('reap', () => () => expect(native.reap(GONE), ECHILD))
good(
  'setWatcherSocket watcherSocket',
  ({ pair }) => {
    const socket = native.setWatcherSocket(native.dup(pair[0]))
    return () => {
      expect(native.setWatcherSocket(native.dup(pair[0])), socket)
      expect(native.watcherSocket(), socket)
    }
  },
  opens,
)
bad('setWatcherSocket', ({ pair }) => {
  if (native.watcherSocket() < 0) native.setWatcherSocket(native.dup(pair[0]))
  return () => expect(native.setWatcherSocket(CLOSED), EBADF)
})
good(
  'watchChild takeChange',
  () => async () => {
    const child = spawn('sleep', ['1000'], quiet)
    let changed
    const change = () => new Promise((resolve) => (changed = resolve))
    const exit = once(child, 'exit')
    let next = change()
    expect(
      native.watchChild(child.pid, () => changed(native.takeChange(child.pid))),
      0,
    )
    for (const [signal, taken] of [
      ['SIGSTOP', constants.signals.SIGSTOP],
      ['SIGCONT', 0],
    ]) {
      child.kill(signal)
      expect(await next, taken)
      next = change()
    }
    child.kill('SIGKILL')
    await exit
  },
  starts,
)
bad(
  'watchChild',
  () => () =>
    expect(
      native.watchChild(GONE, () => undefined),
      0,
    ),
  { rounds: 100_000, why: 'starts a thread' },
)
bad('takeChange', () => () => expect(native.takeChange(GONE), ECHILD))

// src/table.cc
good(
  'processIds',
  ({ member }) =>
    () =>
      expectBuffer(native.processIds(SESSION, member)),
)
bad('processIds', () => () => expect(native.processIds(GROUP, 2), EMFILE), crammed)
good(
  'processRows',
  ({ member }) =>
    () =>
      expectBuffer(native.processRows(GROUP, member)),
)
bad('processRows', () => () => expect(native.processRows(GROUP, 2), EMFILE), crammed)
good(
  'processRowsAsync',
  ({ member }) =>
    async () =>
      expectBuffer(await native.processRowsAsync(GROUP, member)),
)
bad(
  'processRowsAsync',
  () => async () => expect(await native.processRowsAsync(GROUP, 2), EMFILE),
  crammed,
)
good(
  'processRow',
  ({ member }) =>
    () =>
      expect(native.processRow(member, ROW), 0),
)
bad('processRow', () => () => expect(native.processRow(GONE, ROW), ESRCH))
good(
  'processDetails',
  ({ member }) =>
    () =>
      expectBuffer(native.processDetails(member)),
)
bad('processDetails', () => () => expect(native.processDetails(GONE), ESRCH))
good(
  'processArgs',
  ({ member, start }) =>
    () =>
      expectBuffer(native.processArgs(member, start)),
)
bad(
  'processArgs',
  ({ member }) =>
    () =>
      expect(native.processArgs(member, 1), ESRCH),
)
good('bootId', () => () => expectText(native.bootId()))
bad('bootId', () => () => expect(native.bootId(), EMFILE), crammed)

// src/process_watch.cc
good('startExitThread stopExitThread watchExit', ({ member }) => () => {
  const thread = native.startExitThread(() => undefined)
  if (native.watchExit(thread, member, 7) < 0) throw new Error('no watch')
  native.stopExitThread(thread)
})
bad(
  'startExitThread',
  () => () =>
    expect(
      native.startExitThread(() => undefined),
      EMFILE,
    ),
  crammed,
)
bad('stopExitThread', () => () => expect(native.stopExitThread({}), undefined))
good('watchExit unwatchExit', ({ member }) => {
  const thread = native.startExitThread(() => undefined)
  return () => expect(native.unwatchExit(thread, native.watchExit(thread, member, 7)), undefined)
})
bad('watchExit unwatchExit', () => {
  const thread = native.startExitThread(() => undefined)
  return () => {
    expect(native.watchExit(thread, GONE, 7), ESRCH)
    expect(native.watchExit({}, GONE, 7), EINVAL)
    expect(native.unwatchExit(thread, CLOSED), undefined)
  }
})
good(
  'hasExited',
  ({ ended }) =>
    () =>
      expect(native.hasExited(ended), true),
)
bad('hasExited', () => () => expect(native.hasExited(-1), false))

// src/detach.cc
good('hop', () => () => expect(native.hop(), process.pid), {
  ...{ at: 'once', own: true, rounds: 20, why: 'is a process' },
})
bad('hop', () => () => expect(native.hop(), EPERM), { ...leader, ...helper })
good('standAside', () => () => expect(native.standAside(), 0), { at: 'member', ...helper })
bad('standAside', () => () => expect(native.standAside(), EPERM), { ...leader, ...helper })
good('disownTerminal', () => () => expect(native.disownTerminal(), 0), { ...leader, ...helper })
bad('disownTerminal', () => () => expect(native.disownTerminal(), EMFILE), crammed)
good('hasTerminal', () => () => expect(native.hasTerminal(), 1))
bad('hasTerminal', () => () => expect(native.hasTerminal(), EMFILE), crammed)
good(
  'setHangup',
  () => () => {
    expect(native.setHangup(1), 1)
    expect(native.setHangup(0), 1)
  },
  changes,
)

// src/files.cc
good(
  'openAt',
  ({ folder }) =>
    () =>
      expectOpen(native.openAt(folder, 'lock', fs.O_RDONLY, 0)),
  opens,
)
bad(
  'openAt',
  ({ folder }) =>
    () =>
      expect(native.openAt(folder, 'none', 0, 0), ENOENT),
)
good(
  'unlinkAt',
  ({ folder }) =>
    () => {
      expectOpen(native.openAt(folder, 'made', fs.O_CREAT | fs.O_WRONLY, 0o600))
      expect(native.unlinkAt(folder, 'made'), 0)
    },
  opens,
)
bad(
  'unlinkAt',
  ({ folder }) =>
    () =>
      expect(native.unlinkAt(folder, 'none'), ENOENT),
)
good(
  'renameAt',
  ({ folder }) =>
    () =>
      expect(native.renameAt(folder, 'lock', 'lock'), 0),
)
bad(
  'renameAt',
  ({ folder }) =>
    () =>
      expect(native.renameAt(folder, 'none', 'lock'), ENOENT),
)
good(
  'readLink',
  ({ link }) =>
    () =>
      expect(native.readLink(link), 'target'),
)
bad('readLink', () => () => expect(native.readLink(CLOSED), EBADF))
good(
  'nextNumbers',
  ({ folder }) =>
    () => {
      const full = native.openAt(folder, 'full', fs.O_RDONLY, 0)
      expect(native.nextNumbers(full).byteLength, 8)
      expect(native.nextNumbers(full).byteLength, 0)
      expectOpen(full)
    },
  opens,
)
bad('nextNumbers', () => () => expect(native.nextNumbers(CLOSED), EBADF))
good(
  'lockByte',
  ({ locked }) =>
    () =>
      expect(native.lockByte(locked, 3, 1), 0),
)
bad(
  'lockByte',
  ({ locked }) =>
    () =>
      expect(native.lockByte(locked, 7, 1), EAGAIN),
)
good(
  'isByteLocked',
  ({ locked }) =>
    () =>
      expect(native.isByteLocked(locked, 7, 1), 1),
)
bad('isByteLocked', () => () => expect(native.isByteLocked(CLOSED, 7, 1), EBADF))

// src/peer.cc, src/pidfd.cc
good('peerInode', ({ inode }) => () => {
  if (native.peerInode(inode) <= 0) throw new Error('no peer')
})
bad('peerInode', () => () => expect(native.peerInode(1), ENOENT))
good(
  'pidfdOpen',
  ({ member }) =>
    () =>
      expectOpen(native.pidfdOpen(member)),
  opens,
)
bad('pidfdOpen', () => () => expect(native.pidfdOpen(GONE), ESRCH))

// src/stop_job.cc
good('stopLook', ({ member }) => {
  return () => expectBuffer(native.stopLook(GROUP, member, -1, -1, 1, 0, 0, undefined))
})
bad('stopLook', () => () => expect(native.stopLook(GROUP, 1, -1, -1, 1, 0, 0), EINVAL))
good('stopLookAsync', ({ member }) => async () => {
  expectBuffer(await native.stopLookAsync(PROCESS, member, -1, 0, 1, 0, 0, undefined))
})
bad('stopLookAsync', () => () => expect(native.stopLookAsync(0, 0, 0, 0, 0, 0, 0), EINVAL))
good(
  'stopWaitAsync',
  ({ look }) =>
    async () =>
      expectBuffer(await native.stopWaitAsync(look, 1)),
)
bad(
  'stopWaitAsync',
  ({ look }) =>
    () =>
      expect(native.stopWaitAsync(look, 0), EINVAL),
)
good('stopMark', () => () => expectBuffer(native.stopMark()))

// src/privileges.cc
good('userIds', () => () => {
  expect(native.userIds('root')[0], 0)
  expect(native.userIds(0)[1], 0)
})
bad('userIds', () => () => expect(native.userIds('no such user'), ENOENT))
good('groupId', () => () => expect(native.groupId('root'), 0))
bad('groupId', () => () => expect(native.groupId('no such group'), ENOENT))

// src/execute.cc, src/started.cc
const strings = (...list) => Buffer.from(list.map((text) => `${text}\0`).join(''))
const none = Buffer.alloc(0)
good(
  'execute',
  () => () => {
    native.execute(strings('/bin/true'), strings('true'), none, none)
    throw new Error('it has returned')
  },
  { at: 'once', rounds: 20, why: 'is a process' },
)
bad(
  'execute',
  () => {
    const [path, words, fds] = [strings('/no/such'), strings('a', 'b'), Buffer.from([9, 0, 0, 0])]
    return () => expect(native.execute(path, words, words, fds), ENOENT)
  },
  changes,
)
good('startedArguments', () => () => expectBuffer(native.startedArguments()))
good('startedEnvironment', () => () => expectBuffer(native.startedEnvironment()))
good('enterStartedFolder', () => () => expect(native.enterStartedFolder(), 0), changes)
bad('enterStartedFolder', () => () => expect(native.enterStartedFolder(), ENOENT), {
  at: 'homeless',
})

// src/link.cc, src/replace.cc
good(
  'connectLauncher',
  ({ launcher }) =>
    async () => {
      let fd = native.connectLauncher(launcher, 1000)
      while (fd === EAGAIN) {
        await new Promise(setImmediate)
        fd = native.connectLauncher(launcher, 1000)
      }
      expectOpen(fd)
    },
  { rounds: 20_000, why: 'is heard by a launcher', ...opens },
)
bad('connectLauncher', () => () => expect(native.connectLauncher(GONE, 1000), ECONNREFUSED))
good('parentDeathSignal', () => () => expect(native.parentDeathSignal(0), 0))
bad('parentDeathSignal', () => () => expect(native.parentDeathSignal(1000), EINVAL))
good(
  'notify',
  ({ notified }) =>
    () =>
      expect(native.notify(notified, 'READY=1'), 0),
  {
    rounds: 100_000,
    why: 'waits for a process that reads',
  },
)
bad('notify', () => () => expect(native.notify('/no/such/socket', 'READY=1'), ENOENT))

// src/stdio.cc
good('dup', () => () => expectOpen(native.dup(0)), opens)
bad('dup', () => () => expect(native.dup(CLOSED), EBADF))
bad('close', () => () => expect(native.close(CLOSED), EBADF))
good(
  'dup2',
  ({ spare }) =>
    () =>
      expect(native.dup2(0, spare, 1), spare),
)
bad(
  'dup2',
  ({ spare }) =>
    () =>
      expect(native.dup2(CLOSED, spare, 1), EBADF),
)
good('openCwd close', () => () => expectOpen(native.openCwd()), opens)
bad('openCwd', () => () => expect(native.openCwd(), EMFILE), crammed)
good(
  'fchdir',
  ({ working }) =>
    () =>
      expect(native.fchdir(working), 0),
)
bad('fchdir', () => () => expect(native.fchdir(CLOSED), EBADF))

export { rows }

/** Calls that can't fail, and why. */
export const infallible = {
  getpgrp: 'POSIX has no error for it',
  ctermid: 'POSIX has no error for it',
  isFirstThread: 'it compares two numbers',
  defineOthers: 'it gives no number: where memory ends it throws what V8 does',
  watcherSocket: 'it reads a number',
  setHangup: 'a signal that is there',
  stopMark: 'what can not be read is told as such',
  startedArguments: 'they were read when the addon was loaded',
  startedEnvironment: 'it was read when the addon was loaded',
}
