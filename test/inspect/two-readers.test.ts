import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { compile } from '../helpers/compile.ts'
import { fixturePath, node, readRow, start, unprivileged, until } from '../helpers/process.ts'
import { each } from '../helpers/table.ts'

const EMFILE = -24
const fixture = (...args: string[]) => [fixturePath('two-readers.mjs'), ...args]

// Two threads read from 512 rows on.
describe('a table of 800 processes and more', () => {
  let crowd: ChildProcess
  let ours: number[]

  beforeEach(async () => {
    crowd = spawn(compile('crowd'), ['20', '40', '0'], { stdio: ['pipe', 'pipe', 'inherit'] })
    if (crowd.stdout) await once(crowd.stdout, 'data')
    const members = () => {
      const parents = new Map(each(readRow).map(({ pid, ppid }) => [pid, ppid]))
      const isOurs = (parent: number) => parent === crowd.pid || parents.get(parent) === crowd.pid
      const found = [...parents].flatMap(([pid, parent]) => (isOurs(parent) ? [pid] : []))
      // /proc lists them by number, and Node sorts names.
      return (ours = found.sort((a, b) => a - b))
    }
    await until(() => members().length === 800)
  })

  afterEach(async () => {
    crowd.stdin?.end()
    await once(crowd, 'exit')
  })

  /** Which of the crowd are missing in a list, and what in it is out of order. */
  const faults = ({ pids = [], error }: { pids?: number[]; error?: number }) => {
    const at = new Map(pids.map((pid, index) => [pid, index]))
    const places = ours.map((pid) => at.get(pid) ?? -1)
    return {
      error,
      missing: places.filter((place) => place < 0).length,
      doubled: pids.length - at.size,
      unordered: places.filter((place, i) => i > 0 && place < (places[i - 1] ?? 0)).length,
    }
  }
  const none = { error: undefined, missing: 0, doubled: 0, unordered: 0 }

  test('a second thread reads too, and none for the rows of one small group', async () => {
    const { all, few } = await start(node, fixture('threads')).next()
    expect(all).toMatchObject({ beside: 1, empty: 0 })
    expect(faults(all)).toEqual(none)
    expect(few.beside).toBe(0)
    expect(few.pids.length).toBeGreaterThan(0)
  })

  test('where no thread can be started it is the same table', async () => {
    const alone = await start(node, fixture('no-thread'), unprivileged).next()
    expect(alone).toMatchObject({ beside: 0, empty: 0 })
    expect(faults(alone)).toEqual(none)
    expect(faults(alone.sync)).toEqual(none)
  })

  test('one free descriptor is enough for both; none at all is an error', async () => {
    const running = start('sh', [
      '-c',
      'ulimit -n 64; exec "$0" "$@"',
      node,
      ...fixture('descriptors'),
    ])
    const { none: full, one } = await running.next()
    expect(full).toEqual({ error: EMFILE })
    expect(one.length).toBe(30)
    for (const table of one) expect(faults(table)).toEqual(none)
  })

  test('what vanishes while two threads read is left out', async () => {
    const last = await start(node, fixture('vanishing')).next()
    expect(last).toMatchObject({ empty: 0, doubled: 0 })
    expect(last.vanished).toBeGreaterThan(0)
    expect(faults(last)).toEqual(none)
  })

  test.each(['processRowsAsync', 'listProcessesSync'])(
    '50 workers terminated in the middle of %s end alone',
    { timeout: 120_000 },
    async (call) => {
      const terminate = [fixturePath('terminate.mjs'), call, '50']
      const running = start(node, terminate, { detached: true })
      expect(await running.next()).toBe('lives')
      expect(await running.ended).toBe(0)
    },
  )
})
