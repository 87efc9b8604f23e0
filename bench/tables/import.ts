// What it costs to load the package.
import { join } from 'node:path'
import { installPeers, peersFolder, titleOfPeer } from '../frame/peers.ts'
import { ask, root } from '../frame/programs.ts'
import type { Table, Way } from '../frame/types.ts'

interface Cost {
  ms: number
  mb: number
}

const addon = join(root, 'build/Release/setsid.node')

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
    limit: loading(key, 'the addon alone', addon),
    peers: [peer('koffi'), peer('bufferutil')],
  }
}

export const table: Table = {
  name: 'import',
  title: 'Loading the package',
  how: `In the process that loads it, once in each. Memory is what is resident, by \`/proc/self/smaps_rollup\`. The limit is
\`require()\` of the addon by its path: \`dlopen\`, and the registration of its calls.`,
  rows: [
    {
      name: 'import-ms',
      what: "`require('setsid')`",
      unit: 'ms',
      goal: { most: 1.5 },
      rounds: 40,
      quick: 7,
      why: "Above the addon there are the search for the package, which is Node's, and the text of the raw calls, which is compiled; a feature is compiled by its first call.",
      open: contest('ms'),
    },
    {
      name: 'import-mb',
      what: "memory of `require('setsid')`",
      unit: 'MB',
      goal: { most: 0.6 },
      rounds: 40,
      quick: 7,
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
