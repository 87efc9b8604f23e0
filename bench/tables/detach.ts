// What it costs to leave the terminal.
import { execFileSync } from 'node:child_process'
import { limit } from '../frame/limits.ts'
import { ask } from '../frame/programs.ts'
import type { Table } from '../frame/types.ts'

const leaving = (megabytes: number, how: 'sync' | 'promise') => () =>
  ask('detached.mjs', [String(megabytes), how]) as number

export const table: Table = {
  name: 'detach',
  title: 'Leaving the terminal',
  how: 'A process group leader, the dear case, which leaves its session by a helper. Each in a process of its own.',
  rows: [
    {
      name: 'detach-first',
      what: 'the first `detach()`',
      unit: 'ms',
      goal: { most: 0.8 },
      rounds: 40,
      quick: 7,
      why: 'The text of the feature is compiled at its first call, and the helper is a process: in C the same way out takes what stands beside it.',
      missed:
        'nine files of the library are compiled at this moment, for 0.8 ms; the rest is code that runs for the first time, of ours and of Node, and the helper, 0.2 ms.',
      open: () => {
        const hop = limit('hop')
        return {
          ours: { name: 'setsid', sample: leaving(0, 'promise') },
          limit: { name: 'the same way in C', sample: () => Number(execFileSync(hop).toString()) },
        }
      },
    },
    {
      name: 'detach-heap',
      what: '`detachSync()` with 1 GB of heap',
      unit: 'ms',
      goal: { ratio: 2 },
      rounds: 9,
      why: 'The helper shares our memory, and no page table is copied. A fork of the same process copies it: 100 times as long.',
      open: () => ({
        ours: { name: 'setsid', sample: leaving(1024, 'sync') },
        limit: { name: '40 MB of heap', sample: leaving(40, 'sync') },
      }),
    },
  ],
}
