import { closeSync, readSync, writeSync } from 'node:fs'
import { EACCES, EAFNOSUPPORT, EAGAIN, ECONNREFUSED, ENOSYS, EPERM } from '../base/errno.ts'
import { daemonFailed, systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import {
  answerWords,
  decode,
  encodeMessage,
  PROTOCOL_MESSAGE,
  PROTOCOL_VERSION,
} from './protocol.ts'

// The line to the launcher that waits for this process. No variable and no descriptor leads to it: any program would
// inherit them. We call our parent by a name made of its pid, and the kernel says which process answers.

export interface Launcher {
  /** Our end of the line: one message a write, and no call on it waits longer than a second. */
  fd: number
  pid: number
  /** The program was started again by `daemonize()`. */
  restarted: boolean
}

const NONE = new Set([ECONNREFUSED, EAGAIN, EPERM, EACCES, EAFNOSUPPORT])
const ANSWER_WITHIN = 1000

/** The launcher that waits for us: our parent, if it is a launcher. The caller closes the line. */
export function findLauncher(): Launcher | undefined {
  const pid = process.ppid
  const fd = native.connectLauncher(pid, ANSWER_WITHIN)
  // No process listens by that name, or one that is not our parent does, or a sandbox forbids the call.
  if (NONE.has(fd) || fd === ENOSYS) return undefined
  if (fd < 0) throw systemError(fd, 'connect')
  try {
    return { fd, pid, restarted: greet(fd) }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** Whether a launcher waits for us. It keeps no line open. */
export function hasLauncher(): boolean {
  const launcher = findLauncher()
  if (launcher !== undefined) closeSync(launcher.fd)
  return launcher !== undefined
}

/** Says hello, and gives whether the program was started again. */
function greet(fd: number): boolean {
  writeSync(fd, encodeMessage('hello', PROTOCOL_VERSION))
  const answer = decode(answerWords, read(fd))
  const [version, restarted] = answer?.values ?? []
  if (answer?.word === 'welcome') return restarted === 1
  const message =
    answer?.word === 'refused'
      ? `The launcher speaks version ${version} of the protocol, and this program version ${PROTOCOL_VERSION}: they are of different releases of setsid`
      : 'The launcher does not answer'
  throw daemonFailed(message, { reason: 'no-answer' })
}

/** Reads one message; '' if none comes within the time limit. */
function read(fd: number): string {
  const bytes = Buffer.alloc(PROTOCOL_MESSAGE)
  const deadline = performance.now() + ANSWER_WITHIN
  while (performance.now() < deadline) {
    try {
      return bytes.toString('utf8', 0, readSync(fd, bytes))
    } catch (error) {
      // The kernel doesn't restart a read with a time limit after a signal (signal(7)).
      if ((error as NodeJS.ErrnoException).code !== 'EINTR') break
    }
  }
  return ''
}
