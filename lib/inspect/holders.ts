import type { ChildProcess } from 'node:child_process'
import { type Stats, statSync } from 'node:fs'
import { isChild } from '../base/check.ts'
import { ENOSYS, ENOTSUP, ENOTTY, ENXIO, ESRCH } from '../base/errno.ts'
import { invalidArgType, systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { type Descriptor, fileAt, fileOf, inFirstNamespace, procHides } from '../base/proc.ts'
import { SCOPE } from '../base/scope.ts'
import { inSlices } from './list.ts'
import { inOrder, pipeOf, pipesOf } from './pipes.ts'
import { isDead, processInfo } from './process.ts'
import { isHidden, rowOf, Rows, tableError } from './row.ts'
import { type Found, search } from './search.ts'
import { isPseudoterminal, isTerminal, OWN_TERMINAL, ttyPath } from './tty.ts'
import type { Holder, Holders, PipeHolder, ProcessInfo } from './types.ts'

const CALL = 'holders'

/**
 * Which processes have a terminal open, or the other end of a child's pipes: who keeps `$(…)` waiting, whose output
 * still comes to a terminal, why a child's `close` event does not come.
 *
 * A descriptor counts and not the session: a process that has left the terminal's session may have the terminal open,
 * and a member of it may have closed it. One that was opened as /dev/tty counts where the terminal is the process's
 * controlling terminal. The master side, which shows the terminal in a window, holds nothing.
 *
 * Of a child the pipes count that Node made for its `stdin`, `stdout` and `stderr`, while these streams are not
 * destroyed. Our own end of a pipe is left out.
 *
 * The list is no snapshot. Who comes while /proc is read is looked at too; what is outside of our pid namespace can't
 * be seen, nor what waits in a socket to be received (unix(7), SCM_RIGHTS).
 *
 * @param target path of a terminal: `'/dev/pts/3'`, `'pts/3'`; or a child of this thread
 * @returns by pid, each with its `fds`, for a child also what it `holds`: `'stdin'`, `'stdout'`, `'stderr'`.
 *   `unreadable` has the pids whose descriptors are not ours to read, and each may be one more; `hidden` says whether
 *   /proc may hide others
 * @throws `ERR_INVALID_ARG_TYPE` `target` is neither
 * @throws `ENOENT`, `EACCES` there is no such file, or no right to search its folder, and any other errno of stat()
 * @throws `ENOTTY` the file is no terminal (`reason: 'not-a-terminal'`)
 * @throws `ENXIO` /dev/tty, and the caller has no controlling terminal (`reason: 'no-terminal'`)
 * @throws `ENOTSUP` a stream of the child is not one that Node made (`reason: 'unknown-stream'`)
 * @throws `ENOENT`, `EPERM`, `EACCES`, `ENOSYS` of `sock_diag`: the kernel or a sandbox does not tell the other end of
 *   a pipe (`reason: 'no-sock-diag'`)
 * @throws `ENOSYS` the platform is not Linux
 * @throws as `processInfo()` where /proc can't be read, never `ESRCH`
 * @platform Linux
 * @see proc_pid_fd(5), sock_diag(7), fuser(1)
 */
export async function holders(target: ChildProcess): Promise<Holders<PipeHolder>>
export async function holders(target: string | ChildProcess): Promise<Holders>
export async function holders(target: string | ChildProcess): Promise<Holders> {
  if (typeof target !== 'string' && !isChild(target)) {
    throw invalidArgType('target', 'of type string or an instance of ChildProcess', target)
  }
  // Elsewhere /proc would show nobody, which is no answer.
  if (process.platform === 'win32') throw systemError(ENOTSUP, CALL)
  if (process.platform !== 'linux') throw systemError(ENOSYS, CALL)
  if (typeof target === 'string') {
    const isOpenOn = terminalAt(target)
    return searchAll(isOpenOn, (info, found) => ({ ...info, fds: fdsOf(found) }))
  }
  const pipes = pipesOf(target, CALL)
  const match = (descriptor: Descriptor, { pid }: ProcessInfo) => pipeOf(descriptor, pid, pipes)
  if (pipes.names.size === 0) return told([], [], false)
  return searchAll(match, (info, found) => ({
    ...{ ...info, fds: fdsOf(found), holds: inOrder(found) },
  }))
}

const fdsOf = (found: Found<unknown>) => found.map(([fd]) => fd)

const told = <H extends Holder>(list: H[], unreadable: number[], hidden: boolean): Holders<H> =>
  Object.assign(list, { unreadable, hidden })

/** How often it is looked who has come meanwhile: a shell's next command, a process that has handed over by fork. */
const LOOKS = 3

/** All processes with a descriptor that matches. */
async function searchAll<Kind, H extends Holder>(
  match: (descriptor: Descriptor, info: ProcessInfo) => Kind | undefined,
  asHolder: (info: ProcessInfo, found: Found<Kind>) => H,
): Promise<Holders<H>> {
  const seen = new Map<number, number>()
  const unreadable = new Set<number>()
  const byPid = new Map<number, H>()
  const isFirst = inFirstNamespace()

  function* examine(rows: Rows, row: number): Generator<undefined> {
    const info = rows.info(row)
    const { pid } = info
    if (rows.isHidden(row)) {
      // A thread of the kernel's has no session, and no descriptors either.
      if (!(isFirst && native.getsid(pid) === 0)) unreadable.add(pid)
      return
    }
    if (rows.isKernelThread(row) || isDead(info)) return
    const found = yield* search(pid, (descriptor) => match(descriptor, info))
    if (found === 'refused') unreadable.add(pid)
    if (typeof found === 'string' || found.length === 0) return
    const now = sameNow(pid, rows.startTicks(row))
    if (now === 'hidden') unreadable.add(pid)
    else if (now !== undefined) byPid.set(pid, asHolder(now, found))
  }

  let hasCome = true
  function* newcomers(rows: Rows): Generator<undefined> {
    for (let row = 0; row < rows.count; row++) {
      yield
      const start = rows.startTicks(row)
      if (seen.get(rows.pid(row)) === start) continue
      seen.set(rows.pid(row), start)
      hasCome = true
      yield* examine(rows, row)
    }
  }

  for (let look = 0; look < LOOKS && hasCome; look++) {
    hasCome = false
    const table = await native.processRowsAsync(SCOPE.kAll, 0)
    if (typeof table === 'number') throw tableError(table, CALL)
    await inSlices(newcomers(new Rows(table)), () => undefined)
  }
  const list = [...byPid.values()].sort((a, b) => a.pid - b.pid)
  return told(
    list,
    [...unreadable].sort((a, b) => a - b),
    procHides() !== false,
  )
}

/**
 * A process as it is now, if it is still the one of that start: then all that was read of its pid meanwhile is its.
 * `'hidden'`: it has become another user's, as by an exec.
 */
function sameNow(pid: number, start: number): ProcessInfo | 'hidden' | undefined {
  const rows = rowOf(pid)
  if (typeof rows === 'number') {
    if (rows === ESRCH) return undefined
    if (isHidden(rows)) return 'hidden'
    throw tableError(rows, CALL)
  }
  const info = rows.info(0)
  return rows.startTicks(0) === start && !isDead(info) ? info : undefined
}

/** Whether a descriptor is open on the terminal at `target`. */
function terminalAt(
  target: string,
): (descriptor: Descriptor, info: ProcessInfo) => true | undefined {
  const path = target.replace(/^(?!\/)/, '/dev/')
  const given = statSync(path)
  const terminal =
    given.isCharacterDevice() && given.rdev === OWN_TERMINAL ? statSync(ownTerminal()) : given
  if (!terminal.isCharacterDevice() || isTerminal(terminal.rdev) === false) {
    throw systemError(ENOTTY, CALL, { reason: 'not-a-terminal', text: `${path} is not a terminal` })
  }
  const name = ttyPath(terminal.rdev)
  const isIt = (file: Stats) =>
    file.isCharacterDevice() &&
    file.rdev === terminal.rdev &&
    (file.dev === terminal.dev || !isPseudoterminal(terminal.rdev))
  // The process may have another devpts, with a terminal of that number. Where it has none, the number has to do.
  const isItsOwn = ({ pid, tty }: ProcessInfo) => {
    const own = tty === name ? fileAt(pid, name) : null
    return own === undefined || (own !== null && isIt(own))
  }
  return (descriptor, info) => {
    if (!mayBeTerminal(descriptor.link, name)) return undefined
    const file = fileOf(descriptor)
    if (file === undefined) return undefined
    const isOwn = file.isCharacterDevice() && file.rdev === OWN_TERMINAL
    return (isOwn ? isItsOwn(info) : isIt(file)) || undefined
  }
}

function ownTerminal(): string {
  const { tty } = processInfo()
  if (tty !== null) return tty
  const text = 'this process has no controlling terminal'
  throw systemError(ENXIO, CALL, { reason: 'no-terminal', text })
}

/**
 * Whether a file with this path may be the terminal: it is below /dev, as seen from the process's own root, or has
 * the name. Others are not asked: a file of a file server that does not answer would hold us up.
 */
const mayBeTerminal = (path: string, name: string) =>
  path.startsWith('/dev/') ||
  (path.startsWith('/') && path.endsWith(name.slice(name.lastIndexOf('/'))))
