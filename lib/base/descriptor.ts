import { constants, fstatSync, readFileSync, type Stats } from 'node:fs'
import { native } from './native.ts'

/** @internal The flags that a descriptor's file was opened with, as open(2) has them. Linux. */
export function openFlags(fd: number): number {
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')
  const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info)?.[1] ?? '', 8)
  if (Number.isNaN(flags)) throw new Error(`no flags of descriptor ${fd} in: ${info}`)
  return flags
}

/** @internal Writes to it don't wait. Where that is not known, it may be so. */
export function mayBeNonBlocking(fd: number): boolean {
  try {
    return (openFlags(fd) & constants.O_NONBLOCK) !== 0
  } catch {
    return true
  }
}

/** @internal isatty(3). That of `node:tty` would load `node:net`, which takes longer than all of `detach()`. */
export const isatty = (fd: number): boolean => typeof native.tcgetattr(fd) !== 'number'

/** @internal It has another end, which a process reads or writes. */
export function hasOtherEnd(fd: number): boolean {
  const stats: Stats | undefined = stat(fd)
  return stats !== undefined && (stats.isFIFO() || stats.isSocket())
}

function stat(fd: number): Stats | undefined {
  try {
    return fstatSync(fd)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBADF') return undefined
    throw error
  }
}
