import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { isRoot, node } from '../helpers/process.ts'

const ways = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
const canUnshare = isRoot && spawnSync('unshare', [...ways, 'true']).status === 0
const script = fileURLToPath(new URL('soak.mjs', import.meta.url))

/** A small one; `npm run soak` is the whole. */
const soak = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(
    node,
    ['--import', 'tsx', script, '--seed', '1', ...args],
    { encoding: 'utf8', timeout: 170_000 },
  )
  return { status, clean: stdout.includes('without a fault'), stderr: status === 0 ? '' : stderr }
}
const clean = { status: 0, clean: true, stderr: '' }

test.runIf(canUnshare)(
  '100 stops of what forks, double-forks and hands over: no live member is left, no bystander is hit (needs root)',
  { timeout: 180_000 },
  () => expect(soak('--stops', '100')).toEqual(clean),
)

test.runIf(canUnshare)(
  '30 starts and stops of daemons, shot at: no bystander is hit, nothing is left, nothing hangs (needs root)',
  { timeout: 180_000 },
  () => expect(soak('--daemons', '30')).toEqual(clean),
)
