// docs/systemd.md: what systemd sees of a server.
import { describe, expect, test } from 'vitest'
import { hasNobody, until } from '../helpers/process.ts'
import { type Systemd, systemd } from '../helpers/systemd.ts'

const states = ['ActiveState', 'SubState', 'Result', 'StatusText', 'MainPID', 'NRestarts'] as const
const stateOf = (it: Systemd, unit: string) => it.show(unit, ...states)

/** That the only process of a unit is the one that systemd has for the main process. */
async function mainProcess(it: Systemd, unit: string, args: string) {
  const all = it.processes(unit)
  expect(all.map((one) => one.args)).toEqual([args])
  const { MainPID } = await it.show(unit, 'MainPID')
  expect(MainPID).toBe(String(all[0]?.pid))
  return all[0]?.outer ?? 0
}

const server = 'node /srv/web/server.mjs'
const answers = async (it: Systemd) =>
  (
    await it.run(
      'node',
      '-e',
      `fetch('http://127.0.0.1:8080').then(async (it) => console.log(await it.text()))`,
    )
  ).stdout

describe.skipIf(!hasNobody)('web.service (needs root)', () => {
  test('active when it is ready, with its own pid; reload, stop', async () => {
    const it = await systemd()
    // So that there is time to look.
    it.rewrite('/srv/web/server.mjs', (text) =>
      text
        .replace('// … read', 'await new Promise((resolve) => setTimeout(resolve, 500)) //')
        .replace('server.close(()', 'setTimeout(() => server.close(()')
        .replace('process.exit())', 'process.exit()), 500)'),
    )
    await it.start('web.service')
    await mainProcess(it, 'web.service', server)
    expect(await stateOf(it, 'web.service')).toMatchObject({
      ...{ ActiveState: 'active', SubState: 'running', Result: 'success' },
      StatusText: 'serves port 8080',
    })
    expect(await answers(it)).toBe('hello\n\n')
    const { MainPID } = await stateOf(it, 'web.service')
    expect(it.read('/run/web/web.pid').split('\n')[0]).toBe(MainPID)

    const reload = it.systemctl('reload', 'web.service')
    await until(async () => (await stateOf(it, 'web.service')).ActiveState === 'reloading')
    await reload
    await until(async () => (await stateOf(it, 'web.service')).ActiveState === 'active')
    expect(await stateOf(it, 'web.service')).toMatchObject({
      ...{ ActiveState: 'active', MainPID, StatusText: 'serves port 8080, reloaded' },
    })

    const stop = it.systemctl('stop', 'web.service')
    await until(async () => (await stateOf(it, 'web.service')).SubState === 'stop-sigterm')
    await stop
    expect(await stateOf(it, 'web.service')).toMatchObject({
      ...{ ActiveState: 'inactive', Result: 'success', MainPID: '0', NRestarts: '0' },
    })
    expect(it.processes('web.service')).toEqual([])
  })

  test('activating until ready() is called', async () => {
    const it = await systemd()
    it.rewrite('/srv/web/server.mjs', (text) =>
      text
        .replace(
          'web.pid` })',
          'web.pid`, waitForReady: true })\nprocess.once("SIGUSR2", daemon.ready)',
        )
        .replace("port 8080')", "port 8080, soon')"),
    )
    const start = it.start('web.service')
    await until(async () => (await stateOf(it, 'web.service')).StatusText.endsWith('soon'))
    expect(await stateOf(it, 'web.service')).toMatchObject({ ActiveState: 'activating' })
    process.kill(await mainProcess(it, 'web.service', server), 'SIGUSR2')
    await start
    expect(await stateOf(it, 'web.service')).toMatchObject({ ActiveState: 'active' })
  })

  test('a loop that is blocked: the watchdog ends it, and it is started again', async () => {
    const it = await systemd()
    await it.change('web.service', '[Service]\nWatchdogSec=1\nRestartSec=0\nLimitCORE=0\n')
    it.rewrite('/srv/web/server.mjs', (text) =>
      text.replace('const server', 'process.on("SIGUSR2", () => { for (;;); })\nconst server'),
    )
    await it.start('web.service')
    const first = await mainProcess(it, 'web.service', server)
    // As long as it turns, the watchdog is content.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(await stateOf(it, 'web.service')).toMatchObject({
      ActiveState: 'active',
      NRestarts: '0',
    })
    process.kill(first, 'SIGUSR2')
    await until(async () => {
      const { NRestarts, ActiveState } = await stateOf(it, 'web.service')
      return NRestarts === '1' && ActiveState === 'active'
    })
    expect(await it.journal('web.service')).toContain("Failed with result 'watchdog'")
    expect(await mainProcess(it, 'web.service', server)).not.toBe(first)
  })

  test('killed: it is started again, and takes its stale pidfile', async () => {
    const it = await systemd()
    await it.change('web.service', '[Service]\nRestartSec=0\nRuntimeDirectoryPreserve=yes\n')
    await it.start('web.service')
    process.kill(await mainProcess(it, 'web.service', server), 'SIGKILL')
    await until(async () => {
      const { NRestarts, ActiveState } = await stateOf(it, 'web.service')
      return NRestarts === '1' && ActiveState === 'active'
    })
    await mainProcess(it, 'web.service', server)
    const { MainPID } = await stateOf(it, 'web.service')
    expect(it.read('/run/web/web.pid').split('\n')[0]).toBe(MainPID)
  })
})

describe.skipIf(!hasNobody)('web-forking.service (needs root)', () => {
  test('active when it is ready, with the pid of the pidfile; stop', async () => {
    const it = await systemd()
    await it.start('web-forking.service')
    const outer = await mainProcess(it, 'web-forking.service', server)
    expect(outer).toBeGreaterThan(1)
    expect(await stateOf(it, 'web-forking.service')).toMatchObject({
      ...{ ActiveState: 'active', SubState: 'running', Result: 'success' },
    })
    expect(await answers(it)).toBe('hello\n\n')
    await it.systemctl('stop', 'web-forking.service')
    expect(await stateOf(it, 'web-forking.service')).toMatchObject({
      ...{ ActiveState: 'inactive', Result: 'success' },
    })
    expect(it.processes('web-forking.service')).toEqual([])
  })

  test('an error before it is ready: the start fails, says why, and leaves nothing', async () => {
    const it = await systemd()
    it.rewrite('/srv/web/server.mjs', (text) =>
      text.replace('const server =', 'throw new Error("no configuration")\nconst server ='),
    )
    await expect(it.start('web-forking.service')).rejects.toThrow('no configuration')
    expect(await stateOf(it, 'web-forking.service')).toMatchObject({
      ...{ ActiveState: 'failed', Result: 'exit-code' },
    })
    expect(it.processes('web-forking.service')).toEqual([])
  })

  test("import 'setsid/launch' stays: systemd waits in vain", async () => {
    const it = await systemd()
    it.rewrite('/srv/web/server.mjs', (text) => `import 'setsid/launch'\n${text}`)
    const command = 'ExecStart=\nExecStart=/usr/bin/env node /srv/web/server.mjs'
    await it.change('web-forking.service', `[Service]\n${command}\nTimeoutStartSec=2\n`)
    await expect(it.start('web-forking.service')).rejects.toThrow('timeout')
    expect(it.processes('web-forking.service')).toEqual([])
  })

  test('sess launch with Type=notify: the start fails, and leaves nothing', async () => {
    const it = await systemd()
    const command = 'ExecStart=\nExecStart=/usr/bin/env sess launch -- node /srv/web/server.mjs'
    await it.change('web.service', `[Service]\n${command}\nRestart=no\n`)
    await expect(it.start('web.service')).rejects.toThrow('did not take the steps')
    expect(await stateOf(it, 'web.service')).toMatchObject({ Result: 'protocol' })
    expect(it.processes('web.service')).toEqual([])
  })
})

describe.skipIf(!hasNobody)('files.service (needs root)', () => {
  const python = 'python3 -m http.server 8081'

  test('active when it stays up; ExecStop leaves neither process nor file', async () => {
    const it = await systemd()
    await it.change('files.service', '[Service]\nRuntimeDirectoryPreserve=yes\n')
    await it.start('files.service')
    await mainProcess(it, 'files.service', python)
    await it.systemctl('stop', 'files.service')
    expect(await stateOf(it, 'files.service')).toMatchObject({
      ...{ ActiveState: 'inactive', Result: 'success' },
    })
    expect((await it.run('ls', '/run/files')).stdout).toBe('')
  })

  test('without ExecStop systemd signals the daemon itself', async () => {
    const it = await systemd()
    await it.change('files.service', '[Service]\nExecStop=\n')
    await it.start('files.service')
    await mainProcess(it, 'files.service', python)
    await it.systemctl('stop', 'files.service')
    expect(await stateOf(it, 'files.service')).toMatchObject({
      ...{ ActiveState: 'inactive', Result: 'success' },
    })
    expect(it.processes('files.service')).toEqual([])
  })
})
