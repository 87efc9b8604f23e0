import { spawnSync, type SpawnSyncOptions } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { node } from './process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The two ways in which `sess` runs: by bin/sess, and by Node alone where there is no launcher. */
export const fronts = {
  'bin/sess': [`${root}bin/sess`],
  'node dist/cli.js': [node, `${root}dist/cli.js`],
} as const
export type Front = keyof typeof fronts

export interface Told {
  status: number | null
  signal: NodeJS.Signals | null
  out: string
  err: string
}

/** Runs a command of `sess` to its end. */
export function sess(front: Front, args: string[], options: SpawnSyncOptions = {}): Told {
  const [file, ...rest] = fronts[front]
  const { status, signal, stdout, stderr } = spawnSync(file, [...rest, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  })
  return { status, signal, out: stdout.toString(), err: stderr.toString() }
}
