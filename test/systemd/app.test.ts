// docs/systemd.md: a program that starts a daemon of its own, and a user's systemd.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { units } from '../helpers/guide.ts'
import { hasNobody, until } from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'
import { systemd } from '../helpers/systemd.ts'
import { need } from '../helpers/tools.ts'

test('systemd-analyze verify finds nothing wrong with a unit of the page', () => {
  need('systemd-analyze')
  expect(units.size).toBe(6)
  for (const [name, text] of units) {
    // The user of the units is not on this machine.
    const path = join(openFolder(), name.replace(/.*\//, ''))
    writeFileSync(path, text.replace('User=web\n', ''))
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', path])
    expect([name, status, stderr.toString()]).toEqual([name, 0, ''])
  }
})

describe.skipIf(!hasNobody)('app.service (needs root)', () => {
  test.for(['{ notify: true }', '{ upFor: 300 }'])(
    'ready: %s: the daemon that it starts does not speak for it',
    async (ready) => {
      const it = await systemd()
      if (!ready.includes('notify')) {
        it.rewrite('/srv/app/app.mjs', (text) => text.replace('{ notify: true }', ready))
      }
      it.rewrite('/srv/app/app.mjs', (text) =>
        text
          .replace(
            'const pidFile',
            `const hold = setInterval(() => undefined, 1000)
            const go = new Promise((go) => process.once('SIGUSR2', go))
            const pidFile`,
          )
          .replace('const daemon', 'await go\nclearInterval(hold)\nconst daemon'),
      )
      it.rewrite('/srv/app/helper.mjs', (text) => {
        const socket = 'String(process.env.NOTIFY_SOCKET !== undefined)'
        return `${text}\n;(await import('node:fs')).writeFileSync('/run/app/told', ${socket})`
      })
      const start = it.start('app.service')
      await until(() => {
        try {
          return it.read('/run/app/told') !== ''
        } catch {
          return false
        }
      })
      // By then the helper has said all that it says. The second time its socket is the service's.
      expect(it.read('/run/app/told')).toBe('true')
      const [main, helper] = ['app', 'helper'].map((name) => {
        return it.processes('app.service').find(({ args }) => args.endsWith(`/${name}.mjs`))
      })
      expect(it.read('/run/app/helper.pid').split('\n')[0]).toBe(String(helper?.pid))
      const early = await it.show('app.service', 'ActiveState', 'StatusText', 'MainPID')
      expect(early).toEqual({
        ActiveState: 'activating',
        StatusText: '',
        MainPID: String(main?.pid),
      })
      process.kill(main?.outer ?? 0, 'SIGUSR2')
      await start
      await until(async () => (await it.show('app.service', 'StatusText')).StatusText !== '')
      const late = await it.show('app.service', 'ActiveState', 'StatusText', 'MainPID')
      expect(late).toEqual({
        ...{ ActiveState: 'active', MainPID: String(main?.pid) },
        StatusText: 'the helper is there',
      })
      await it.systemctl('stop', 'app.service')
      expect(it.processes('app.service')).toEqual([])
      expect(await it.show('app.service', 'Result')).toEqual({ Result: 'success' })
    },
  )
})

describe.skipIf(!hasNobody)("a user's systemd (needs root)", () => {
  // As user@.service of the distribution has it, without what logind and PAM add. The signal ends it without exit.target.
  const manager = `[Service]
User=web
Type=notify
Delegate=yes
KillMode=mixed
KillSignal=SIGRTMIN+24
Environment=XDG_RUNTIME_DIR=/run/user/web
ExecStart=/lib/systemd/systemd --user
`
  const bus = ['env', 'XDG_RUNTIME_DIR=/run/user/web', 'systemctl', '--user']
  const asWeb = ['setpriv', '--reuid=web', '--regid=web', '--clear-groups', ...bus]

  test('web.service of a user: active with its pid, restart, stop', async () => {
    const it = await systemd()
    await it.run('install', '-d', '-o', 'web', '/run/user/web')
    await it.run('chown', '-R', 'web', '/home/web')
    for (const name of ['basic', 'default', 'shutdown']) {
      it.write(`/etc/systemd/user/${name}.target`, '[Unit]\nDefaultDependencies=no\n')
    }
    it.write('/etc/systemd/system/manager.service', manager)
    await it.systemctl('daemon-reload')
    await it.start('manager.service')
    const user = async (...args: string[]) => {
      const { code, stdout, stderr } = await it.run(...asWeb, ...args)
      expect([args, code, stderr]).toEqual([args, 0, ''])
      return stdout
    }
    const show = async (name: string) => (await user('show', '-p', name, '--value', 'web')).trim()
    await user('start', 'web.service')
    const found = () =>
      it.processes('manager.service').filter(({ args }) => args.includes('server.mjs'))
    expect(found()).toMatchObject([{ cgroup: 'app.slice/web.service' }])
    expect(await show('MainPID')).toBe(String(found()[0]?.pid))
    expect(await show('ActiveState')).toBe('active')
    await until(async () => (await show('StatusText')) === 'serves port 8080')
    expect(it.read('/run/user/web/web/web.pid').split('\n')[0]).toBe(await show('MainPID'))
    const { outer, pid } = found()[0] ?? { outer: 0, pid: 0 }
    process.kill(outer, 'SIGKILL')
    await until(
      async () => (await show('NRestarts')) === '1' && (await show('ActiveState')) === 'active',
    )
    expect(await show('MainPID')).not.toBe(String(pid))
    await user('stop', 'web.service')
    expect(await show('Result')).toBe('success')
    expect(found()).toEqual([])
  })
})
