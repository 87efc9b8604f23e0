import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { daemonStatus, identify, startDaemon, stopDaemon } from 'setsid'
import { describe, expect, test } from 'vitest'
import { prepareDaemon, run, sess } from './helpers/daemon.ts'
import {
  hasNobody,
  isLive,
  isRoot,
  node,
  start,
  track,
  unprivileged,
  until,
} from './helpers/process.ts'
import { openFolder } from './helpers/remote.ts'

const up = { ready: { upFor: 1 } }

/** A process that must not be signalled, and a pidfile that names it, right or wrong. */
function bystander(change: (identity: object) => object): { pid: number; path: string } {
  const { pid } = start('sleep', ['100'])
  const path = join(openFolder(), 'pid')
  const namespace = readlinkSync('/proc/self/ns/pid')
  const second = change({ ...identify(pid), namespace })
  writeFileSync(path, `${pid}\n${JSON.stringify(second)}\n`)
  return { pid, path }
}

async function begin(path: string): Promise<number> {
  const { pid } = await startDaemon('sleep', ['100'], { pidFile: path, ...up })
  track(pid)
  return pid
}

const victims: Record<string, (identity: object) => object> = {
  'a recycled pid, by its start': (identity) => ({ ...identity, startTicks: 1 }),
  'a pid from before the last boot': (identity) => ({ ...identity, bootId: 'another' }),
  'a pid of another container': (identity) => ({ ...identity, namespace: 'pid:[1]' }),
  'a file with a pid alone': () => ({}),
}

describe('a pidfile that names somebody else', () => {
  test.for(Object.keys(victims))(
    '%s: stale, not signalled, and the next start works',
    async (name) => {
      const { pid, path } = bystander(victims[name] ?? ((identity) => identity))
      expect(await daemonStatus(path)).toEqual({ state: 'stale', identity: null, locked: false })
      expect(await stopDaemon(path)).toMatchObject({ outcome: 'stale', signalled: [] })
      expect(existsSync(path)).toBe(false)
      expect(isLive(pid)).toBe(true)
      await begin(path)
      expect((await stopDaemon(path)).outcome).toBe('gone')
      expect(isLive(pid)).toBe(true)
    },
  )

  test('the true identity of a process without the lock is the daemon', async () => {
    const { pid, path } = bystander((identity) => identity)
    expect(await daemonStatus(path)).toMatchObject({ state: 'running', locked: false })
    await expect(startDaemon('sleep', ['1'], { pidFile: path, ...up })).rejects.toMatchObject({
      code: 'EAGAIN',
      reason: 'already-running',
      pids: [pid],
    })
    expect(await stopDaemon(path)).toMatchObject({ outcome: 'gone', signalled: [pid] })
  })
})

const cases: Record<string, [make: (path: string) => void, code: string]> = {
  'a symbolic link': [(path) => symlinkSync('/etc/hostname', path), 'ELOOP'],
  'a dangling symbolic link': [(path) => symlinkSync('nowhere', path), 'ELOOP'],
  'a folder': [(path) => mkdirSync(path), 'EISDIR'],
  'a FIFO': [(path) => execFileSync('mkfifo', [path]), 'EINVAL'],
  'text of another kind': [(path) => writeFileSync(path, 'root:x:0:0\n'), 'EINVAL'],
}
const list = (folder: string) => execFileSync('ls', ['-lA', '--time-style=+', folder]).toString()

describe('a path that is no pidfile', () => {
  test.for(Object.keys(cases))('%s: a start is refused and leaves it as it was', async (name) => {
    const [make, code] = cases[name] ?? []
    const folder = openFolder()
    const path = join(folder, 'pid')
    make?.(path)
    const before = list(folder)
    await expect(startDaemon('sleep', ['1'], { pidFile: path, ...up })).rejects.toMatchObject({
      code,
    })
    expect(list(folder)).toBe(before)
  })

  test('text of another kind is stale, and is not removed by a stop', async () => {
    const path = join(openFolder(), 'pid')
    writeFileSync(path, 'precious\n')
    expect(await stopDaemon(path)).toMatchObject({ outcome: 'stale', signalled: [] })
    expect(readFileSync(path, 'utf8')).toBe('precious\n')
  })

  test('an empty file is stale, and a start takes it', async () => {
    const path = join(openFolder(), 'pid')
    writeFileSync(path, '')
    expect((await daemonStatus(path)).state).toBe('stale')
    const pid = await begin(path)
    expect(readFileSync(path, 'utf8').split('\n')[0]).toBe(String(pid))
    await stopDaemon(path)
  })

  test('no file is stopped; no folder is ENOENT', async () => {
    const path = join(openFolder(), 'pid')
    expect(await daemonStatus(path)).toEqual({ state: 'stopped', identity: null, locked: false })
    expect((await stopDaemon(path)).outcome).toBe('already-gone')
    const options = { pidFile: join(path, 'pid'), ...up }
    await expect(startDaemon('sleep', ['1'], options)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test.skipIf(!hasNobody)(
    'a file that is read-only for us: EACCES, exit code 4 (needs root)',
    () => {
      const folder = openFolder()
      const path = join(folder, 'pid')
      writeFileSync(path, '', { mode: 0o444 })
      chmodSync(path, 0o444)
      const args = [sess, 'start', '--pid-file', path, '--', 'sleep', '1']
      const { status, stderr } = spawnSync(node, args, unprivileged)
      expect([status, stderr.toString()]).toEqual([4, expect.stringContaining('EACCES')])
    },
  )
})

describe('the lock', () => {
  test('somebody else holds it: a start names the holder, a stop signals nobody', async () => {
    const path = join(openFolder(), 'pid')
    writeFileSync(path, '')
    const script = `
      import fcntl, struct, sys
      f = open(sys.argv[1], 'r+')
      fcntl.fcntl(f, 37, struct.pack('hhqqi4x', 1, 0, 0, 0, 0))
      print('{}', flush=True)
      sys.stdin.read()`.replaceAll('\n      ', '\n')
    const holder = start('python3', ['-c', script, path])
    await holder.next()
    expect(await daemonStatus(path)).toEqual({ state: 'running', identity: null, locked: true })
    await expect(begin(path)).rejects.toMatchObject({ code: 'EAGAIN', pids: [holder.pid] })
    await expect(stopDaemon(path)).rejects.toMatchObject({
      code: 'EBUSY',
      reason: 'unknown-daemon',
    })
    expect(isLive(holder.pid)).toBe(true)
    holder.child.stdin?.end()
    await holder.ended
    await begin(path)
    await stopDaemon(path)
  })

  test('a daemon that was killed -9 leaves a stale file, and the next start works', async () => {
    const path = join(openFolder(), 'pid')
    const first = await begin(path)
    process.kill(first, 'SIGKILL')
    await until(() => !isLive(first))
    expect((await daemonStatus(path)).state).toBe('stale')
    const second = await begin(path)
    expect(await daemonStatus(path)).toMatchObject({ state: 'running', identity: { pid: second } })
    await stopDaemon(path)
  })

  test('two starts at once, 200 times: exactly one wins', async () => {
    const path = join(openFolder(), 'pid')
    for (let round = 0; round < 200; round++) {
      const results = await Promise.allSettled([begin(path), begin(path)])
      const won = results.filter(({ status }) => status === 'fulfilled')
      const lost = results.find(({ status }) => status === 'rejected') as PromiseRejectedResult
      expect(won, `round ${round}`).toHaveLength(1)
      expect(lost.reason).toMatchObject({ code: 'EAGAIN', reason: 'already-running' })
      expect((await stopDaemon(path, { signal: 'SIGKILL' })).outcome).toBe('gone')
      expect(existsSync(path)).toBe(false)
    }
  }, 120_000)

  test.skipIf(!isRoot)('a full disk: ENOSPC, and no daemon is left (needs root)', async () => {
    const folder = openFolder()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', folder])
    try {
      spawnSync('sh', ['-c', `head -c 4096 /dev/zero > ${folder}/full`])
      const mark = `${100 + Math.random()}`
      const pidFile = join(folder, 'pid')
      const started = startDaemon('sleep', [mark], { pidFile, ...up })
      await expect(started).rejects.toMatchObject({ code: 'ENOSPC' })
      expect(spawnSync('pgrep', ['-f', `sleep ${mark}`]).stdout.toString()).toBe('')
      expect(existsSync(pidFile)).toBe(false)
      for (const way of strategies) {
        const daemon = prepareDaemon(way, { options: { pidFile } })
        expect(await run(daemon.command)).toMatchObject(failure('ENOSPC'))
        expect(isLive(await daemon.pid())).toBe(false)
        expect(existsSync(pidFile)).toBe(false)
      }
    } finally {
      execFileSync('umount', [folder])
    }
  })
})

const strategies = ['launcher', 'restart'] as const
const failure = (code: string) => ({ code: 1, stderr: expect.stringContaining(code) })

describe.each(strategies)('daemonize() by the %s', (way) => {
  const become = (pidFile: string) => run(prepareDaemon(way, { options: { pidFile } }).command)
  const works = { code: 0, stderr: '' }

  test.for(Object.keys(victims))('%s: not signalled, and it starts', async (name) => {
    const { pid, path } = bystander(victims[name] ?? ((identity) => identity))
    expect(await become(path)).toMatchObject(works)
    expect((await stopDaemon(path)).outcome).toBe('gone')
    expect(isLive(pid)).toBe(true)
  })

  test.for(Object.keys(cases))('%s: it is refused and leaves it as it was', async (name) => {
    const [make, code = ''] = cases[name] ?? []
    const folder = openFolder()
    const path = join(folder, 'pid')
    make?.(path)
    const before = list(folder)
    expect(await become(path)).toMatchObject(failure(code))
    expect(list(folder)).toBe(before)
  })

  test('two at once: exactly one wins; killed -9, the next one starts', async () => {
    const path = join(openFolder(), 'pid')
    for (let round = 0; round < 10; round++) {
      const results = await Promise.all([become(path), become(path)])
      const [won, lost] = results.sort((a, b) => Number(a.code) - Number(b.code))
      expect(won).toMatchObject(works)
      expect(lost).toMatchObject(failure('already-running'))
      const { identity } = await daemonStatus(path)
      process.kill(identity?.pid ?? NaN, 'SIGKILL')
      await until(() => !isLive(identity?.pid ?? NaN))
      expect((await daemonStatus(path)).state).toBe('stale')
    }
  })
})
