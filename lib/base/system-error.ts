import { getSystemErrorMap } from 'node:util'

/** A failed system call, in the shape that `node:fs` gives it. */
export interface SystemError extends Error {
  /** The negative error number. */
  errno: number
  /** Its name, such as `'EPERM'`. */
  code: string
  /** The call that failed, such as `'setsid'`. */
  syscall: string
  /** Why, as a stable word such as `'group-leader'`, where it can be known. See docs/errors.md. */
  reason?: string
}

/** Why a call failed: a stable word for programs, a sentence for people, and the facts behind it. */
export interface Reason {
  /** The word, such as `'group-leader'`. */
  reason: string
  /** The sentence. */
  text: string
  /** A fact behind it, such as `members`. */
  [fact: string]: unknown
}

/** The error for -errno `result` of `syscall`. */
export function systemError(result: number, syscall: string, why?: Reason): SystemError {
  const [code, message] = getSystemErrorMap().get(result) ?? ['UNKNOWN', 'unknown error']
  const { text, ...facts } = why ?? { text: '' }
  const error = new Error(`${code}: ${message}, ${syscall}${text && `: ${text}`}`)
  Object.assign(error, { errno: result, code, syscall }, facts)
  Error.captureStackTrace(error, systemError)
  return error as SystemError
}
