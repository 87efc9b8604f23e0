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
  let answer: [] | 'refused' = []
  try {
    for (const task of tasksOf(pid)) {
      yield
      try {
        const found = yield* read(task, match)
        if (found !== undefined) return found
      } catch (error) {
        if (isRefused(error)) answer = 'refused'
        else if (!isGone(error) || task === pid) throw error
      }
      // What another thread refuses, all do.
      if (answer === 'refused' && task !== pid) break
    }
    return answer
  } catch (error) {
    if (isGone(error)) return 'gone'
    const { errno } = error as Partial<SystemError>
    throw errno === undefined ? error : tableError(errno, 'holders')
  }
}

/**
 * A process, then its other threads. One whose first thread has ended shows its descriptors under the others alone,
 * and the folder of the first as root's (pthread_exit(3)).
 */
function* tasksOf(pid: number): Generator<number> {
  yield pid
  for (const thread of threadsOf(pid)) if (thread !== pid) yield thread
}

/** By number, as /proc lists them. undefined: it has no descriptor at all. */
function* read<Kind>(
  task: number,
  match: Match<Kind>,
): Generator<undefined, Found<Kind> | undefined> {
  const found: Found<Kind> = []
  let isEmpty = true
  for (const descriptor of descriptorsOf(task)) {
    isEmpty = false
    const kind = match(descriptor)
    if (kind !== undefined) found.push([descriptor.fd, kind])
    yield
  }
  return isEmpty ? undefined : found
}
