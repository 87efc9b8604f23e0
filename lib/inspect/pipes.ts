import type { ChildProcess } from 'node:child_process'
import { fstatSync } from 'node:fs'
import { ENOTSUP } from '../base/errno.ts'
import { systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import type { Descriptor } from '../base/proc.ts'
import { pipeEnd } from '../launcher/node-internals.ts'
import { inSlices } from './list.ts'
import { type Found, search } from './search.ts'
import type { StreamName } from './types.ts'

/** The names of streams, in the order of their descriptors. */
const streamNames: StreamName[] = ['stdin', 'stdout', 'stderr']

/**
 * The other ends of a child's pipes: what /proc shows for a descriptor that is open on one, and our own descriptors,
 * which show the same where both ends have one inode.
 *
 * @internal
 */
export interface Pipes {
  names: Map<string, StreamName>
  ours: Set<number>
}

/**
 * The other ends of the pipes that a child has at this moment. A stream that was destroyed has none, nor has one that
 * is no pipe.
 *
 * @internal
 */
export function pipesOf(child: ChildProcess, call: string): Pipes {
  const pipes: Pipes = { names: new Map(), ours: new Set() }
  for (const name of streamNames) {
    const stream = child[name]
    const fd = stream && pipeEnd(stream)
    if (fd === null) continue
    const end = fd === undefined ? undefined : otherEnd(fd)
    if (fd === undefined || end === undefined) {
      const text = `the descriptor of child.${name} is not to be had: it is no pipe of Node's own`
      throw systemError(ENOTSUP, call, { reason: 'unknown-stream', text, stream: name })
    }
    pipes.ours.add(fd)
    pipes.names.set(end, name)
  }
  return pipes
}

function otherEnd(fd: number): string | undefined {
  const stats = fstatSync(fd)
  if (stats.isFIFO()) return `pipe:[${stats.ino}]`
  if (!stats.isSocket()) return undefined
  const inode = native.peerInode(stats.ino)
  if (inode >= 0) return `socket:[${inode}]`
  const text = 'the kernel or a sandbox does not tell which socket is the other end of a pipe'
  throw systemError(inode, 'sock_diag', { reason: 'no-sock-diag', text })
}

/** Which of the pipes a descriptor is the other end of. @internal */
export const pipeOf = (
  { link, fd }: Descriptor,
  pid: number,
  { names, ours }: Pipes,
): StreamName | undefined => (pid === process.pid && ours.has(fd) ? undefined : names.get(link))

/** The pipes that were found, each once. @internal */
export const inOrder = (found: Found<StreamName>): StreamName[] =>
  streamNames.filter((name) => found.some(([, held]) => held === name))

/**
 * Which of a child's pipes some processes hold. Who has gone, or is not ours to read, is not in the result.
 *
 * @internal
 */
export async function holdsOf(
  pids: Iterable<number>,
  pipes: Pipes,
): Promise<Map<number, StreamName[]>> {
  const held = new Map<number, StreamName[]>()
  function* steps() {
    for (const pid of pids) {
      const found = yield* search(pid, (descriptor) => pipeOf(descriptor, pid, pipes))
      if (typeof found === 'object') held.set(pid, inOrder(found))
    }
  }
  await inSlices(steps(), () => undefined)
  return held
}
