import { EAGAIN, ETIMEDOUT } from '../base/errno.ts'
import { hasOtherEnd, mayBeNonBlocking } from '../base/descriptor.ts'
import { systemError } from '../base/errors.ts'
import { handleOf, standardStream } from '../launcher/node-internals.ts'

/** The reader has stalled after this many milliseconds in which it takes nothing. */
const STALLED = 5000

export type OutputFd = 1 | 2

const nameOf = (fd: OutputFd) => (fd === 1 ? 'stdout' : 'stderr')

/**
 * Bytes that were written to a standard stream and have not reached the kernel. Node queues what a pipe or a socket
 * doesn't take; a terminal and a file take all at once.
 */
function queued(fd: OutputFd): number {
  // Ask the descriptor first: Node creates the stream when it is first read from `process`, and then makes its pipe
  // non-blocking for every process that shares it.
  if (!hasOtherEnd(fd) || !mayBeNonBlocking(fd)) return 0
  const { destroyed, writableLength } = standardStream(fd)
  return destroyed ? 0 : writableLength
}

/** Bytes that Node has passed on to the kernel. */
function passed(fd: OutputFd): number {
  const { bytesWritten = 0, writeQueueSize = 0 } = handleOf(standardStream(fd)) ?? {}
  return bytesWritten - writeQueueSize
}

const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** @internal Fulfilled when nothing is queued. A reader that takes nothing for 5 s is an error, ETIMEDOUT. */
export async function written(fd: OutputFd): Promise<void> {
  if (queued(fd) === 0) return
  let before = passed(fd)
  let since = performance.now()
  for (let pause = 1; queued(fd) > 0; pause = Math.min(pause * 2, 20)) {
    await delay(pause)
    const now = passed(fd)
    if (now !== before) since = performance.now()
    else if (performance.now() - since > STALLED) throw stalled(fd)
    before = now
  }
  // libuv removes the descriptor from its epoll set only at the next event for it.
  await new Promise((resolve) => setImmediate(resolve))
}

function stalled(fd: OutputFd): Error {
  const bytes = queued(fd)
  const text = `the reader of ${nameOf(fd)} has taken nothing for ${STALLED} ms, and ${bytes} bytes wait for it`
  return systemError(ETIMEDOUT, 'write', { reason: 'output-stalled', text, fd, bytes })
}

/** @internal For a caller that can't wait: an error where something is queued. */
export function checkWritten(fd: OutputFd): void {
  const bytes = queued(fd)
  if (bytes === 0) return
  const text = `${bytes} bytes for ${nameOf(fd)} are queued, which only the event loop can write`
  throw systemError(EAGAIN, 'write', { reason: 'output-queued', text, fd, bytes })
}

/**
 * @internal From now on a write returns when the kernel has all of it, so that nothing is queued at any later moment.
 * Returns a function that undoes this.
 */
export function writeAtOnce(fd: OutputFd): () => void {
  if (!hasOtherEnd(fd)) return () => undefined
  const handle = handleOf(standardStream(fd))
  const result = handle?.setBlocking?.(true) ?? 0
  if (result < 0) throw systemError(result, 'fcntl')
  return () => void handle?.setBlocking?.(false)
}
