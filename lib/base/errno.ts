import { native } from './raw-native.ts'

/** The errors of this platform as native code gives them: their numbers, negative. */
export const {
  EACCES,
  EAFNOSUPPORT,
  EAGAIN,
  EBUSY,
  ECONNREFUSED,
  EINVAL,
  EIO,
  EISDIR,
  ELOOP,
  EMFILE,
  ENFILE,
  ENOENT,
  ENOMEM,
  ENOSPC,
  ENOSYS,
  ENOTDIR,
  ENOTSUP,
  ENOTTY,
  ENXIO,
  EPERM,
  EPIPE,
  ESRCH,
  ETIMEDOUT,
} = native.errnos
