import { getSystemErrorMap } from 'node:util'
import { loadAddon } from './addon.ts'

/** The calls of the addon that an import defines: those that lib/raw/ needs. Native, in native.ts, has all. */
export interface RawNative {
  /** The numbers of errors, by the names that lib/base/errno.ts takes: src/errnos.cc. */
  readonly errnos: Readonly<Record<ErrnoName, number>>
  /** setsid(2) */
  setsid(): number
  /** getsid(2) */
  getsid(pid: number): number
  /** setpgid(2) */
  setpgid(pid: number, pgid: number): number
  /** getpgid(2) */
  getpgid(pid: number): number
  /** getpgrp(2) */
  getpgrp(): number
  /** killpg(3); -EINVAL for a group of 1 or less */
  killpg(pgid: number, signal: number): number
  /** 1 in the thread that the process began with, else 0: no worker runs there */
  isFirstThread(): number
  /** tcgetpgrp(3) */
  tcgetpgrp(fd: number): number
  /** tcsetpgrp(3) with SIGTTOU blocked */
  tcsetpgrp(fd: number, pgid: number): number
  /** tcgetsid(3) */
  tcgetsid(fd: number): number
  /** ttyname_r(3) */
  ttyname(fd: number): string | number
  /** ctermid(3) */
  ctermid(): string
  /** tcgetattr(3): the modes, for tcsetattr alone to read */
  tcgetattr(fd: number): ArrayBuffer | number
  /** tcsetattr(3) with SIGTTOU blocked */
  tcsetattr(fd: number, modes: ArrayBuffer): number
  /** Defines the other calls, those of lib/base/native.ts, on the addon's own object. */
  defineOthers(addon: RawNative): void
}

type ErrnoName =
  | 'EACCES'
  | 'EAFNOSUPPORT'
  | 'EAGAIN'
  | 'EBUSY'
  | 'ECONNREFUSED'
  | 'EINVAL'
  | 'EIO'
  | 'EISDIR'
  | 'ELOOP'
  | 'EMFILE'
  | 'ENFILE'
  | 'ENOENT'
  | 'ENOMEM'
  | 'ENOSPC'
  | 'ENOSYS'
  | 'ENOTDIR'
  | 'ENOTSUP'
  | 'ENOTTY'
  | 'ENXIO'
  | 'EPERM'
  | 'EPIPE'
  | 'ESRCH'
  | 'ETIMEDOUT'

/** Windows has no sessions. An import must work there, a call says why it can't. */
function loadNone(): RawNative {
  // libuv numbers Windows' errors itself.
  const entries = [...getSystemErrorMap()].map(([number, [name]]) => [name, number] as const)
  const errnos = Object.fromEntries(entries) as RawNative['errnos']
  return new Proxy({ errnos } as RawNative, {
    get: ({ errnos }, name) => (name === 'errnos' ? errnos : () => errnos.ENOTSUP),
  })
}

export const native = process.platform === 'win32' ? loadNone() : (loadAddon() as RawNative)
