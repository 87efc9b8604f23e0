import { execFileSync, spawnSync } from 'node:child_process'
import { identify } from 'setsid'
import { expect, test } from 'vitest'
import { holdSession } from '../../lib/stop/stop.ts'
import { compile } from '../helpers/compile.ts'
import { fixturePath, isLive, isRoot, node, start as begin } from '../helpers/process.ts'

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

test.skipIf(!isRoot)(
  'a stranger that got the number within the same tick, and so has its start, is not hit (needs root)',
  { timeout: 60_000 },
  async () => {
    const running = begin('python3', [fixturePath('same-tick.py')])
    const { bootId } = identify()
    for (let found = 0; found < 3;) {
      running.tell('')
      const [pid, startTicks] = (await running.next()) as [number, number]
      const hold = holdSession({ pid, startTicks, bootId })
      process.kill(pid, 'SIGKILL')
      const [stranger, start] = (await running.next()) as [number, number]
      expect(stranger).toBe(pid)
      if (hold !== undefined && start === startTicks) {
        found++
        expect((await hold.stopLeader({ grace: 0 })).signalled).toEqual([])
        expect((await hold.stop({ grace: 0 })).signalled).toEqual([])
        expect(isLive(stranger)).toBe(true)
      }
      hold?.release()
      running.tell('')
    }
    // It ends the last stranger first.
    running.child.stdin?.end()
    expect(await running.ended).toBe(0)
  },
)
