import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { daemonStatus, startDaemon } from 'setsid'
import { describe, expect, test } from 'vitest'
import { compile } from '../helpers/compile.ts'
import { prepareDaemon } from '../helpers/daemon.ts'
import { marked } from '../helpers/leftovers.ts'
import {
  hasNobody,
  isLive,
  isRoot,
  node,
  type PsRow,
  runFixture,
  startFixture,
  track,
  unprivileged,
  until,
} from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'
import { childrenOf, childRows } from '../helpers/table.ts'

// What goes wrong around a start, one fault a test.

/** Two that have left: by setsid, and by a double fork with a session of its own. */
const leave = `setsid sleep 100 & python3 -c "
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(100)
    os._exit(0)
os.wait()"; `

describe('a daemon that is ready and dies before Node has heard of it', () => {
  const startAndEnd = async () => {
    const folder = openFolder()
    const [told, pidFile, gate] = ['told', 'pid', 'gate'].map((name) => join(folder, name))
    const script = `echo $$ > ${told}; exec sleep 1`
    const options = { ready: { upFor: 0 }, pidFile }
    const config = { file: 'sh', args: ['-c', script], options, gate, named: true }
    const starter = startFixture('starter.mjs', [JSON.stringify(config)])
    await until(() => existsSync(told ?? '') && readFileSync(told ?? '', 'utf8') !== '')
    const pid = Number(readFileSync(told ?? '', 'utf8'))
    await until(() => !existsSync(`/proc/${pid}`))
    return { pid, starter, pidFile: pidFile ?? '', open: () => writeFileSync(gate ?? '', '') }
  }

  test('is named by its start, and nobody looks its number up', async () => {
    const { pid, starter, open } = await startAndEnd()
    open()
    const { daemon, error } = await starter.next()
    expect(error).toBeUndefined()
    expect(daemon.identity).toMatchObject({ pid, startTicks: expect.any(Number) })
  })

  test.skipIf(!isRoot)(
    'whose number is another’s by then: the pidfile names the daemon, which is gone (needs root)',
    async () => {
      const { pid, starter, pidFile, open } = await startAndEnd()
      const stranger = spawn(compile('as-pid'), [String(pid), 'sleep', '100'], { stdio: 'ignore' })
      track(stranger.pid ?? 0, pid)
      await until(() => isLive(pid))
      open()
      const { daemon } = await starter.next()
      expect(daemon.pid).toBe(pid)
      expect((await daemonStatus(pidFile)).state).toBe('stale')
      expect(isLive(pid)).toBe(true)
    },
  )
})

describe('a daemon that Node has not named yet', () => {
  const below = (parent: number): PsRow[] =>
    childRows(parent).flatMap((child) => [child, ...below(child.pid)])
  /** Node has not read that it is there. */
  const startUnnamed = async () => {
    const folder = openFolder()
    const [told = '', pidFile = '', gate = ''] = ['told', 'pid', 'gate'].map((name) =>
      join(folder, name),
    )
    const args = ['-c', `touch ${told}; exec sleep 100`]
    const config = { file: 'sh', args, options: { ready: { upFor: 0 }, pidFile }, gate }
    const starter = startFixture('starter.mjs', [JSON.stringify(config)])
    // Guard, launcher and the program, which leads its session.
    await until(() => below(starter.pid).some(({ pid, sid }) => sid === pid))
    const all = below(starter.pid).map(({ pid }) => pid)
    expect(all).toHaveLength(3)
    return { told, pidFile, starter, all, open: () => writeFileSync(gate, '') }
  }

  test('has not begun, and ends where Node is killed', async () => {
    const { told, pidFile, starter, all } = await startUnnamed()
    process.kill(starter.pid, 'SIGKILL')
    await until(() => all.every((pid) => !isLive(pid)))
    expect(existsSync(told)).toBe(false)
    expect((await daemonStatus(pidFile)).state).toBe('stopped')
  })

  test('has not begun, and ends where the guard is stopped and killed: the start says so', async () => {
    const { told, pidFile, starter, all, open } = await startUnnamed()
    const [guard = 0] = all
    process.kill(guard, 'SIGSTOP')
    process.kill(guard, 'SIGKILL')
    await until(() => all.every((pid) => !isLive(pid)))
    open()
    expect((await starter.next()).error).toMatchObject({ code: 'ERR_DAEMON_FAILED', survivors: [] })
    expect(existsSync(told)).toBe(false)
    expect((await daemonStatus(pidFile)).state).toBe('stopped')
  })
})

describe('a start that fails', () => {
  test.for([
    ['it exits', `${leave} exit 3`, 'exit', 20_000],
    ['it is killed', `${leave} kill -9 $$`, 'signal', 20_000],
    ['it is never ready', `${leave} exec sleep 100`, 'timeout', 1000],
  ] as const)('%s: nothing is left, wherever in its session', async ([, script, reason, limit]) => {
    const mark = `SETSID_TEST_START=${randomUUID()}`
    const [name = '', value] = mark.split('=')
    const started = startDaemon('sh', ['-c', script], {
      env: { ...process.env, [name]: value },
      ready: { fd: 3 },
      readyTimeout: limit,
      grace: 200,
    })
    await expect(started).rejects.toMatchObject({ reason, survivors: [] })
    expect(marked(mark)).toEqual([])
  })

  test('what it has started goes on where it is ready', async () => {
    const mark = `SETSID_TEST_START=${randomUUID()}`
    const [name = '', value] = mark.split('=')
    const { pid } = await startDaemon('sh', ['-c', `${leave} echo >&3; exec sleep 100`], {
      env: { ...process.env, [name]: value },
      ready: { fd: 3 },
    })
    track(pid, ...marked(mark).map(Number))
    expect(marked(mark)).toHaveLength(3)
  })

  test.skipIf(!hasNobody)(
    'because it has become another user: it is named, within its time (needs root and nobody)',
    async () => {
      const folder = openFolder()
      const program = join(folder, 'becomes-root')
      writeFileSync(
        `${program}.c`,
        '#include <unistd.h>\n#include <signal.h>\nint main(void) { signal(SIGTERM, SIG_IGN); setgid(0); setuid(0); sleep(100); }',
      )
      execFileSync('cc', ['-o', program, `${program}.c`])
      chmodSync(program, 0o4755)
      const pidFile = join(folder, 'pid')
      const options = { ready: { fd: 3 }, readyTimeout: 300, grace: 200, pidFile }
      const { error, elapsed } = await runFixture(
        'starter.mjs',
        [JSON.stringify({ file: program, args: [], options })],
        unprivileged,
      )
      const [pid = 0] = error.survivors
      track(pid)
      expect(error).toMatchObject({
        code: 'ERR_DAEMON_FAILED',
        reason: 'timeout',
        survivors: [pid],
      })
      expect(error.message).toContain(`left, as we may not end it: ${pid}`)
      expect(elapsed).toBeLessThan(4000)
      expect(readFileSync(`/proc/${pid}/comm`, 'utf8')).toBe('becomes-root\n')
      // Who comes later finds it.
      expect(Number.parseInt(readFileSync(pidFile, 'utf8'))).toBe(pid)
    },
  )
})

describe('processes of a start that are killed', () => {
  const cases: Record<string, (ids: Record<'node' | 'guard' | 'launcher', number>) => number[]> = {
    'the guard': ({ guard }) => [guard],
    'the launcher': ({ launcher }) => [launcher],
    'guard and launcher': ({ guard, launcher }) => [guard, launcher],
    Node: ({ node }) => [node],
    'Node and the guard': ({ node, guard }) => [node, guard],
    'Node and the launcher': ({ node, launcher }) => [node, launcher],
  }
  test.for(Object.keys(cases))('%s: nothing of the daemon is left, nor of those', async (name) => {
    const folder = openFolder()
    const pidFile = join(folder, 'pid')
    const mark = `SETSID_TEST_START=${randomUUID()}`
    const script = `sleep 100 & ${leave} echo $$ > ${folder}/told; exec sleep 100`
    const options = { ready: { fd: 3 }, grace: 200, pidFile }
    const config = JSON.stringify({ file: 'sh', args: ['-c', script], options })
    const [key = '', value] = mark.split('=')
    const starter = startFixture('starter.mjs', [config], { env: { ...process.env, [key]: value } })
    await until(
      () => existsSync(join(folder, 'told')) && readFileSync(join(folder, 'told'), 'utf8') !== '',
    )
    await until(() => existsSync(pidFile))
    const [guard = 0] = childrenOf(starter.pid)
    const [launcher = 0] = childrenOf(guard)
    const ids = { node: starter.pid, guard, launcher }
    const killed = cases[name]?.(ids) ?? []
    for (const pid of killed) process.kill(pid, 'SIGKILL')
    if (!killed.includes(starter.pid)) {
      const { error } = await starter.next()
      expect(error).toMatchObject({ code: 'ERR_DAEMON_FAILED', reason: 'cancelled' })
      expect(existsSync(pidFile)).toBe(false)
    }
    // Node knows the session alone, which these two have left. Guard and launcher would have found them.
    const left = name === 'guard and launcher' ? 2 : 0
    await until(() => marked(mark).length <= left)
    for (const pid of marked(mark)) process.kill(Number(pid), 'SIGKILL')
    await starter.ended
    if (existsSync(pidFile)) expect((await daemonStatus(pidFile)).state).not.toBe('running')
  })
})

describe('ready', () => {
  test('READY=1 of a sender that has been reaped when it is read', async () => {
    const send = `import os, socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'READY=1', chr(0) + os.environ['NOTIFY_SOCKET'][1:])`
    const script = `l=$PPID; kill -STOP $l; (sleep 0.5; kill -CONT $l) & python3 -c "${send}"; exec sleep 100`
    const { pid } = await startDaemon('sh', ['-c', script], {
      ready: { notify: true },
      readyTimeout: 5000,
    })
    track(pid)
  })

  test.skipIf(!hasNobody)(
    'READY=1 of another user does not count (needs root and nobody)',
    async () => {
      const folder = openFolder()
      const told = join(folder, 'told')
      const starting = startDaemon('sh', ['-c', `echo $NOTIFY_SOCKET > ${told}; exec sleep 100`], {
        ready: { notify: true },
        readyTimeout: 1500,
        grace: 0,
      })
      const result = expect(starting).rejects.toMatchObject({ reason: 'timeout' })
      await until(() => existsSync(told) && readFileSync(told, 'utf8') !== '')
      const send = `import socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'READY=1', chr(0) + ${JSON.stringify(readFileSync(told, 'utf8').trim().slice(1))})`
      expect(spawnSync('python3', ['-c', send], unprivileged).status).toBe(0)
      await result
    },
  )

  test('within the time of the caller, whatever the program asks for', async () => {
    const { command, pid } = prepareDaemon('restart', {
      then: 'never',
      options: { waitForReady: true, readyTimeout: 60_000 },
    })
    const [file, ...args] = command
    const starting = startDaemon(file, args, {
      ready: { upFor: 60_000 },
      readyTimeout: 2500,
      grace: 200,
    })
    const began = performance.now()
    await expect(starting).rejects.toMatchObject({ reason: 'timeout' })
    expect(performance.now() - began).toBeLessThan(6000)
    expect(isLive(await pid())).toBe(false)
  })

  test('a script without #! is started', async () => {
    const script = join(openFolder(), 'script')
    writeFileSync(script, 'exec sleep 100\n', { mode: 0o755 })
    const { pid } = await startDaemon(script, [], { ready: { upFor: 0 } })
    track(pid)
  })

  test('nothing of the launcher is in the environment of the daemon', async () => {
    const { pid } = await startDaemon('sleep', ['100'], { ready: { upFor: 0 } })
    track(pid)
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toMatch(
      /SETSID_LAUNCHER|NOTIFY_SOCKET/,
    )
  })
})

describe('options', () => {
  test('one that is unknown, and an inherited one', async () => {
    await expect(startDaemon('true', [], { timeout: 1 } as object)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    })
    await expect(startDaemon('true', [], { ready: { pid: 1 } as never })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    })
    const inherited = Object.create({ cwd: '/no/such/folder' }) as object
    const { pid } = await startDaemon(
      'sleep',
      ['100'],
      Object.assign(inherited, { ready: { upFor: 0 } }),
    )
    track(pid)
  })
})

test('no descriptor is free, at any number of them: an error, and never one that nobody can catch', () => {
  const script = `
    import { closeSync, openSync } from 'node:fs'
    import { startDaemon } from ${JSON.stringify(import.meta.resolve('setsid'))}
    const codes = []
    for (let free = 0; free < 9; free++) {
      const held = []
      try { for (;;) held.push(openSync('/dev/null')) } catch {}
      for (const fd of held.splice(0, free)) closeSync(fd)
      codes.push(await startDaemon('/no/such').catch(({ code }) => code))
      for (const fd of held) closeSync(fd)
    }
    console.log(codes.join(' '))`
  const line = ['--nofile=64', node, '--input-type=module', '--eval', script]
  const { stdout, stderr } = spawnSync('prlimit', line, { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(stdout).toMatch(/^(EMFILE )+ENOENT( ENOENT)*\n$/)
})
