import { constants } from 'node:os'
import { getSystemErrorMap } from 'node:util'

// The errors of this platform as native code gives them: their numbers, negative.

function errnoOf(code: keyof typeof constants.errno): number {
  // libuv numbers Windows' errors itself.
  if (process.platform !== 'win32') return -constants.errno[code]
  for (const [errno, [name]] of getSystemErrorMap()) if (name === code) return errno
  throw new Error(`unknown error name ${code}`)
}

export const EACCES = errnoOf('EACCES')
export const EAFNOSUPPORT = errnoOf('EAFNOSUPPORT')
export const EAGAIN = errnoOf('EAGAIN')
export const EBUSY = errnoOf('EBUSY')
export const ECONNREFUSED = errnoOf('ECONNREFUSED')
export const EINVAL = errnoOf('EINVAL')
export const EIO = errnoOf('EIO')
export const EISDIR = errnoOf('EISDIR')
export const ELOOP = errnoOf('ELOOP')
export const EMFILE = errnoOf('EMFILE')
export const ENFILE = errnoOf('ENFILE')
export const ENOENT = errnoOf('ENOENT')
export const ENOMEM = errnoOf('ENOMEM')
export const ENOSPC = errnoOf('ENOSPC')
export const ENOSYS = errnoOf('ENOSYS')
export const ENOTDIR = errnoOf('ENOTDIR')
export const ENOTSUP = errnoOf('ENOTSUP')
export const ENOTTY = errnoOf('ENOTTY')
export const ENXIO = errnoOf('ENXIO')
export const EPERM = errnoOf('EPERM')
export const EPIPE = errnoOf('EPIPE')
export const ESRCH = errnoOf('ESRCH')
export const ETIMEDOUT = errnoOf('ETIMEDOUT')
