// The systemd of these tests, test/fixtures/systemd.sh: it touches nothing of the machine, and leaves nothing.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { units } from '../helpers/guide.ts'
import { isLive, isRoot, node, until } from '../helpers/process.ts'
import { bootCommand, bootSystemd, systemd } from '../helpers/systemd.ts'
import { openFolder } from '../helpers/folder.ts'

describe.skipIf(!isRoot)('systemd as pid 1 of its own namespaces (needs root)', () => {
  test('it shares no namespace but those of users and time', async () => {
    const { pid } = await systemd()
    const shared = readdirSync('/proc/self/ns').filter(
      (name) => readlinkSync(`/proc/self/ns/${name}`) === readlinkSync(`/proc/${pid}/ns/${name}`),
    )
    expect(shared.filter((name) => !/^(user|time)/.test(name))).toEqual([])
  })

  test('the root, /sys and /proc/sys of the machine are read-only there', async () => {
    const it = await systemd()
    const paths = ['/x', '/etc/x', '/usr/x', '/root/x', '/proc/sys/kernel/hostname', '/sys/x']
    for (const path of paths) {
      expect((await it.run('touch', path)).stderr).toContain('Read-only file system')
    }
  })

  test('/tmp is its own, and no unit of the machine is there', async () => {
    const it = await systemd()
    const file = `${openFolder()}/file`
    expect(existsSync(it.at(dirname(file)))).toBe(false)
    const { stdout } = await it.run('systemctl', 'list-unit-files', '--no-legend')
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0])
    const targets = ['sysinit', 'basic', 'shutdown', 'multi-user'].map((name) => `${name}.target`)
    const known = new Set([...units.keys(), ...targets])
    const others = names.filter(
      (name = '') => !known.has(name) && !/^systemd-journald|\.mount$|\.scope$/.test(name),
    )
    expect(others).toEqual([])
  })

  test('killed with SIGKILL its keeper leaves no process, and the next one removes the cgroup', async () => {
    const { pid, keeper, cgroup } = await bootSystemd()
    expect(isLive(pid)).toBe(true)
    process.kill(keeper, 'SIGKILL')
    await until(() => !isLive(pid) && !isLive(keeper))
    expect(existsSync(cgroup)).toBe(true)
    const next = await bootSystemd()
    expect(existsSync(cgroup)).toBe(false)
    await next.end()
    expect(existsSync(next.cgroup)).toBe(false)
  })

  test('a test that is killed leaves neither process nor cgroup', async () => {
    const { command, prefix } = bootCommand()
    const script = `
      const { spawn } = require('node:child_process')
      const { existsSync, readFileSync } = require('node:fs')
      const [file, ...args] = process.argv.slice(2)
      const { pid } = spawn(file, args, { detached: true, stdio: ['pipe', 'ignore', 'pipe'] })
      const scope = process.argv[1] + '-' + pid + '/init.scope/cgroup.procs'
      setInterval(() => {
        const first = existsSync(scope) && readFileSync(scope, 'utf8').split('\\n')[0]
        if (!first) return
        console.log(JSON.stringify({ keeper: pid, pid: Number(first) }))
        process.kill(process.pid, 'SIGKILL')
      }, 10)`
    const { stdout, signal } = spawnSync(node, ['-e', script, prefix, ...command])
    expect(signal).toBe('SIGKILL')
    const { keeper, pid } = JSON.parse(stdout.toString()) as { keeper: number; pid: number }
    await until(() => !isLive(pid) && !isLive(keeper))
    expect(existsSync(`${prefix}-${keeper}`)).toBe(false)
  })
})
