// docs/systemd.md: contained children of a service.
import { describe, expect, test } from 'vitest'
import { existsSync, readdirSync } from 'node:fs'
import { hasNobody, isLive, until } from '../helpers/process.ts'
import { type Systemd, systemd, type UnitProcess } from '../helpers/systemd.ts'

const unit = 'jobs.service'
const program = '/srv/jobs/jobs.mjs'
const worker = '/bin/sh /srv/jobs/worker.sh'

/** The processes of the unit, when the worker has started all of its own; what is not contained is `others`. */
async function begun(it: Systemd) {
  let all: UnitProcess[] = []
  const inWorker = ({ args }: UnitProcess) => args === worker || args === 'sleep 1000'
  // Between fork and exec a sleep is one more worker.sh.
  await until(() => {
    all = it.processes(unit)
    const sleeping = all.filter(({ args }) => args === 'sleep 1000').length
    return sleeping === 2 && all.filter(inWorker).length === 3
  })
  const main = all.find(({ args }) => args === `node ${program}`)
  const { MainPID, ControlGroup } = await it.show(unit, 'MainPID', 'ControlGroup')
  expect(ControlGroup).toBe(`/system.slice/${unit}`)
  expect(MainPID).toBe(String(main?.pid))
  return { all, main: main?.outer ?? 0, worker: all.filter(inWorker) }
}

/** That nothing is left of processes that there were. */
async function expectGone(it: Systemd, all: UnitProcess[]) {
  await until(() => all.every(({ outer }) => !isLive(outer)))
  expect(it.processes(unit)).toEqual([])
  const cgroup = it.at(`/sys/fs/cgroup/system.slice/${unit}`)
  await until(
    () => !existsSync(cgroup) || readdirSync(cgroup).every((name) => !name.startsWith('setsid-')),
  )
}

const told = (text: string) => text.split('\n').filter((line) => line === 'told to end').length

/** What the unit of the page is changed to, whether its children have cgroups, and how often they are told to end. */
const cases = {
  'as it is': ['', true, 1],
  'Delegate=no': ['Delegate=no', false, 1],
  'as root, Delegate=no': ['User=root\nDelegate=no', true, 1],
  'as nobody': ['User=nobody', true, 1],
  'ProtectControlGroups=yes': ['ProtectControlGroups=yes', false, 1],
  'ProcSubset=pid, ProtectProc=invisible': ['ProcSubset=pid\nProtectProc=invisible', true, 1],
  'KillMode=process': ['KillMode=process', true, 1],
} as const

describe.skipIf(!hasNobody)('jobs.service (needs root)', () => {
  test.for(Object.entries(cases))(
    '%s: the children are where they should be, and stop',
    async ([, [lines, hasCgroup, times]]) => {
      const it = await systemd()
      await it.change(unit, `[Service]\n${lines}\n`)
      await it.start(unit)
      const began = await begun(it)
      const cgroups = new Set(began.worker.map(({ cgroup }) => cgroup))
      expect(cgroups.size).toBe(1)
      const [cgroup = ''] = cgroups
      expect(cgroup).toMatch(hasCgroup ? /^setsid-\d+-\d+$/ : /^$/)
      // Its stand-in, after which it is named, and its supervisor are outside, with the main process.
      if (hasCgroup) {
        const outside = began.all.filter((one) => one.cgroup === '')
        expect(outside.map(({ pid }) => String(pid))).toContain(cgroup.split('-')[1])
        expect(outside).toHaveLength(3)
      }
      const before = told(await it.journal(unit))
      await it.systemctl('stop', unit)
      await expectGone(it, began.all)
      expect(await it.show(unit, 'Result', 'ActiveState')).toEqual({
        ...{ Result: 'success', ActiveState: 'inactive' },
      })
      await until(async () => told(await it.journal(unit)) - before === times)
    },
  )

  test('the default KillMode: nothing is left either', async () => {
    const it = await systemd()
    await it.change(unit, '[Service]\nKillMode=control-group\n')
    await it.start(unit)
    const { all } = await begun(it)
    await it.systemctl('stop', unit)
    await expectGone(it, all)
  })

  test.for(['mixed', 'process', 'control-group'])(
    'the program is killed, KillMode=%s: its children end with it',
    async (mode) => {
      const it = await systemd()
      await it.change(unit, `[Service]\nKillMode=${mode}\n`)
      await it.start(unit)
      const { all, main } = await begun(it)
      process.kill(main, 'SIGKILL')
      await expectGone(it, all)
      await until(async () => (await it.show(unit, 'Result')).Result === 'signal')
    },
  )

  test('KillMode=process, not contained: they live on', async () => {
    const it = await systemd()
    await it.change(unit, '[Service]\nKillMode=process\n')
    it.rewrite(program, (text) =>
      text.replace('contain: true, ', '').replace('await stopContained', '// '),
    )
    await it.start(unit)
    const { worker } = await begun(it)
    await it.systemctl('stop', unit)
    expect(worker.filter(({ outer }) => isLive(outer))).toHaveLength(3)
    for (const { outer } of worker) process.kill(outer, 'SIGKILL')
  })

  test('run() in a unit: contained, its cgroup below the unit, and nothing left after it', async () => {
    const it = await systemd()
    it.rewrite(program, () => {
      const command = 'cat /proc/self/cgroup; setsid sleep 1000 & exit 0'
      return `import { daemonize, run } from 'setsid'
        const daemon = await daemonize({ waitForReady: true })
        const options = { onSurvivors: 'stop' }
        const { stdout, contained, survivors, stopped } = await run('sh', ['-c', ${JSON.stringify(command)}], options)
        const [, cgroup] = /^0::(.*)$/m.exec(stdout)
        daemon.notify('STATUS=' + JSON.stringify({ cgroup, contained, survivors: survivors.length, outcome: stopped.outcome }))
        daemon.ready()
        setInterval(() => undefined, 1000)`
    })
    await it.start(unit)
    const { StatusText, MainPID } = await it.show(unit, 'StatusText', 'MainPID')
    expect(JSON.parse(StatusText)).toEqual({
      cgroup: expect.stringMatching(new RegExp(`^/system.slice/${unit}/setsid-\\d+-\\d+$`)),
      ...{ contained: true, survivors: 0, outcome: 'gone' },
    })
    expect(it.processes(unit).map(({ pid }) => String(pid))).toEqual([MainPID])
    await expectGone(it, []).catch(() => undefined)
  })
})
