import { type Descriptor, descriptorsOf, isGone, isRefused, threadsOf } from '../base/proc.ts'
import type { SystemError } from '../base/errors.ts'
import { tableError } from './row.ts'

/** Which descriptors match, and what each of them is. */
export type Match<Kind> = (descriptor: Descriptor) => Kind | undefined

/** The descriptors of one process that match, by number. */
export type Found<Kind> = [fd: number, kind: Kind][]

/**
 * The descriptors of a process that match, read in steps for `inSlices()`, each of which takes microseconds.
 * `'refused'`: they are not ours to read; `'gone'`: there is no such process.
 *
 * @internal
 */
export function* search<Kind>(
  pid: number,
  match: Match<Kind>,
): Generator<undefined, Found<Kind> | 'refused' | 'gone'> {
  yield
  try {
    return (yield* read(pid, match)) ?? (yield* readThreads(pid, match))
  } catch (error) {
    if (isGone(error)) return 'gone'
    if (isRefused(error)) return 'refused'
    const { errno } = error as Partial<SystemError>
    throw errno === undefined ? error : tableError(errno, 'holders')
  }
}

/** By number, as /proc lists them. undefined: it has no descriptor at all. */
function* read<Kind>(
  pid: number,
  match: Match<Kind>,
): Generator<undefined, Found<Kind> | undefined> {
  const found: Found<Kind> = []
  let isEmpty = true
  for (const descriptor of descriptorsOf(pid)) {
    isEmpty = false
    const kind = match(descriptor)
    if (kind !== undefined) found.push([descriptor.fd, kind])
    yield
  }
  return isEmpty ? undefined : found
}

/** A process whose first thread has ended shows its descriptors under its other threads alone (pthread_exit(3)). */
function* readThreads<Kind>(pid: number, match: Match<Kind>): Generator<undefined, Found<Kind>> {
  for (const thread of threadsOf(pid)) {
    try {
      const found = thread === pid ? undefined : yield* read(thread, match)
      if (found !== undefined) return found
    } catch (error) {
      // Another thread may have ended too.
      if (!isGone(error)) throw error
    }
  }
  return []
}
