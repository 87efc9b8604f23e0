import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { identify, waitForExit } from '../../lib/index.ts'
import { compile } from '../helpers/compile.ts'
import {
  gonePid,
  isLive,
  isRoot,
  start,
  startFixture,
  track,
  unprivileged,
} from '../helpers/process.ts'

describe('waitForExit', () => {
  test('it wakes within 20 ms of the exit of a process that is no child', async () => {
    const times: number[] = await startFixture('wait.mjs', ['latency']).next()
    expect(times.length).toBe(10)
    // Single ones may be late on a machine that is busy with others.
    expect(times.sort((a, b) => a - b)[4]).toBeLessThan(20)
  })

  test('1,000 waits take one thread, which sleeps until somebody exits', async () => {
    const running = startFixture('wait.mjs', ['many'])
    const { pids } = await running.next()
    track(...pids)
    running.tell('go')
    const { added, asleep, still, fds, threads } = await running.next()
    expect(added).toBe(1)
    expect(still).toEqual(asleep)
    expect({ fds, threads }).toEqual({ fds: [], threads: 0 })
    expect(await running.ended).toBe(0)
  })

  test('abort and timeout end a wait, and leave no descriptor and no thread', async () => {
    const running = startFixture('wait.mjs', ['ended'])
    track(...(await running.next()).pids)
    const timeout = { name: 'Error', code: 'ETIMEDOUT' }
    expect(await running.next()).toEqual({
      aborted: { name: 'AbortError', code: 'ABORT_ERR', cause: 'enough' },
      early: { name: 'AbortError', code: 'ABORT_ERR', cause: 'early' },
      timeout,
      at: timeout,
      other: timeout,
      long: 'exit',
      fds: [],
      threads: 0,
    })
  })

  test('workers wait, and may end while they do', async () => {
    const running = startFixture('wait.mjs', ['worker'])
    track(...(await running.next()).pids)
    expect(await running.next()).toEqual({ left: { fds: [], threads: 0 }, code: 0 })
    expect(await running.ended).toBe(0)
  })

  test('process.exit() does not wait', async () => {
    const sleeper = start('sleep', ['60'])
    expect(await startFixture('wait.mjs', ['process-exit', String(sleeper.pid)]).ended).toBe(7)
  })

  test('a wait keeps the event loop alive, for a process of another user too', async () => {
    const sleeper = start('sleep', ['60'])
    const running = startFixture('wait.mjs', ['keeps-alive', String(sleeper.pid)], unprivileged)
    expect(await running.next()).toBe('waiting')
    sleeper.child.kill('SIGKILL')
    expect(await running.next()).toBe('exit')
    expect(await running.ended).toBe(0)
  })

  test('what is gone has ended; so has a zombie', async () => {
    await waitForExit(gonePid)
    // The shell becomes sleep, which never waits for its child.
    const parent = spawn('sh', ['-c', 'sh -c "exit" & echo $!; exec sleep 60'])
    track(parent.pid ?? 0)
    const [line] = await once(parent.stdout, 'data')
    await waitForExit(Number(line), { timeout: 5000 })
  })

  test('what ended in time has ended, though the event loop was busy past the limit', async () => {
    const { pid, child } = start('sleep', ['60'])
    const limit = Date.now() + 50
    const wait = waitForExit(pid, { timeout: 20 })
    child.kill('SIGKILL')
    while (isLive(pid) || Date.now() < limit) continue
    await wait
    await waitForExit(pid, { timeout: 0 })
  })

  test('the identity of another process with that pid has ended', async () => {
    const identity = identify(process.ppid)
    await waitForExit({ ...identity, startTicks: identity.startTicks - 1 })
    await expect(waitForExit(identity, { timeout: 1 })).rejects.toMatchObject({
      code: 'ETIMEDOUT',
      errno: -110,
      syscall: 'waitForExit',
      reason: 'still-running',
      pid: process.ppid,
      message: expect.stringContaining(`process ${process.ppid} is still there after 1 ms`),
    })
  })

  test.for(['ENOSYS', 'EPERM'])(
    'pidfd_open refused with %s: it looks from time to time',
    (error) => {
      const script = `
      const { spawn } = require('child_process')
      const { waitForExit, identify } = require('setsid')
      const pids = [0.3, 60].map((time) => spawn('sleep', [String(time)]).pid)
      const began = process.cpuUsage()
      Promise.allSettled([
        waitForExit(pids[0]), waitForExit(identify(pids[0])), waitForExit(${gonePid}), waitForExit(pids[1], { timeout: 600 }),
      ]).then((results) => {
        const { user, system } = process.cpuUsage(began)
        process.kill(pids[1])
        console.log(JSON.stringify([results.map(({ reason }) => reason?.code ?? 'ended'), user + system < 3e5]))
      })`
      const args = [`pidfd_open=${error}`, '--', process.execPath, '-e', script]
      const { stdout } = spawnSync(compile('deny'), args, { cwd: import.meta.dirname })
      expect(JSON.parse(stdout.toString())).toEqual([
        ['ended', 'ended', 'ended', 'ETIMEDOUT'],
        true,
      ])
    },
  )

  test('the ID of a thread is that of no process: ESRCH', async () => {
    const thread = readdirSync('/proc/self/task')
      .map(Number)
      .find((id) => id !== process.pid)
    await expect(waitForExit(thread ?? 0)).rejects.toMatchObject({
      code: 'ESRCH',
      reason: 'thread',
    })
  })

  test.each<[target: unknown, options: unknown]>([
    [0, undefined],
    [-1, undefined],
    ['1', undefined],
    [2 ** 32 + 1, undefined],
    [null, undefined],
    [{ pid: 0, startTicks: 1, bootId: 'x' }, undefined],
    [1, { timeout: -1 }],
    [1, { timeout: 2 ** 31 }],
    [1, { timeout: NaN }],
    [1, { timeout: '5' }],
    [1, { signal: {} }],
    [1, 5],
  ])('%o with %o is refused', async (target, options) => {
    await expect(waitForExit(target as never, options as never)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/),
    })
  })

  test.runIf(isRoot)('no descriptor left: EMFILE (needs root)', async () => {
    const running = startFixture('inspect.mjs', ['no-descriptor', 'waitForExit'])
    expect(await running.next()).toMatchObject({
      error: { code: 'EMFILE', syscall: 'waitForExit' },
    })
  })
})
