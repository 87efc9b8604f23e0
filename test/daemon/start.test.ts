import { spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { daemonStatus, groupMembers, startDaemon, stopDaemon } from 'setsid'
import { describe, expect, test } from 'vitest'
import { prepareDaemon, sess, type Way } from '../helpers/daemon.ts'
import { marked } from '../helpers/leftovers.ts'
import { otherNodes } from '../helpers/nodes.ts'
import {
  hasNobody,
  isLive,
  isRoot,
  node,
  ps,
  track,
  unprivileged,
  until,
} from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'
import { childrenOf } from '../helpers/table.ts'

const sh = (script: string, options: Parameters<typeof startDaemon>[2]) =>
  startDaemon('sh', ['-c', script], options)

describe('startDaemon', () => {
  test('is ready by its descriptor, and then an orphan in its own session', async () => {
    const folder = openFolder()
    const began = performance.now()
    const daemon = await sh('sleep 0.3; echo >&3; exec 3>&-; exec sleep 100', {
      ready: { fd: 3 },
      pidFile: join(folder, 'pid'),
      stdout: join(folder, 'log'),
      umask: 0o27,
      cwd: folder,
    })
    expect(performance.now() - began).toBeGreaterThan(300)
    const { pid } = daemon
    track(pid)
    expect(ps(pid)).toMatchObject({ pid, ppid: 1, pgid: pid, sid: pid, tty: '?' })
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toContain('Umask:\t0027')
    // The three streams and the lock of the pidfile: nothing of the launcher.
    const open = readdirSync(`/proc/${pid}/fd`)
    expect(open).toEqual(expect.arrayContaining(['0', '1', '2', '10']))
    expect(open).toHaveLength(4)
    await stopDaemon(join(folder, 'pid'))
  })

  test('is ready by READY=1, from its own session only', async () => {
    const script = `
      import os, socket, time
      address = '\\0' + os.environ['NOTIFY_SOCKET'][1:]
      def tell(text): socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(text, address)
      parent = os.getpid()
      if os.fork() == 0:
          os.setsid()
          tell(b'READY=1')
          # Of a sender that was reaped the launcher knows the user alone.
          while os.getppid() == parent: time.sleep(0.05)
          os._exit(0)
      time.sleep(0.3)
      tell(b'STATUS=READY=1 soon')
      tell(b'MAINPID=1\\nREADY=1\\n')
      time.sleep(100)`.replaceAll('\n      ', '\n')
    const began = performance.now()
    const { pid } = await startDaemon('python3', ['-c', script], { ready: { notify: true } })
    track(pid)
    expect(performance.now() - began).toBeGreaterThan(300)
  })

  test('is ready by daemonize() in a program of ours', async () => {
    const options = { waitForReady: true }
    const { command, pid, entry } = prepareDaemon('restart', { then: 'ready', options })
    const [file, ...args] = command
    const daemon = await startDaemon(file, args, { ready: { upFor: 20_000 } })
    expect(daemon.pid).toBe(await pid())
    expect((await entry('daemon')).daemon.strategy).toBe('launcher')
  })

  interface Failure {
    script: string
    expected: object
    ready?: object
  }
  const failures: Record<string, Failure> = {
    'exits with 3 and says why': {
      script: 'echo bad port >&2; exit 3',
      expected: { code: 'ERR_DAEMON_FAILED', reason: 'exit', exitCode: 3, stderr: 'bad port' },
    },
    'exits with 0 before it is ready': {
      script: 'exec 3>&-; exit 0',
      ready: { fd: 3 },
      expected: { reason: 'exit', exitCode: 0 },
    },
    'says ready and has ended before that is heard': {
      script: 'kill -STOP $PPID; (sleep 0.2; kill -CONT $PPID) & echo >&3; exit 3',
      ready: { fd: 3 },
      expected: { reason: 'exit', exitCode: 3 },
    },
    'is killed': { script: 'kill -9 $$', expected: { reason: 'signal', signal: 'SIGKILL' } },
    'closes its descriptor and is never ready': {
      script: 'exec 3>&-; sleep 100',
      ready: { fd: 3 },
      expected: { reason: 'timeout' },
    },
    'says that it is ready, and has ended when the launcher reads that': {
      script: `l=$PPID
        (until grep -q '^State:.Z' /proc/$$/status; do sleep 0.01; done; kill -CONT $l) &
        kill -STOP $l; echo >&3; exit 3`,
      ready: { fd: 3 },
      expected: { reason: 'exit', exitCode: 3 },
    },
    'is never ready, deaf, with deaf children': {
      script: "trap '' TERM; sleep 100 & sleep 100",
      ready: { notify: true },
      expected: { reason: 'timeout' },
    },
  }
  test.for(Object.keys(failures))('one that %s: an error, and nothing is left', async (name) => {
    const {
      script,
      expected,
      ready = { upFor: 5000 },
    } = failures[name] ?? { script: '', expected: {} }
    const folder = openFolder()
    writeFileSync(join(folder, 'log'), 'old lines\n')
    const pidFile = join(folder, 'pid')
    const started = sh(`echo $$ > ${folder}/started; ${script}`, {
      ready: ready as { fd: number },
      readyTimeout: 300,
      grace: 200,
      pidFile,
      stderr: join(folder, 'log'),
    })
    await expect(started).rejects.toMatchObject(expected)
    const group = Number(readFileSync(join(folder, 'started'), 'utf8'))
    expect(groupMembers(group).filter(isLive)).toEqual([])
    expect(existsSync(pidFile)).toBe(false)
  })

  test('a missing program: ENOENT as spawn() reports it', async () => {
    await expect(startDaemon('no-such-program', ['x'])).rejects.toMatchObject({
      code: 'ENOENT',
      syscall: 'spawn no-such-program',
      path: 'no-such-program',
      spawnargs: ['x'],
    })
  })

  test('a missing folder to work in is named, and not the launcher', async () => {
    const started = startDaemon('sleep', ['1'], { cwd: '/no/such/folder' })
    await expect(started).rejects.toMatchObject({
      message: 'ENOENT: no such file or directory, chdir /no/such/folder',
    })
  })

  test('signal: an AbortError, and nothing is left', async () => {
    const folder = openFolder()
    const abort = new AbortController()
    const started = sh(`echo $$ > ${folder}/started; sleep 100`, {
      signal: abort.signal,
      ready: { fd: 3 },
    })
    await until(() => existsSync(join(folder, 'started')))
    const began = performance.now()
    abort.abort()
    await expect(started).rejects.toMatchObject({ name: 'AbortError' })
    // At once, and not when the time to be ready is over.
    expect(performance.now() - began).toBeLessThan(10_000)
    expect(isLive(Number(readFileSync(join(folder, 'started'), 'utf8')))).toBe(false)
  })

  test('its caller is killed before ready: nothing is left', async () => {
    const folder = openFolder()
    const script = `
      import { startDaemon } from 'setsid'
      startDaemon('sh', ['-c', 'echo $$ > ${folder}/started; exec sleep 100'], { ready: { fd: 3 } })
      setInterval(() => 0, 1000)`
    const caller = spawn(node, ['--input-type=module', '-e', script], {
      cwd: import.meta.dirname,
      stdio: 'ignore',
    })
    await until(() => existsSync(join(folder, 'started')))
    await until(() => readFileSync(join(folder, 'started'), 'utf8') !== '')
    const pid = Number(readFileSync(join(folder, 'started'), 'utf8'))
    track(pid)
    caller.kill('SIGKILL')
    await until(() => !isLive(pid))
  })
})

/** Each starts a daemon with this pidfile and environment, and comes back when it is ready. */
const starts: Record<string, (options: { pidFile: string; env: NodeJS.ProcessEnv }) => unknown> = {
  startDaemon: (options) => startDaemon('sleep', ['100'], { ...options, ready: { upFor: 0 } }),
  'daemonize, launcher': (options) => runDaemon('launcher', options),
  'daemonize, restart': (options) => runDaemon('restart', options),
}

async function runDaemon(way: Way, { pidFile, env }: { pidFile: string; env: NodeJS.ProcessEnv }) {
  const [file, ...args] = prepareDaemon(way, { options: { pidFile } }).command
  const code: unknown = await new Promise((resolve) =>
    spawn(file, args, { env, stdio: 'ignore' }).once('exit', resolve),
  )
  expect(code).toBe(0)
}

describe('start and stop, again and again', () => {
  // A round of startDaemon() takes some 20 ms, one with a Node ten times as long.
  const given = process.env['SETSID_TEST_ROUNDS']
  const cases = Object.keys(starts).map((name) => {
    const rounds = Number(given ?? (name === 'startDaemon' ? 500 : 30))
    return { name, rounds }
  })
  test.each(cases)(
    '$name, $rounds times: no process, descriptor or pidfile is left',
    { timeout: 600_000 },
    async ({ name, rounds }) => {
      const pidFile = join(openFolder(), 'pid')
      const mark = randomUUID()
      const env = { ...process.env, SETSID_TEST_ROUND: mark }
      const open = () => readdirSync('/proc/self/fd').length
      const before = open()
      for (let round = 0; round < rounds; round++) {
        await starts[name]?.({ pidFile, env })
        const { identity } = await daemonStatus(pidFile)
        const pid = identity?.pid ?? 0
        track(pid)
        expect(await stopDaemon(pidFile)).toMatchObject({ outcome: 'gone', signalled: [pid] })
        expect(existsSync(pidFile)).toBe(false)
      }
      expect(marked(`SETSID_TEST_ROUND=${mark}`)).toEqual([])
      expect(open()).toBeLessThanOrEqual(before + 2)
      // Orphans are their reaper's to wait for. Ours would be zombies below us.
      expect(childrenOf(process.pid).filter((pid) => !isLive(pid))).toEqual([])
    },
  )
})

describe.skipIf(!isRoot)('privileges (need root)', () => {
  const field = (pid: number, name: string) =>
    new RegExp(`^${name}:\\s*(.*)$`, 'm')
      .exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
      ?.trim()
      .split(/\s+/)

  test('startDaemon: all four IDs and the supplementary groups are the user’s', async () => {
    const folder = openFolder()
    const options = { user: 'nobody', stdout: join(folder, 'log'), pidFile: join(folder, 'pid') }
    const { pid } = await startDaemon('sleep', ['100'], { ...options, ready: { upFor: 0 } })
    track(pid)
    const [uid, gid, groups] = ['-u', '-g', '-G'].map((flag) =>
      spawnSync('id', [flag, 'nobody']).stdout.toString().trim(),
    )
    expect(field(pid, 'Uid')).toEqual([uid, uid, uid, uid])
    expect(field(pid, 'Gid')).toEqual([gid, gid, gid, gid])
    expect(field(pid, 'Groups')).toEqual(groups?.split(' '))
    expect(field(pid, 'CapEff')).toEqual(['0000000000000000'])
    expect(String(statSync(options.stdout).uid)).toBe(uid)
    expect(statSync(options.pidFile).uid).toBe(0)
    await stopDaemon(options.pidFile)
  })

  test('daemonize: the same in every thread, setuid(0) fails, the log is the user’s', async () => {
    const folder = openFolder()
    const options = { user: 'nobody', stdout: join(folder, 'log'), pidFile: join(folder, 'pid') }
    for (const waitForReady of [false, true]) {
      const then = waitForReady ? 'ready' : 'serve'
      const { command, pid, entry } = prepareDaemon('launcher', {
        then,
        tryRoot: true,
        options: { ...options, waitForReady },
      })
      const [file, ...args] = command
      expect(spawnSync(file, args, { stdio: 'ignore' }).status).toBe(0)
      const daemon = await pid()
      expect((await entry('root')).root).toBe('EPERM')
      for (const thread of readdirSync(`/proc/${daemon}/task`)) {
        expect(field(Number(thread), 'Uid')).toEqual(Array(4).fill('65534'))
        expect(field(Number(thread), 'Groups')).toEqual(['65534'])
      }
      expect(statSync(options.stdout).uid).toBe(65534)
      expect(statSync(options.pidFile).uid).toBe(0)
      expect((await stopDaemon(options.pidFile)).outcome).toBe('gone')
      expect(existsSync(options.pidFile)).toBe(false)
    }
  })

  test.for(['user', 'group'])(
    'an unknown %s is refused by name, and nothing has changed',
    async (kind) => {
      const started = startDaemon('sleep', ['1'], { [kind]: 'no-such-name' })
      await expect(started).rejects.toMatchObject({
        code: 'ERR_UNKNOWN_CREDENTIAL',
        message: expect.stringMatching(
          new RegExp(`^${kind} identifier does not exist: no-such-name$`, 'i'),
        ),
      })
    },
  )

  interface Log {
    make: (path: string) => unknown
    /** Who it belongs to when the daemon writes to it; none for a start that is refused. */
    owner?: number
  }
  const logs: Record<string, Log> = {
    'a file in a folder that is root’s': { make: (path) => writeFileSync(path, ''), owner: 65534 },
    'a device': { make: (path) => spawnSync('mknod', [path, 'c', '1', '3']), owner: 0 },
    'a file that has another name': {
      make: (path) => {
        writeFileSync(`${path}-other`, '')
        linkSync(`${path}-other`, path)
      },
      owner: 0,
    },
    'a link to a file of root': {
      make: (path) => {
        writeFileSync(`${path}-other`, '')
        symlinkSync(`${path}-other`, path)
      },
    },
  }
  test.for(Object.keys(logs))(
    'the log is %s: not given away unless it is the log alone',
    async (name) => {
      const { make, owner } = logs[name] ?? { make: () => undefined }
      const folder = openFolder()
      const closed = join(folder, 'closed')
      mkdirSync(closed, { mode: 0o700 })
      const log = join(closed, 'log')
      make(log)
      const options = { user: 'nobody', stdout: log, stderr: log, ready: { upFor: 0 } }
      const starting = startDaemon('sleep', ['100'], options)
      if (owner !== undefined) track((await starting).pid)
      else await expect(starting).rejects.toMatchObject({ code: 'ELOOP', reason: 'linked-log' })
      for (const waitForReady of [false, true]) {
        const { command, pid } = prepareDaemon('launcher', {
          then: waitForReady ? 'ready' : 'serve',
          options: { user: 'nobody', stdout: log, stderr: log, waitForReady },
        })
        const [file, ...args] = command
        const { status } = spawnSync(file, args, { stdio: 'ignore' })
        expect(status).toBe(owner === undefined ? 1 : 0)
        const daemon = await pid()
        if (status === 0) expect(readlinkSync(`/proc/${daemon}/fd/1`)).toBe(log)
      }
      expect(statSync(log).uid).toBe(owner ?? 0)
    },
  )

  test.skipIf(!hasNobody)('an unprivileged caller gets EPERM', () => {
    const args = [sess, 'start', '--pid-file', join(openFolder(), 'pid'), '--user', 'root']
    const { status, stderr } = spawnSync(node, [...args, '--', 'sleep', '1'], unprivileged)
    expect([status, stderr.toString()]).toEqual([
      4,
      expect.stringContaining('operation not permitted'),
    ])
  })
})

describe('restart', async () => {
  const source = (esm: boolean) => `
    ${esm ? "import { daemonize } from 'setsid'\nimport fs from 'node:fs'" : "const { daemonize } = require('setsid'), fs = require('node:fs')"}
    const tell = (o) => fs.appendFileSync(process.argv[2], JSON.stringify(o) + '\\n')
    const me = () => ({ argv: process.argv, execArgv: process.execArgv, cwd: process.cwd(), given: process.env.GIVEN, loaded: globalThis.loaded, pid: process.pid })
    tell(me())
    daemonize().then((daemon) => tell({ ...me(), strategy: daemon.strategy }))
    setInterval(() => undefined, 1000)`
  const kinds: Record<string, [name: string, flags: string[], program?: string]> = {
    'an ES module': ['program.mjs', ['--max-old-space-size=200', '--import', './loaded.mjs']],
    CommonJS: ['program.cjs', ['--require', './loaded.cjs']],
    'TypeScript by --import tsx': ['program.mts', ['--import', 'tsx', '--import', './loaded.mjs']],
  }
  for (const { version, path } of await otherNodes()) {
    const stripped = `TypeScript by Node ${version} itself`
    kinds[stripped] = ['program.mts', ['--import', './loaded.mjs'], path]
  }
  test.for(Object.keys(kinds))(
    '%s: arguments, flags, loaders, environment and folder stay',
    async (kind) => {
      const [name, flags, program = node] = kinds[kind] ?? ['', []]
      const folder = openFolder()
      const file = join(folder, 'told')
      // Where the package is found by its name.
      const place = join(import.meta.dirname, '../fixtures')
      const text = source(!name.endsWith('.cjs'))
      const path = join(place, `restart-${process.pid}-${name}`)
      writeFileSync(
        path,
        name.endsWith('.mts') ? `const typed: number = 1\n${text}\nvoid typed` : text,
      )
      writeFileSync(join(folder, 'loaded.mjs'), 'globalThis.loaded = true')
      writeFileSync(join(folder, 'loaded.cjs'), 'globalThis.loaded = true')
      try {
        const tsx = flags.map((flag) => (flag === 'tsx' ? import.meta.resolve('tsx') : flag))
        const { status } = spawnSync(program, [...tsx, path, file, 'a b', '', '--x'], {
          cwd: folder,
          env: { ...process.env, GIVEN: 'given' },
          stdio: 'ignore',
        })
        expect(status).toBe(0)
        const lines = () =>
          readFileSync(file, 'utf8')
            .split('\n')
            .filter(Boolean)
            .map((line) => JSON.parse(line))
        await until(() => lines().length === 3)
        const [first, second, third] = lines()
        track(third.pid)
        const { pid: before, ...same } = first
        expect(same).toMatchObject({ given: 'given', loaded: true, cwd: folder, execArgv: tsx })
        expect(second).toEqual({ ...same, pid: third.pid })
        expect(third).toEqual({ ...second, strategy: 'restart' })
        expect(before).not.toBe(third.pid)
      } finally {
        spawnSync('rm', [path])
      }
    },
  )
})
