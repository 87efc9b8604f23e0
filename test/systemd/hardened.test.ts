// docs/systemd.md: services whose systemd leaves them little.
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hardened, units } from '../helpers/guide.ts'
import { hasNobody, until } from '../helpers/process.ts'
import { systemd } from '../helpers/systemd.ts'

const all = [...units.keys()].filter((name) => !name.startsWith('~'))

test.skipIf(!hasNobody).for(all)('%s, hardened: active, and stops (needs root)', async (unit) => {
  const it = await systemd()
  expect(hardened).toContain('SystemCallFilter=')
  await it.change(unit, hardened)
  await it.start(unit)
  const { ActiveState, MainPID } = await it.show(unit, 'ActiveState', 'MainPID')
  expect(ActiveState).toBe('active')
  const processes = () => it.processes(unit)
  expect(processes().map(({ pid }) => String(pid))).toContain(MainPID)
  if (unit === 'jobs.service') {
    // Started by the worker, in the cgroup of the child.
    await until(() => processes().filter(({ cgroup }) => cgroup.startsWith('setsid-')).length >= 3)
  }
  await it.systemctl('stop', unit)
  expect(await it.show(unit, 'ActiveState', 'Result')).toEqual({
    ...{ ActiveState: 'inactive', Result: 'success' },
  })
  expect(processes()).toEqual([])
})

test.skipIf(!hasNobody)('Type=exec without AF_UNIX: daemonize() stays (needs root)', async () => {
  const it = await systemd()
  const lines = ['Type=exec', 'WatchdogSec=0', 'RestrictAddressFamilies=AF_INET AF_INET6']
  await it.change('web.service', `[Service]\n${lines.join('\n')}\n`)
  await it.start('web.service')
  await until(() => existsSync(it.at('/run/web/web.pid')))
  const { ActiveState, MainPID } = await it.show('web.service', 'ActiveState', 'MainPID')
  expect(ActiveState).toBe('active')
  expect(it.read('/run/web/web.pid').split('\n')[0]).toBe(MainPID)
})
