// In a user namespace the users without a number there look like one user, who owns `/` too.
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { identify } from 'setsid'
import { expect, test } from 'vitest'
import { sess } from '../helpers/daemon.ts'
import { openFolder } from '../helpers/folder.ts'
import { hasNobody, isLive, node, start, unprivileged, until } from '../helpers/process.ts'
import { need } from '../helpers/tools.ts'

test.runIf(hasNobody)(
  'root of a user namespace believes no pidfile and writes to no log of a user without a number there (needs root)',
  async () => {
    need('unshare', unprivileged)
    const { pid } = start('sleep', ['100'], unprivileged)
    await until(() => statSync(`/proc/${pid}`).uid === unprivileged.uid)
    const folder = openFolder()
    chmodSync(folder, 0o1777)
    const { startTicks, bootId } = identify(pid)
    const namespace = readlinkSync('/proc/self/ns/pid')
    const [pidFile, log] = [join(folder, 'pid'), join(folder, 'log')]
    writeFileSync(pidFile, `${pid}\n${JSON.stringify({ startTicks, bootId, namespace })}\n`)
    writeFileSync(log, '', { mode: 0o666 })
    chmodSync(log, 0o666)
    for (const path of [pidFile, log]) chownSync(path, 12345, 12345)
    const inside = (...words: string[]) => {
      const line = ['-Ur', node, sess, ...words]
      const { status, stdout, stderr } = spawnSync('unshare', line, {
        ...{ ...unprivileged, cwd: '/', encoding: 'utf8' },
      })
      return [status, `${stdout}${stderr}`.trim()]
    }
    const doubt = `${pidFile} names a process that its author may not signal: process ${pid}`
    expect(inside('status', '--pid-file', pidFile)).toEqual([
      ...[4, `it can't be told whether it runs: ${doubt}`],
    ])
    expect(inside('stop', '--pid-file', pidFile)).toEqual([4, `sess: ${doubt}`])
    expect(isLive(pid)).toBe(true)
    const begin = ['start', '--pid-file', join(folder, 'own'), '--up-for', '0', '--log', log]
    expect(inside(...begin, '--', 'echo', 'hello')).toEqual([
      ...[4, `sess: ${log} belongs to user 65534`],
    ])
    expect(readFileSync(log, 'utf8')).toBe('')
    // Its own pidfile it believes.
    const own = ['--pid-file', join(folder, 'own')]
    const started = inside('start', ...own, '--up-for', '0', '--', 'sleep', '100')
    expect(started).toEqual([0, expect.stringMatching(/^started, pid \d+$/)])
    expect(inside('stop', ...own)).toEqual([0, expect.stringMatching(/^stopped \d+$/)])
  },
)
