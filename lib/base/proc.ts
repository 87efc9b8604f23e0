// What is read of /proc in TypeScript, and nowhere else. Where a look fails, its answer is undefined:
// it can't be told.
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'

/** Whether pid 1 is the machine's init: the kernel's first pid namespace has this inode (PROC_PID_INIT_INO). */
export function inFirstNamespace(): boolean {
  if (process.platform !== 'linux') return true
  return statSync('/proc/self/ns/pid', { throwIfNoEntry: false })?.ino === 0xeffffffc
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

const isGone = (error: unknown) =>
  ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')

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

/** The inodes of the pipes that a process has open. undefined: we may not see its descriptors, or it is gone. */
export function pipesOf(pid: number): Set<number> | undefined {
  const folder = `/proc/${pid}/fd`
  try {
    const links = readdirSync(folder).map((fd) => {
      try {
        return readlinkSync(`${folder}/${fd}`)
      } catch (error) {
        if (isGone(error)) return ''
        throw error
      }
    })
    return new Set(links.flatMap((link) => /^pipe:\[(\d+)\]$/.exec(link)?.[1] ?? []).map(Number))
  } catch {
    return undefined
  }
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
