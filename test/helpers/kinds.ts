import { beforeEach, describe } from 'vitest'
import { ps } from './process.ts'

/** The kinds of children that job control is the same for. */
export type Kind = 'plain' | 'contained'

/** Tests of children of each kind: test/fixtures/kind.mjs finds it in the environment of what they start. */
export function forEachKind(title: string, tests: (kind: Kind) => void): void {
  describe.each<Kind>(['plain', 'contained'])(`${title} of a %s child`, (kind) => {
    beforeEach(() => {
      process.env['SETSID_TEST_KIND'] = kind
    })
    tests(kind)
  })
}

/** Who has started a program: its parent, or above a contained one's supervisor and stand-in. */
export function starterOf(program: number, kind: Kind): number {
  const parent = ps(program).ppid
  return kind === 'plain' ? parent : ps(ps(parent).ppid).ppid
}
