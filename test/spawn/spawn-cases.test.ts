// Our spawn() beside Node's own, case by case, on every Node that we support.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { otherNodes } from '../helpers/nodes.ts'
import { fixturePath, type Json, node } from '../helpers/process.ts'

const run = promisify(execFile)

/** The results of test/fixtures/spawn-cases.mjs by case. */
async function results(
  path: string,
  mode: 'plain' | 'ours' | 'around' | 'contained',
): Promise<Json> {
  // One case uses up all descriptors.
  const script = 'ulimit -n 400; exec "$0" --no-deprecation "$1" "$2"'
  const args = ['-c', script, path, fixturePath('spawn-cases.mjs'), mode]
  const { stdout } = await run('sh', args, { maxBuffer: 1e9, timeout: 60_000 })
  return JSON.parse(stdout)
}

/** What differs when Node's internals are unknown: docs/spawning.md, "Fallback". */
const aroundDiffers = [
  // Node throws these; here they are events.
  'a path below a file',
  'a loop of links',
  'a long name',
  'a long path',
  // Node emits this; here it is thrown.
  'no descriptors left',
  // The error comes when the launcher has ended, a turn later.
  'ipc of a missing program',
  'the order of two',
]

const nodes = [{ version: process.version, path: node }, ...(await otherNodes())]

describe.each(nodes)('Node $version', ({ path }) => {
  test('every case of spawn() is as with child_process.spawn()', async () => {
    const [plain, ours] = [await results(path, 'plain'), await results(path, 'ours')]
    expect(Object.keys(plain).length).toBeGreaterThanOrEqual(60)
    expect(ours).toEqual(plain)
  })

  test('every case of a contained child is as with child_process.spawn(), but for its parent', async () => {
    const [plain, contained] = [await results(path, 'plain'), await results(path, 'contained')]
    const differs = Object.keys(plain).filter(
      (name) => JSON.stringify(plain[name]) !== JSON.stringify(contained[name]),
    )
    // The script compares its group with its parent's.
    expect(differs).toEqual(['session and group'])
  })

  test('and on a Node whose internals are unknown, but for documented cases', async () => {
    const [plain, around] = [await results(path, 'plain'), await results(path, 'around')]
    const differs = Object.keys(plain).filter(
      (name) => JSON.stringify(plain[name]) !== JSON.stringify(around[name]),
    )
    expect(differs.sort()).toEqual(aroundDiffers.sort())
  })
})
