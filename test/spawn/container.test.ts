// Contained children of a Node that is pid 1 of a container, or one of two with the same pids.
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ownCgroup } from '../../lib/base/proc.ts'
import { fixturePath, isRoot, node, start } from '../helpers/process.ts'

const hasCgroup = isRoot && existsSync(`${ownCgroup()}/cgroup.procs`)
const container = (what: string) =>
  start('unshare', [
    ...['--pid', '--fork', '--mount-proc', '--kill-child'],
    ...[node, fixturePath('pid-1.mjs'), what],
  ])

test.skipIf(!isRoot)('pid 1 reaps the supervisors that it has adopted (needs root)', async () => {
  const it = container('zombies')
  // Whether it sleeps yet is not the point.
  expect(await it.next()).toEqual({ adopted: [['launcher', expect.stringMatching(/^[RS]$/)]] })
  expect(await it.next()).toEqual({ left: [] })
  expect(await it.next()).toEqual({ code: 7, left: [] })
  expect(await it.ended).toBe(0)
})

test.runIf(hasCgroup)(
  'children with the same number in two pid namespaces have a cgroup each',
  async () => {
    const both = [container('cgroup'), container('cgroup')]
    const told = await Promise.all(both.map((one) => one.next()))
    expect(told[0].pid).toBe(told[1].pid)
    for (const { pid, cgroup } of told) expect(cgroup).toMatch(new RegExp(`/setsid-${pid}-\\d+$`))
    expect(told[0].cgroup).not.toBe(told[1].cgroup)
    for (const one of both) {
      one.child.stdin?.end()
      expect(await one.next()).toEqual({ lives: true })
      expect(await one.ended).toBe(0)
    }
  },
)
