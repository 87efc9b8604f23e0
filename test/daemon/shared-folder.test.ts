// What any user can do to root's pidfiles in a folder that all may write to, and what the sticky bit changes
// (docs/security.md).
import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { startDaemon, stopDaemon } from 'setsid'
import { expect, test } from 'vitest'
import { hasNobody, isLive, track, unprivileged } from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'

async function twoDaemons(mode: number) {
  const folder = openFolder()
  chmodSync(folder, mode)
  const [first = '', second = ''] = ['first', 'second'].map((name) => join(folder, name))
  const pids = await Promise.all(
    [first, second].map(async (pidFile) => {
      const { pid } = await startDaemon('sleep', ['100'], { pidFile, ready: { upFor: 1 } })
      track(pid)
      return pid
    }),
  )
  // The one over the other, as nobody.
  const { status } = spawnSync('mv', ['-f', second, first], { ...unprivileged, cwd: '/' })
  return { first, second, pids, status }
}

test.runIf(hasNobody)(
  'without the sticky bit another user puts one pidfile of root over another: root stops the other daemon (needs root)',
  async () => {
    const { first, pids, status } = await twoDaemons(0o777)
    expect(status).toBe(0)
    expect(await stopDaemon(first)).toMatchObject({ outcome: 'gone', signalled: [pids[1]] })
    expect(pids.map(isLive)).toEqual([true, false])
  },
)

test.runIf(hasNobody)(
  'with the sticky bit another user can’t exchange two pidfiles of root (needs root)',
  async () => {
    const { first, second, pids, status } = await twoDaemons(0o1777)
    expect(status).not.toBe(0)
    for (const [i, path] of [first, second].entries()) {
      expect(await stopDaemon(path)).toMatchObject({ outcome: 'gone', signalled: [pids[i]] })
    }
  },
)
