// What it costs to load the package.
import { join } from 'node:path'
import { installPeers, peersFolder, titleOfPeer } from '../frame/peers.ts'
import { ask, root } from '../frame/programs.ts'
import type { Table, Way } from '../frame/types.ts'

interface Cost {
  ms: number
  mb: number
}

const empty = join(root, 'bench/programs/empty')

/** Each sample is a process that loads it once. */
const loading = (key: keyof Cost, name: string, what: string, cwd = root): Way => ({
  name,
  sample: () => (ask('required.cjs', [what], cwd) as Cost)[key],
})

const contest = (key: keyof Cost) => () => {
  const peer = (name: string) => {
    const way = loading(key, titleOfPeer(name), name, peersFolder)
    return { ...way, sample: () => (installPeers(), way.sample()) }
  }
  return {
    ours: loading(key, 'setsid', 'setsid'),
    limit: loading(key, 'an empty package', 'empty', empty),
    peers: [peer('koffi'), peer('bufferutil')],
  }
}

export const table: Table = {
  name: 'import',
  title: 'Loading the package',
  how: `In the process that loads it, once in each. Memory is what is resident, by \`/proc/self/smaps_rollup\`. The limit is an
empty package with \`exports\` in its package.json, as ours has: the search for such a package is Node's, and its first one costs more
than a millisecond. koffi and bufferutil have none.`,
  rows: [
    {
      name: 'import-ms',
      what: "`require('setsid')`",
      unit: 'ms',
      goal: { more: 1.5 },
      rounds: 40,
      quick: 7,
      why: "dlopen and the registration of the addon's calls take 0.4 ms; then the text of the raw calls is compiled and run, and that of the features read. A feature is compiled by its first call.",
      missed:
        'a goal in milliseconds is one of the machine: in an hour in which an empty package costs 2.2 ms ours are 1.3 more, and where it costs 2.8, 1.5.',
      open: contest('ms'),
    },
    {
      name: 'import-mb',
      what: "memory of `require('setsid')`",
      unit: 'MB',
      goal: { more: 0.6 },
      rounds: 40,
      quick: 7,
      missed:
        'of what is more than an empty package, 0.5 MB are the addon alone: its pages, those that its relocations have written, and the functions that stand for its calls.',
      why: 'The pages of the addon and of its relocations, and what V8 keeps of the text: its source, and the functions that have run.',
      open: contest('mb'),
    },
    {
      name: 'import-esm',
      what: "`import('setsid')`",
      unit: 'ms',
      rounds: 40,
      why: 'The loader of ES modules costs a millisecond or two with an empty module; what is more than that is what `require()` costs.',
      open: () => ({
        ours: { name: 'setsid', sample: () => ask('imported.mjs') as number },
        limit: { name: 'an empty module', sample: () => ask('imported.mjs', ['empty']) as number },
      }),
    },
  ],
}
