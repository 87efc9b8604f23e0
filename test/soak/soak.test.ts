import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { isRoot, node } from '../helpers/process.ts'
import { need } from '../helpers/tools.ts'

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

const kinds = {
  '100 stops of what forks, double-forks and hands over: no live member is left': [
    '--stops',
    '100',
  ],
  '30 starts and stops of daemons, shot at: nothing is left': ['--daemons', '30'],
  '24 children in all places, contained, run and watched, shot at: nothing is left, descriptors are flat':
    ['--children', '24'],
  '8 programs that leave their terminals: each is away, and the terminal as before': [
    '--detaches',
    '8',
  ],
  '6 times calls where something is scarce: each settles, by an error that is documented': [
    '--scarce',
    '6',
  ],
  '16 launches from a terminal, killed on their way: nothing is left, the terminal is as before': [
    '--launches',
    '16',
  ],
}

test.runIf(canUnshare).each(Object.entries(kinds))(
  '%s, no bystander is hit, nothing hangs (needs root)',
  { timeout: 180_000 },
  (_, args) => {
    // For the folder without room.
    if (args.includes('--scarce')) need('mount')
    expect(soak(...args)).toEqual(clean)
  },
)
