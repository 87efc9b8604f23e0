import { execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { daemonStatus, identify, startDaemon, stopDaemon } from 'setsid'
import { describe, expect, test } from 'vitest'
import { type Prepared, prepareDaemon, sess } from '../helpers/daemon.ts'
import {
  hasNobody,
  isLive,
  isRoot,
  node,
  type Running,
  start,
  track,
  unprivileged,
  until,
} from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'
import { withArgument } from '../helpers/table.ts'

const up = { ready: { upFor: 1 } }

/** A process that must not be signalled, and a pidfile that names it, right or wrong. */
function bystander(
  change: (identity: object) => object,
  path = join(openFolder(), 'pid'),
): { pid: number; path: string } {
  const { pid } = start('sleep', ['100'])
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

  const others: Record<string, (pid: number) => string> = {
    'a pid alone': (pid) => `${pid}`,
    'a pid and a line of another form': (pid) => `${pid}\n/var/lib/db\n`,
    'a pid with spaces': (pid) => `  ${pid} \n{}\n`,
  }
  test.for(Object.keys(others))(
    '%s, which lives: unknown, not started over, not signalled, not removed',
    async (name) => {
      const path = join(openFolder(), 'pid')
      const { pid } = start('sleep', ['100'])
      const text = others[name]?.(pid) ?? ''
      writeFileSync(path, text)
      const unknown = { reason: 'other-program', pids: [pid] }
      const status = { state: 'unknown', identity: null, locked: false, ...unknown }
      expect(await daemonStatus(path)).toEqual(status)
      await expect(stopDaemon(path)).rejects.toMatchObject({ code: 'EBUSY', ...unknown })
      await expect(begin(path)).rejects.toMatchObject({ code: 'EAGAIN', ...unknown })
      expect(spawnSync(node, [sess, 'status', '--pid-file', path]).status).toBe(4)
      expect(spawnSync(node, [sess, 'stop', '--pid-file', path]).status).toBe(1)
      expect([readFileSync(path, 'utf8'), isLive(pid)]).toEqual([text, true])
      expect(readdirSync(dirname(path))).toEqual(['pid'])
      process.kill(pid, 'SIGKILL')
      await until(() => !isLive(pid))
      // It is a zombie at first, and then gone.
      expect((await daemonStatus(path)).state).toBe('stale')
      await begin(path)
      expect((await stopDaemon(path)).outcome).toBe('gone')
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

const list = (folder: string) =>
  execFileSync('ls', ['-lA', '--time-style=full-iso', folder]).toString()

const refused: Record<string, [make: (path: string) => unknown, code: string]> = {
  'a symbolic link': [(path) => symlinkSync('/etc/hostname', path), 'ELOOP'],
  'a dangling symbolic link': [(path) => symlinkSync('nowhere', path), 'ELOOP'],
  'a folder': [(path) => mkdirSync(path), 'EISDIR'],
  'a FIFO': [(path) => execFileSync('mkfifo', [path]), 'EINVAL'],
  'text of another kind': [(path) => writeFileSync(path, 'root:x:0:0\n'), 'EINVAL'],
  'zeros, and more of them than any pidfile has': [
    (path) => writeFileSync(path, Buffer.alloc(5000)),
    'EINVAL',
  ],
}

describe('a path that is no pidfile', () => {
  test.for(Object.keys(refused))('%s: a start is refused and leaves it as it was', async (name) => {
    const [make, code] = refused[name] ?? []
    const folder = openFolder()
    const path = join(folder, 'pid')
    make?.(path)
    const before = list(folder)
    await expect(startDaemon('sleep', ['1'], { pidFile: path, ...up })).rejects.toMatchObject({
      code,
    })
    expect(list(folder)).toBe(before)
  })

  test('text of another kind is unknown, and is not removed by a stop', async () => {
    const path = join(openFolder(), 'pid')
    writeFileSync(path, 'precious\n')
    expect(await daemonStatus(path)).toMatchObject({ state: 'unknown', reason: 'not-a-pidfile' })
    await expect(stopDaemon(path)).rejects.toMatchObject({ code: 'EINVAL' })
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
    'start in place of a file of another user: exit code 4 (needs root)',
    () => {
      const folder = openFolder()
      const path = join(folder, 'pid')
      writeFileSync(path, '', { mode: 0o444 })
      chmodSync(path, 0o444)
      const args = [sess, 'start', '--pid-file', path, '--', 'sleep', '1']
      const { status, stderr } = spawnSync(node, args, unprivileged)
      expect([status, stderr.toString()]).toEqual([4, `sess: ${path} belongs to user 0\n`])
    },
  )

  test.skipIf(!hasNobody)('a file that we may not read: EACCES (needs root)', () => {
    const path = join(openFolder(), 'pid')
    writeFileSync(path, '1\n', { mode: 0o600 })
    const script = `import { daemonStatus } from 'setsid'
      const { code, syscall, path } = await daemonStatus('${path}').catch((error) => error)
      console.log(code, syscall, path)`
    const cwd = join(import.meta.dirname, '../..')
    const args = ['--input-type=module', '-e', script]
    const { stdout, stderr } = spawnSync(node, args, { ...unprivileged, cwd, encoding: 'utf8' })
    expect([stdout, stderr]).toEqual([`EACCES open ${path}\n`, ''])
  })
})

/** A process that locks the file and stays. */
async function holdLock(path: string): Promise<Running> {
  writeFileSync(path, '')
  const script = `
    import fcntl, struct, sys
    f = open(sys.argv[1], 'r+')
    fcntl.fcntl(f, 37, struct.pack('hhqqi4x', 1, 0, 0, 0, 0))
    print('{}', flush=True)
    sys.stdin.read()`.replaceAll('\n    ', '\n')
  const holder = start('python3', ['-c', script, path])
  await holder.next()
  return holder
}

describe('the lock', () => {
  test('another program has locked the file itself: a start names the holder, a stop signals nobody', async () => {
    const path = join(openFolder(), 'pid')
    const holder = await holdLock(path)
    const unknown = { reason: 'held-by-another', pids: [holder.pid] }
    const status = { state: 'unknown', identity: null, locked: true, ...unknown }
    expect(await daemonStatus(path)).toEqual(status)
    await expect(begin(path)).rejects.toMatchObject({ code: 'EAGAIN', ...unknown })
    await expect(stopDaemon(path)).rejects.toMatchObject({ code: 'EBUSY', ...unknown })
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
      expect((await stopDaemon(path, { killSignal: 'SIGKILL' })).outcome).toBe('gone')
      expect(existsSync(path)).toBe(false)
    }
  }, 120_000)

  test.skipIf(!isRoot)('a full disk: ENOSPC, and no daemon is left (needs root)', async () => {
    const folder = openFolder()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', folder])
    try {
      spawnSync('sh', ['-c', `head -c 4096 /dev/zero > ${folder}/full`])
      const mark = `${100 + Math.random()}`
      const options = { pidFile: join(folder, 'pid'), ...up }
      const started = startDaemon('sleep', [mark], options)
      await expect(started).rejects.toMatchObject({ code: 'ENOSPC' })
      expect(withArgument(mark)).toEqual([])
      expect(existsSync(join(folder, 'pid'))).toBe(false)
    } finally {
      execFileSync('umount', [folder])
    }
  })
})

test('a stop ends the daemon, then the rest of its session', async () => {
  const path = join(openFolder(), 'pid')
  const told = join(path, '..', 'told')
  const script = 'sleep 100 & echo $! > "$0"; exec sleep 100'
  const options = { pidFile: path, ready: { upFor: 50 } }
  const { pid } = await startDaemon('sh', ['-c', script, told], options)
  track(pid)
  await until(() => existsSync(told) && readFileSync(told, 'utf8') !== '')
  const child = Number(readFileSync(told, 'utf8'))
  track(child)
  expect(await stopDaemon(path)).toMatchObject({ outcome: 'gone', signalled: [pid, child] })
  expect([isLive(child), existsSync(path)]).toEqual([false, false])
})

describe.for(['launcher', 'restart'] as const)('daemonize() by %s', (way) => {
  const prepare = (pidFile: string) => prepareDaemon(way, { options: { pidFile } })
  const run = ({ command: [file, ...args] }: Prepared) => {
    const stderr = join(openFolder(), 'stderr')
    const fd = openSync(stderr, 'w')
    const { status } = spawnSync(file, args, { stdio: ['ignore', 'ignore', fd] })
    closeSync(fd)
    return { status, stderr: readFileSync(stderr, 'utf8') }
  }

  const taken: Record<string, (path: string) => unknown> = {
    'no file': () => undefined,
    'an empty file': (path) => writeFileSync(path, ''),
    'the file of a daemon that was killed': async (path) => {
      const pid = await begin(path)
      process.kill(pid, 'SIGKILL')
      await until(() => !isLive(pid))
    },
    ...Object.fromEntries(
      Object.entries(victims).map(([name, change]) => [
        name,
        (path: string) => bystander(change, path).pid,
      ]),
    ),
  }
  test.for(Object.keys(taken))('takes %s', async (name) => {
    const path = join(openFolder(), 'pid')
    const other = await taken[name]?.(path)
    const daemon = prepare(path)
    expect(run(daemon)).toEqual({ status: 0, stderr: '' })
    const pid = await daemon.pid()
    expect(readFileSync(path, 'utf8').split('\n')[0]).toBe(String(pid))
    expect(await daemonStatus(path)).toMatchObject({ state: 'running', locked: true })
    expect(await stopDaemon(path)).toMatchObject({ outcome: 'gone', signalled: [pid] })
    expect(existsSync(path)).toBe(false)
    if (typeof other === 'number') expect(isLive(other)).toBe(true)
  })

  const left: typeof refused = {
    ...refused,
    'the file of a running daemon': [begin, 'EAGAIN'],
    'a file that somebody else holds': [holdLock, 'EAGAIN'],
  }
  test.for(Object.keys(left))('refuses %s and leaves it as it was', async (name) => {
    const [make, code = ''] = left[name] ?? []
    const folder = openFolder()
    const path = join(folder, 'pid')
    await make?.(path)
    const before = list(folder)
    const daemon = prepare(path)
    const { status, stderr } = run(daemon)
    expect([status, stderr]).toEqual([1, expect.stringContaining(`Error: ${code}: `)])
    expect(list(folder)).toBe(before)
    expect(isLive(await daemon.pid())).toBe(false)
  })

  test('refuses one and has changed nothing: session, folder, umask and streams', async () => {
    const folder = openFolder()
    const path = join(folder, 'pid')
    const other = await begin(path)
    const places = { cwd: '/', umask: 0o27, stdout: join(folder, 'log') }
    const options = { ...places, pidFile: join(folder, 'second') }
    const daemon = prepareDaemon(way, { options, failing: { pidFile: path } })
    expect(run(daemon)).toEqual({ status: 0, stderr: '' })
    const pid = await daemon.pid()
    const { failed, before, since } = await daemon.entry('failed')
    expect([failed, since]).toEqual(['EAGAIN', before])
    // The next call does change them.
    expect(readlinkSync(`/proc/${pid}/cwd`)).toBe('/')
    expect(before[2]).not.toBe(String(pid))
    expect((await stopDaemon(options.pidFile)).signalled).toEqual([pid])
    expect(isLive(other)).toBe(true)
  })

  test('two at once, ten times: exactly one is the daemon', async () => {
    const path = join(openFolder(), 'pid')
    for (let round = 0; round < 10; round++) {
      const both = [prepare(path), prepare(path)]
      const codes = await Promise.all(
        both.map(
          ({ command: [file, ...args] }) =>
            new Promise((resolve) => spawn(file, args, { stdio: 'ignore' }).once('exit', resolve)),
        ),
      )
      expect(codes.sort(), `round ${round}`).toEqual([0, 1])
      const pids = await Promise.all(both.map((daemon) => daemon.pid()))
      const { identity } = await daemonStatus(path)
      expect(pids.filter(isLive)).toEqual([identity?.pid])
      expect((await stopDaemon(path)).outcome).toBe('gone')
    }
  })
})
