import { readdirSync, readFileSync } from 'node:fs'
import type { Check } from '../base/check.ts'
import { ENOENT, EPERM } from '../base/errno.ts'
import { invalidArgType, systemError, unknownCredential } from '../base/errors.ts'
import { native } from '../base/native.ts'

/** The user and the groups that a daemon is to have. */
export interface Credentials {
  uid: number
  gid: number
  /** Supplementary groups, as initgroups(3) sets them. */
  groups: number[]
}

/** A user or a group. The largest number is not one: to setuid(2) it means none. */
export const account: Check<string | number> = (value, name) => {
  if (typeof value === 'string' && value !== '') return value
  if (typeof value === 'number' && value >>> 0 === value && value !== 2 ** 32 - 1) return value
  throw invalidArgType(name, 'a name or an ID', value)
}

/** Looks up a user and a group. Without `group` it takes the user's own; without `user`, the process keeps its user. */
export function lookUp(
  user: string | number | undefined,
  group: string | number | undefined,
): Credentials | undefined {
  if (process.getuid === undefined || process.getgid === undefined) return undefined
  if (user === undefined && group === undefined) return undefined
  const chosen = group === undefined ? undefined : groupId(group)
  if (user === undefined) {
    const gid = chosen ?? process.getgid()
    return { uid: process.getuid(), gid, groups: [gid] }
  }
  const found = native.userIds(user)
  if (typeof found !== 'number') {
    const [uid = 0, own = 0, ...groups] = found
    if (chosen === undefined) return { uid, gid: own, groups }
    return {
      uid,
      gid: chosen,
      groups: [...new Set([chosen, ...groups.filter((id) => id !== own)])],
    }
  }
  if (found !== ENOENT) throw systemError(found, 'getpwnam')
  // A user ID needs no passwd entry, but without an entry its group is unknown.
  if (typeof user === 'string' || chosen === undefined) throw unknownCredential('User', user)
  return { uid: user, gid: chosen, groups: [chosen] }
}

function groupId(group: string | number): number {
  if (typeof group === 'number') return group
  const gid = native.groupId(group)
  if (gid === ENOENT) throw unknownCredential('Group', group)
  if (gid < 0) throw systemError(gid, 'getgrnam')
  return gid
}

/** CAP_SETGID and CAP_SETUID of capabilities(7): a thread with one of them can take its old IDs again. */
const REGAINING = 0b1100_0000n

/**
 * Becomes that user for good. It sets the supplementary groups first, then the group, and the user last: after that
 * the process may not change its groups. Then it proves the result: each thread has exactly these IDs and groups, no
 * thread has kept a capability that would bring others back, and the kernel refuses the way back.
 */
export function become(wanted: Credentials): void {
  const { uid, gid, groups } = wanted
  if (!isGroup(gid) || !hasGroups(wanted)) process.setgroups?.(groups)
  if (!isGroup(gid)) process.setgid?.(gid)
  if (!isUser(uid)) process.setuid?.(uid)
  if (!isUser(uid) || !isGroup(gid) || !hasGroups(wanted)) throw privilegesKept()
  if (process.platform === 'linux' && threads().some((status) => !fits(status, wanted))) {
    throw privilegesKept()
  }
  // This comes last: if it succeeds, this process is root.
  if (uid !== 0 && canReturn()) throw privilegesKept()
}

function privilegesKept(): Error {
  const text = 'privileges could be regained'
  return systemError(EPERM, 'setuid', { reason: 'privileges-kept', text })
}

const isUser = (uid: number): boolean => process.getuid?.() === uid && process.geteuid?.() === uid

const isGroup = (gid: number): boolean => process.getgid?.() === gid && process.getegid?.() === gid

const isSameSet = (a: number[], b: number[]): boolean =>
  new Set([...a, ...b]).size === new Set(a).size && new Set(a).size === new Set(b).size

/** Compares the supplementary groups. Node lists the group itself among them, so both sides include it. */
const hasGroups = ({ gid, groups }: Credentials): boolean =>
  isSameSet([gid, ...groups], [gid, ...(process.getgroups?.() ?? [])])

/** Whether a thread has these credentials, by its status in /proc. */
function fits(status: string, { uid, gid, groups }: Credentials): boolean {
  const field = (name: string) => new RegExp(`^${name}:[\\t ]*(.*)$`, 'm').exec(status)?.[1] ?? ''
  const numbers = (name: string) => field(name).split(/\s+/).filter(Boolean).map(Number)
  return (
    numbers('Uid').every((id) => id === uid) &&
    numbers('Gid').every((id) => id === gid) &&
    isSameSet([gid, ...groups], [gid, ...numbers('Groups')]) &&
    (uid === 0 || (BigInt(`0x${field('CapPrm') || '0'}`) & REGAINING) === 0n)
  )
}

function canReturn(): boolean {
  return [
    () => process.setuid?.(0),
    () => process.seteuid?.(0),
    () => process.setgroups?.([0]),
  ].some((way) => {
    try {
      way()
      return true
    } catch {
      return false
    }
  })
}

/** Each thread has credentials of its own: credentials(7). */
function threads(): string[] {
  const folder = '/proc/self/task'
  let ids: string[]
  try {
    ids = readdirSync(folder)
  } catch {
    const text = '/proc is not there to tell that every thread has changed'
    throw systemError(EPERM, 'setuid', { reason: 'privileges-unproven', text })
  }
  return ids.flatMap((id) => {
    try {
      return [readFileSync(`${folder}/${id}/status`, 'latin1')]
    } catch {
      // It has ended.
      return []
    }
  })
}
