import type { ChildProcess } from 'node:child_process'
import { invalidArgValue } from '../base/errors.ts'
import type { ProcessInfo } from '../inspect/types.ts'
import { checkChild } from '../base/check.ts'
import { type Containment, containmentOf } from './contain.ts'

/** Throws for a child that is not contained; undefined for one that was not started. @internal */
export function checkContained(value: unknown): Containment | undefined {
  checkChild(value, 'child')
  const containment = containmentOf(value)
  if (containment === undefined && value.pid !== undefined) {
    throw invalidArgValue(
      'child',
      value.pid,
      'must be contained: spawn it with contain: true of this package',
    )
  }
  return containment
}

/**
 * The pid of a contained child's program. `child.pid` is that of the process that stands for it.
 *
 * The number is the program's until the child's `exit` event.
 *
 * @param child a child that `spawn()` started with `contain: true`
 * @returns undefined for a child that could not be started
 * @throws `ERR_INVALID_ARG_TYPE` `child` is no `ChildProcess`
 * @throws `ERR_INVALID_ARG_VALUE` it is not contained
 * @platform Linux
 */
export function containedPid(child: ChildProcess): number | undefined {
  return checkContained(child)?.program.pid
}

/**
 * The live processes of a contained child: its program, and all that this has started, by their pids. Also what is in
 * another group or session, and what has lost its parent.
 *
 * It is a look at /proc: what starts or ends meanwhile may be missing. A supervisor that was killed holds nobody.
 *
 * @param child a child that `spawn()` started with `contain: true`
 * @throws `ERR_INVALID_ARG_TYPE` `child` is no `ChildProcess`
 * @throws `ERR_INVALID_ARG_VALUE` it is not contained
 * @throws as `processInfo()` where /proc can't be read
 * @platform Linux
 * @see PR_SET_CHILD_SUBREAPER(2const)
 */
export function containedMembers(child: ChildProcess): ProcessInfo[] {
  return checkContained(child)?.members() ?? []
}
