import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
} from 'node:fs'
import { errnoOf, invalidArgType, systemError, unknownCredential } from '../base/errors.ts'
import { native } from '../base/native.ts'

/** Who a daemon is to be. */
export interface Credentials {
  uid: number
  gid: number
  /** Supplementary groups, as initgroups(3) sets them. */
  groups: number[]
}

const ENOENT = errnoOf('ENOENT')

/** Looks up a user and a group. Without `group` it is the user's own; without `user`, the caller stays who it is. */
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
  checkId(user, 'options.user')
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
  // A number needs no entry, but then nobody knows its group.
  if (typeof user === 'string' || chosen === undefined) throw unknownCredential('User', user)
  return { uid: user, gid: chosen, groups: [chosen] }
}

function groupId(group: string | number): number {
  checkId(group, 'options.group')
  if (typeof group === 'number') return group
  const gid = native.groupId(group)
  if (gid === ENOENT) throw unknownCredential('Group', group)
  if (gid < 0) throw systemError(gid, 'getgrnam')
  return gid
}

function checkId(value: unknown, name: string): void {
  if (typeof value === 'string' && value !== '') return
  if (typeof value === 'number' && value >>> 0 === value && value !== 2 ** 32 - 1) return
  throw invalidArgType(name, 'a name or an ID', value)
}

/**
 * Opens a log, which is created where it is missing, and gives it to the user who is to write and rotate it. That user
 * may own the folder and have laid a link to /etc/shadow there: where root opens for somebody else no link is
 * followed, and only a file of a single name is given away, never a device.
 */
export function openLog(
  path: string,
  access: 'write' | 'read-write',
  owner: Credentials | undefined,
): number {
  const { O_APPEND, O_CREAT, O_NOCTTY, O_NOFOLLOW, O_RDWR, O_WRONLY } = constants
  const gives = owner !== undefined && process.getuid?.() === 0
  const flags = (access === 'write' ? O_WRONLY : O_RDWR) | O_APPEND | O_CREAT | O_NOCTTY
  let fd
  try {
    fd = openSync(path, gives ? flags | O_NOFOLLOW : flags, 0o666)
  } catch (error) {
    if (!gives || (error as NodeJS.ErrnoException).code !== 'ELOOP') throw error
    const text = `${path} is a symbolic link, which root does not follow for another user`
    throw systemError(errnoOf('ELOOP'), 'open', { reason: 'linked-log', text, path })
  }
  try {
    const stats = fstatSync(fd)
    if (gives && stats.isFile() && stats.nlink === 1) fchownSync(fd, owner.uid, owner.gid)
  } catch (error) {
    closeSync(fd)
    throw error
  }
  return fd
}

/**
 * Becomes that user for good: groups while we still may, then the group, the user
 * last. Then it is proven: every ID of every thread is as asked, and the way back
 * is refused.
 */
export function become({ uid, gid, groups }: Credentials): void {
  if (isAlready(uid, gid)) return
  process.setgroups?.(groups)
  process.setgid?.(gid)
  process.setuid?.(uid)
  const wrong = !isAlready(uid, gid) || (uid !== 0 && canReturn())
  if (!wrong && process.platform !== 'linux') return
  const ids = wrong ? [] : threads()
  const expected = (name: string, id: number) => `${name}:\t${id}\t${id}\t${id}\t${id}\n`
  const kept = ids.some(
    (status) => !status.includes(expected('Uid', uid)) || !status.includes(expected('Gid', gid)),
  )
  if (wrong || kept) {
    const text = 'privileges could be regained'
    throw systemError(errnoOf('EPERM'), 'setuid', { reason: 'privileges-kept', text })
  }
}

function isAlready(uid: number, gid: number): boolean {
  return (
    process.getuid?.() === uid &&
    process.geteuid?.() === uid &&
    process.getgid?.() === gid &&
    process.getegid?.() === gid
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
  return readdirSync(folder).flatMap((id) => {
    try {
      return [readFileSync(`${folder}/${id}/status`, 'latin1')]
    } catch {
      // It has ended.
      return []
    }
  })
}
