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

/** Looks up a user and a group. Without `group` it is the user's own; without `user`, the caller keeps its own. */
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
  // A number needs no entry, but then its group is not known.
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

/** CAP_SETGID and CAP_SETUID of capabilities(7): with one of them the way back is open. */
const REGAINING = 0b1100_0000n

/**
 * Becomes that user for good: the supplementary groups while we still may, then the group, the user
 * last. Then it is proven: every ID and group of every thread is as asked, none has kept a
 * capability that would bring others back, and the way back is refused.
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
  // Tried last: where it succeeds we are root.
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

/** The group itself adds nothing to the supplementary ones; Node lists it among them. */
const hasGroups = ({ gid, groups }: Credentials): boolean =>
  isSameSet([gid, ...groups], [gid, ...(process.getgroups?.() ?? [])])

/** What /proc tells of one thread. */
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
