// What is read of /proc in TypeScript, and nowhere else. Where a look fails, its answer is undefined:
// it can't be told.
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  type Stats,
  statSync,
} from 'node:fs'
import { systemError } from './errors.ts'
import { native } from './native.ts'

/** Whether pid 1 is the machine's init: the kernel's first pid namespace has this inode (PROC_PID_INIT_INO). */
export function inFirstNamespace(): boolean {
  if (process.platform !== 'linux') return true
  return statSync('/proc/self/ns/pid', { throwIfNoEntry: false })?.ino === 0xeffffffc
}

/** The number of our pid namespace; 0: that can't be told. */
export function pidNamespace(): number {
  try {
    return statSync('/proc/self/ns/pid').ino
  } catch {
    return 0
  }
}

/** Whether a process is pid 1 of its own pid namespace, ours or one inside ours. */
export function isNamespaceInit(pid: number): boolean | undefined {
  if (pid === 1) return true
  if (process.platform !== 'linux') return false
  try {
    return /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return undefined
  }
}

/** Whether a look at a process failed because it has gone, or at a descriptor because that was closed. */
export const isGone = (error: unknown): boolean =>
  ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')

/** Whether a look failed because the process is not ours to read. */
export const isRefused = (error: unknown): boolean =>
  ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')

/** An open descriptor, and what it is open on: `/dev/pts/3`, `socket:[812]`. */
export interface Descriptor {
  fd: number
  link: string
  /** Where /proc has it. */
  path: string
}

/**
 * The open descriptors of a process or thread, read one by one. What a system call says is thrown here: that the
 * process has gone, that it is not ours to read.
 */
export function* descriptorsOf(pid: number): Generator<Descriptor> {
  const folder = openSync(`/proc/${pid}/fd`, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    for (;;) {
      const numbers = native.nextNumbers(folder)
      if (typeof numbers === 'number') throw systemError(numbers, 'getdents64')
      if (numbers.byteLength === 0) return
      for (const fd of new Int32Array(numbers)) {
        const path = `/proc/${pid}/fd/${fd}`
        const link = unlessRefused(() => readlinkSync(path))
        if (link !== undefined) yield { fd, link, path }
      }
    }
  } finally {
    closeSync(folder)
  }
}

/** The file that a descriptor is open on. */
export const fileOf = ({ path }: Descriptor): Stats | undefined =>
  unlessRefused(() => statSync(path))

/** The file that a process finds at `path`. */
export const fileAt = (pid: number, path: string): Stats | undefined =>
  unlessRefused(() => statSync(`/proc/${pid}/root${path}`))

/** undefined too for what has no path (ENAMETOOLONG), or whose file system has gone (ENOTCONN). */
function unlessRefused<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (isRefused(error)) throw error
    return undefined
  }
}

export const threadsOf = (pid: number): number[] => readdirSync(`/proc/${pid}/task`).map(Number)

/** Terminals of one kind: a device number, and a range of them. */
export interface TerminalDriver {
  type: string
  major: number
  first: number
  last: number
}

/** The kinds of terminals that the kernel has (show_tty_driver in its fs/proc/proc_tty.c). */
export function terminalDrivers(): TerminalDriver[] | undefined {
  try {
    const lines = readFileSync('/proc/tty/drivers', 'latin1').matchAll(
      / (\d+) +(\d+)(?:-(\d+))? (\S+)$/gm,
    )
    return Array.from(lines, ([, major, first, last = first, type = '']) => ({
      ...{ type, major: Number(major), first: Number(first), last: Number(last) },
    }))
  } catch {
    return undefined
  }
}

/** Whether a process has the master side of pseudoterminal `index` open. */
export function holdsMaster(pid: number, index: string): boolean | undefined {
  const folder = `/proc/${pid}/fd`
  try {
    return readdirSync(folder).some((fd) => {
      try {
        return (
          /^\/dev\/(pts\/)?ptmx$/.test(readlinkSync(`${folder}/${fd}`)) &&
          readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8').includes(`tty-index:\t${index}\n`)
        )
      } catch (error) {
        // It was closed meanwhile; the others are still to be looked at.
        if (isGone(error)) return false
        throw error
      }
    })
  } catch {
    return undefined
  }
}

/**
 * Whether /proc hides processes of other users from us: it is mounted with `hidepid`, and we have neither its
 * group nor, in the first user namespace, the right to trace any process (proc(5), has_pid_permissions in
 * the kernel's fs/proc/base.c).
 */
export function procHides(): boolean | undefined {
  if (process.platform !== 'linux') return false
  try {
    const options = optionsOfProc(readFileSync('/proc/self/mountinfo', 'utf8'))
    const hidepid = options?.get('hidepid') ?? 'off'
    if (options === undefined) return undefined
    if (hidepid === 'off' || hidepid === '0') return false
    const isTraceable = hidepid === 'ptraceable' || hidepid === '4'
    if (!isTraceable && groups().includes(Number(options.get('gid') ?? 0))) return false
    return !mayTraceAll()
  } catch {
    return undefined
  }
}

/** The options of the /proc that is on top of all others. */
function optionsOfProc(mountinfo: string): Map<string, string> | undefined {
  const mounts = mountinfo.split('\n').map((line) => line.split(' '))
  const proc = mounts.findLast((fields) => fields[4] === '/proc')
  if (proc?.[proc.indexOf('-') + 1] !== 'proc') return undefined
  const options = proc.at(-1)?.split(',') ?? []
  return new Map(options.map((option) => option.split('=') as [string, string]))
}

const groups = () => [process.getegid?.() ?? -1, ...(process.getgroups?.() ?? [])]

function mayTraceAll(): boolean {
  const set = /^CapEff:\t([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  const CAP_SYS_PTRACE = 19n
  const mayTrace = ((BigInt(`0x${set ?? '0'}`) >> CAP_SYS_PTRACE) & 1n) === 1n
  // PROC_USER_INIT_INO: in another one the right ends at its border.
  return mayTrace && statSync('/proc/self/ns/user').ino === 0xeffffffd
}

/**
 * The children of a process, its zombies too, by the list that the kernel keeps of each of its threads. undefined:
 * there is no such list (CONFIG_PROC_CHILDREN), or no such process.
 */
export function childrenOf(pid: number): number[] | undefined {
  const folder = `/proc/${pid}/task`
  try {
    const lists = readdirSync(folder).map((thread) => {
      try {
        return readFileSync(`${folder}/${thread}/children`, 'latin1')
      } catch (error) {
        // A thread that has ended has passed its children on.
        if (existsSync(`${folder}/${thread}`)) throw error
        return ''
      }
    })
    return lists.join('').split(' ').filter(Boolean).map(Number)
  } catch {
    return undefined
  }
}

/** The folder of our own cgroup (version 2), which is often not mounted where one expects it; undefined: there is none. */
export function ownCgroup(): string | undefined {
  try {
    const own = /^0::(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1]
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
    for (const [, , , root = '', point = ''] of mounts
      .filter((line) => line.includes(' - cgroup2 '))
      .map((line) => line.split(' '))) {
      // A mount that shows a part of the tree alone has that part as its root. Blanks are written as \\040.
      const part = root === '/' ? '' : root
      if (own?.startsWith(part) !== true || point.includes('\\')) continue
      const rest = own.slice(part.length)
      if (rest === '' || rest.startsWith('/')) return `${point}${rest}`.replace(/\/$/, '')
    }
    return undefined
  } catch {
    return undefined
  }
}
