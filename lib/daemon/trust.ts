import { constants, fstatSync, readFileSync, type Stats, statSync } from 'node:fs'
import { EACCES, ELOOP, ENOTDIR, EPERM } from '../base/errno.ts'
import { systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'

// Which user wrote the file at a path, and how far we believe it: only for what that user could have
// done without us.
//
// The walk goes from `/` through one open folder after the other, and opens nothing again by its name.
// So we use what we checked, even if another process renames folders meanwhile (openat(2)).
//
// We trust root, this process's own user, and the owner of `/`: that user decides what we run anyway. In a user
// namespace all users that have no number there look like one, and the real root is one of them: we trust its folders
// and links, without which no path leads anywhere, and no file (user_namespaces(7)).
//
// | on the way stands                      | root                                      | another user           |
// |----------------------------------------|-------------------------------------------|------------------------|
// | a folder of a trusted user             | goes on                                   | goes on                |
// | a folder of user U                     | U may have made all below it: `strangers` | goes on                |
// | a symbolic link of a trusted user      | follows it                                | follows it             |
// | a symbolic link of U                   | ELOOP, `untrusted-link`                   | ELOOP, `untrusted-link`|
// | at the end of the path a symbolic link | the caller's choice; never a pidfile      | the same               |
//
// | the file's owner, and `strangers`      | may name, to be signalled                 |
// |----------------------------------------|-------------------------------------------|
// | trusted users alone                    | any process                               |
// | one other user U                       | processes that U may signal: U's own      |
// | several, or others may write to it     | none                                      |
//
// Root writes, creates and removes nothing where there are strangers; a log of the very user that the
// daemon becomes is the exception (logs.ts).

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants
// Node's constants lack it. The value is Linux's, on every architecture that Node runs on (open(2)).
export const O_PATH = process.platform === 'linux' ? 0o10000000 : 0
/** As many links as Linux follows (path_resolution(7)). */
const MAX_LINKS = 40
const OTHERS_WRITE = 0o022

/** The last folder of a path, open, and a name in it. */
export interface Place {
  path: string
  folder: number
  name: string
  /** Users whose folders the path goes through, as root sees it; by the first of their folders. */
  strangers: ReadonlyMap<number, string>
  /** Whether users that are not trusted may create files in the last folder. */
  isShared: boolean
  /** O_NOFOLLOW, or 0 for a link of the kernel's in /proc, which leads to an open file and has no path. */
  noFollow: number
}

const euid = (): number => process.geteuid?.() ?? 0

export const isRoot = (): boolean => euid() === 0

const isTrusted = (uid: number): boolean => uid === 0 || uid === euid() || uid === statSync('/').uid

/** The user that stands for all without a number: the default of /proc/sys/kernel/overflowuid. */
const OVERFLOW = 65534

/** Whether what a file says, or that it is there, is the work of trusted users. */
export const isTrustedAuthor = (uid: number): boolean =>
  isTrusted(uid) && (uid !== OVERFLOW || uid === euid())

/** Whether a file is this process's own, to replace and to remove. */
export const isOwn = ({ uid }: Stats): boolean => uid === euid()

/** Opens in a folder, never through a link. Throws with the path that the caller knows. */
export function openIn(place: Place, flags: number, mode = 0): number {
  const { folder, name, path, noFollow } = place
  const fd = native.openAt(folder, name, flags | noFollow, mode)
  if (fd < 0) throw openFailed(fd, path)
  return fd
}

/** As `fs.openSync()` puts it. */
const openFailed = (errno: number, path: string): Error =>
  Object.assign(systemError(errno, `open '${path}'`), { syscall: 'open', path })

/** Calls `use` with the place that an absolute path leads to. The place is open meanwhile. */
export function within<T>(
  path: string,
  use: (place: Place) => T,
  last: 'follow' | 'no-follow' = 'no-follow',
): T {
  const walk = new Walk(path)
  try {
    return use(walk.toPlace(last))
  } finally {
    native.close(walk.folder)
  }
}

/** Walks to a place. The caller closes `folder`, after an error too. */
class Walk {
  readonly path: string
  folder: number
  readonly #strangers = new Map<number, string>()
  #isShared = false
  #names: string[]
  #links = 0

  constructor(path: string) {
    this.path = path
    this.#names = split(path)
    this.folder = this.#open(-1, '/', O_DIRECTORY)
    this.#look(fstatSync(this.folder), '/')
  }

  toPlace(last: 'follow' | 'no-follow'): Place {
    let at = ''
    let noFollow = O_NOFOLLOW
    for (;;) {
      while (this.#names.length > 1) {
        const name = this.#names.shift() ?? ''
        at += `/${name}`
        this.#enter(name, at)
      }
      const [name = '.'] = this.#names
      if (last === 'follow') {
        const step = this.#followLast(name, `${at}/${name}`)
        if (step === 'link') continue
        if (step === 'kernel-link') noFollow = 0
      }
      const { path, folder } = this
      const strangers = this.#strangers
      return { path, folder, name, strangers, isShared: this.#isShared, noFollow }
    }
  }

  /** Replaces a link at the end of the path by the path that it holds. */
  #followLast(name: string, at: string): 'link' | 'kernel-link' | 'end' {
    const found = native.openAt(this.folder, name, O_PATH | O_NOFOLLOW, 0)
    // What isn't there may be created.
    if (found < 0 || O_PATH === 0) return 'end'
    try {
      const stats = fstatSync(found)
      if (!stats.isSymbolicLink()) return 'end'
      if (!isTrusted(stats.uid)) throw untrustedLink(at, stats.uid)
      if (isProc(stats.dev)) return 'kernel-link'
      this.#names.shift()
      this.#follow(found, name, stats, at)
      return 'link'
    } finally {
      native.close(found)
    }
  }

  #open(folder: number, name: string, flags: number): number {
    const fd = native.openAt(folder, name, flags | (O_PATH === 0 ? O_RDONLY : O_PATH), 0)
    if (fd < 0) throw this.#failed(fd)
    return fd
  }

  #failed(errno: number): Error {
    return openFailed(errno, this.path)
  }

  #enter(name: string, at: string): void {
    // O_PATH opens a link itself, and asks for no right but to search the folder.
    const found = this.#open(this.folder, name, O_PATH === 0 ? 0 : O_NOFOLLOW)
    const stats = fstatSync(found)
    if (stats.isDirectory()) {
      this.#goTo(found, stats, at)
      return
    }
    try {
      if (!stats.isSymbolicLink()) throw this.#failed(ENOTDIR)
      this.#follow(found, name, stats, at)
    } finally {
      native.close(found)
    }
  }

  #goTo(folder: number, stats: Stats, at: string): void {
    native.close(this.folder)
    this.folder = folder
    this.#look(stats, at)
  }

  #look({ uid, mode }: Stats, at: string): void {
    if (isRoot() && !isTrusted(uid) && !this.#strangers.has(uid)) this.#strangers.set(uid, at)
    this.#isShared = !isTrusted(uid) || (mode & OTHERS_WRITE) !== 0
  }

  #follow(link: number, name: string, { uid, dev }: Stats, at: string): void {
    if (!isTrusted(uid)) throw untrustedLink(at, uid)
    if (++this.#links > MAX_LINKS) throw this.#failed(ELOOP)
    if (isProc(dev)) {
      // A link such as /proc/self/fd/3 has no path to read: the kernel follows it.
      const folder = this.#open(this.folder, name, O_DIRECTORY)
      this.#goTo(folder, fstatSync(folder), at)
      return
    }
    const target = native.readLink(link)
    if (typeof target === 'number') throw systemError(target, 'readlink')
    this.#names.unshift(...split(target))
    if (!target.startsWith('/')) return
    const root = this.#open(-1, '/', O_DIRECTORY)
    this.#goTo(root, fstatSync(root), '/')
  }
}

const split = (path: string): string[] =>
  path.split('/').filter((name) => name !== '' && name !== '.')

/** Whether a file is of the kernel's /proc, whose links are not text. */
const isProc = (device: number): boolean =>
  statSync('/proc/self', { throwIfNoEntry: false })?.dev === device

function untrustedLink(path: string, uid: number): Error {
  const text = `${path} is a symbolic link of user ${uid}, which could lead it anywhere`
  return systemError(ELOOP, 'open', { reason: 'untrusted-link', text, path, uid })
}

/** Refuses a place where another user could change what root is about to do. `mayBe`: a user that may. */
export function refuseStrangers({ path, strangers }: Place, mayBe?: number): void {
  for (const [uid, folder] of strangers) {
    if (uid === mayBe) continue
    const text = `${folder} belongs to user ${uid}, and root opens nothing there that it did not write`
    const facts = { reason: 'untrusted-folder', path, folder, uid }
    throw systemError(EPERM, 'open', { text, ...facts })
  }
}

export function untrustedFile(path: string, uid: number): Error {
  const text = `${path} belongs to user ${uid}`
  const facts = { reason: 'untrusted-file', path, uid }
  return systemError(isRoot() ? EPERM : EACCES, 'open', { text, ...facts })
}

/** The users that may have written a file: `trusted` users alone, one other user, or `anyone`. */
export type Author = 'trusted' | 'anyone' | number

export function authorOf({ strangers }: Place, { uid, mode }: Stats): Author {
  const users = new Set(strangers.keys())
  if (!isTrustedAuthor(uid)) users.add(uid)
  if (users.size > 1 || (mode & OTHERS_WRITE) !== 0) return 'anyone'
  const [user] = users
  return user ?? 'trusted'
}

/**
 * Whether an author could have signalled a process without us: by kill(2), if the process's real or saved
 * user ID is the author's. `undefined`: we can't tell.
 */
export function reaches(author: Author, pid: number): boolean | undefined {
  if (typeof author !== 'number') return author === 'trusted'
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const [, real, , saved] = /^Uid:\t(\d+)\t(\d+)\t(\d+)/m.exec(status)?.map(Number) ?? []
    return real === author || saved === author
  } catch {
    return undefined
  }
}
