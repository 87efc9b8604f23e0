import { native } from '../base/raw-native.ts'
import { checkInt32 } from '../base/quick.ts'
import { systemError } from '../base/system-error.ts'
import { setForegroundError, whyNoName, whyNotTerminal } from './why.ts'

/**
 * The foreground process group of a terminal.
 *
 * The number may be that of a group whose last member is gone: Linux keeps it
 * until a process sets another.
 *
 * @param fd descriptor of the caller's controlling terminal, or of the master side of any pty
 * @returns the process group ID; 0 for the master of a pty that is no session's controlling terminal
 * @throws `EBADF` `fd` is not open
 * @throws `EIO` the terminal has hung up (`reason: 'hung-up'`)
 * @throws `ENOTTY` `fd` is not a terminal, or not the caller's controlling terminal (`reason:
 * 'not-a-terminal'` or `'not-controlling'`)
 * @platform Linux, macOS
 * @see POSIX tcgetpgrp()
 * @see tcgetpgrp(3)
 */
export function tcgetpgrp(fd: number): number {
  checkInt32(fd, 'fd')
  const pgid = native.tcgetpgrp(fd)
  if (pgid < 0) throw systemError(pgid, 'tcgetpgrp', whyNotTerminal(pgid, fd))
  return pgid
}

/**
 * Makes a process group of the caller's session the foreground process group of
 * its controlling terminal.
 *
 * SIGTTOU is blocked for the length of the call, so that it works from a
 * background process group too and can't stop the caller.
 *
 * Linux takes the number of any process of the session, group leader or not: the
 * terminal then has a foreground process group without members.
 *
 * @param fd descriptor of the caller's controlling terminal
 * @param pgid process group ID
 * @throws `EBADF` `fd` is not open
 * @throws `EINVAL` `pgid` is negative
 * @throws `ENOTTY` `fd` is not a terminal, has hung up, or is not the caller's controlling terminal
 * (`reason: 'not-a-terminal'`, `'hung-up'` or `'not-controlling'`)
 * @throws `EPERM` the group, or the process of that number, is in another session (`reason:
 * 'group-in-other-session'`)
 * @throws `ESRCH` there is neither a group nor a process of that number (Linux; elsewhere EPERM)
 * @platform Linux, macOS
 * @see POSIX tcsetpgrp()
 * @see tcsetpgrp(3)
 */
export function tcsetpgrp(fd: number, pgid: number): void {
  checkInt32(fd, 'fd')
  checkInt32(pgid, 'pgid')
  const result = native.tcsetpgrp(fd, pgid)
  if (result !== 0) throw setForegroundError(result, fd, pgid)
}

/**
 * The session ID of the session that a terminal controls.
 *
 * @param fd descriptor of the caller's controlling terminal, or of the master side of any pty
 * @returns the session ID
 * @throws `EBADF` `fd` is not open
 * @throws `EIO` the terminal has hung up (`reason: 'hung-up'`)
 * @throws `ENOTTY` `fd` is not a terminal, or not the caller's controlling terminal, or the master of a pty
 * that controls no session (`reason: 'not-a-terminal'` or `'not-controlling'`)
 * @platform Linux, macOS
 * @see POSIX tcgetsid()
 * @see tcgetsid(3)
 */
export function tcgetsid(fd: number): number {
  checkInt32(fd, 'fd')
  const sid = native.tcgetsid(fd)
  if (sid < 0) throw systemError(sid, 'tcgetsid', whyNotTerminal(sid, fd))
  return sid
}

/**
 * The path of the terminal that a descriptor is open on.
 *
 * @param fd descriptor
 * @returns an absolute path such as `'/dev/pts/3'`
 * @throws `EBADF` `fd` is not open
 * @throws `EIO` the terminal has hung up (`reason: 'hung-up'`)
 * @throws `ENODEV` it is a terminal that has no name here, as in a container that inherited one (Linux)
 * @throws `ENOTTY` `fd` is not a terminal
 * @platform Linux, macOS
 * @see POSIX ttyname_r()
 * @see ttyname_r(3)
 */
export function ttyname(fd: number): string {
  checkInt32(fd, 'fd')
  const name = native.ttyname(fd)
  if (typeof name === 'number') {
    throw systemError(name, 'ttyname', whyNoName(name, fd))
  }
  return name
}

/**
 * The path by which any process opens its own controlling terminal. That it has
 * a name doesn't mean that there is one: opening it then gives ENXIO.
 *
 * @returns `'/dev/tty'`
 * @platform Linux, macOS
 * @see POSIX ctermid()
 * @see ctermid(3)
 */
export function ctermid(): string {
  const path: string | number = native.ctermid()
  if (typeof path === 'number') throw systemError(path, 'ctermid')
  return path
}
