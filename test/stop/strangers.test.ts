import { execFileSync, spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { compile } from '../helpers/compile.ts'
import { fixturePath, isRoot, node } from '../helpers/process.ts'

const ways = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
const canUnshare = isRoot && spawnSync('unshare', [...ways, 'true']).status === 0

/** Runs a fixture in a pid namespace of its own, whose first process reaps. */
function apart(before: string, fixture: string, args: string[]): unknown {
  const words = [node, fixturePath(fixture), ...args].map((word) => `'${word}'`).join(' ')
  const output = execFileSync('unshare', [...ways, 'bash', '-c', `${before}${words}; true`], {
    timeout: 600_000,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return JSON.parse(output.toString())
}

test.runIf(canUnshare)(
  'whoever has the number by now is let alone, before and during a stop (needs root)',
  () => {
    const result = apart('', 'stop-strangers.mjs', [compile('as-pid')]) as object
    expect(Object.keys(result)).toHaveLength(8)
    for (const [name, outcome] of Object.entries(result)) {
      const during = name.includes('during')
      expect([name, outcome]).toEqual([
        name,
        expect.stringMatching(during ? /^gone, let alone$/ : /^(stale|already-gone), let alone$/),
      ])
    }
  },
)
