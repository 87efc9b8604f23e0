// What watching many children takes.
import { ask } from '../frame/programs.ts'
import type { Row, Table, Unit } from '../frame/types.ts'

const COUNT = 500
type Key = 'threads' | 'descriptors' | 'mb'

let found: Record<Key, number> | undefined
/** All is counted by one program, once: a second one would find the same. */
const count = () => (found ??= ask('watched.mjs', [String(COUNT)]) as Record<Key, number>)

const row = (key: Key, what: string, unit: Unit, most: number, why: string): Row => ({
  name: `watch-${key}`,
  what,
  unit,
  goal: { most },
  rounds: 1,
  quick: 1,
  why,
  missed:
    "each child has a thread of its own, with a stack of 256 kB. The kernel has no descriptor for stops; a wait for all children comes back again and again while any has a stop that its owner has not taken, or takes it from the owner; and SIGCHLD is libuv's.",
  open: () => ({
    ours: {
      name: 'setsid',
      sample: () => count()[key],
    },
  }),
})

export const table: Table = {
  name: 'watch',
  title: 'Watching children',
  how: `What \`watchChild()\` of ${COUNT} children adds to the process that has spawned them, by /proc/self.`,
  rows: [
    row('threads', 'threads', '', 1, 'One thread can wait for all.'),
    row(
      'descriptors',
      'descriptors',
      '',
      COUNT + 4,
      'A pidfd a child, and a few for the thread itself.',
    ),
    row(
      'mb',
      'address space',
      'MB',
      80,
      'The stack of one thread and its arena of malloc, which are reserved and not used: 8 and 64 MB.',
    ),
  ],
}
