import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { isLive, node, startFixture, track, unprivileged, until } from '../helpers/process.ts'
import { childRows, withArgument } from '../helpers/table.ts'

const launcher = fileURLToPath(new URL('../../build/Release/launcher', import.meta.url))

const watchersOf = (pid: number): number[] =>
  childRows(pid)
    .filter(({ comm }) => comm === 'launcher')
    .map((row) => row.pid)

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test.each([
  ['SIGKILL', {}],
  ['SIGTERM', {}],
  ['SIGKILL', unprivileged],
])('main thread, %s: the child is gone within a second of kill -9', async (signal, options) => {
  const parent = startFixture('parent-death.mjs', ['main', signal], options)
  const { pids } = await parent.next()
  track(...pids)
  await pause(200)
  expect(pids.every(isLive)).toBe(true)
  process.kill(parent.pid, 'SIGKILL')
  await until(() => !pids.some(isLive), 1000)
})

test.each([
  ['SIGKILL', {}],
  ['SIGTERM', {}],
  ['SIGKILL', unprivileged],
])('worker, %s: the children outlive it, and not the process', async (signal, options) => {
  const parent = startFixture('parent-death.mjs', ['worker', signal], options)
  const { pids } = await parent.next()
  track(...pids)
  expect(pids).toHaveLength(4)
  await pause(1000)
  expect(pids.every(isLive)).toBe(true)
  // One watcher serves both workers.
  expect(
    childRows(parent.pid)
      .map(({ comm }) => comm)
      .sort(),
  ).toEqual(['launcher', 'sleep', 'sleep', 'sleep', 'sleep'])
  process.kill(parent.pid, 'SIGKILL')
  await until(() => !pids.some(isLive), 1000)
})

test('worker: SIGTERM to a whole process group leaves the watcher to do its work', async () => {
  const parent = startFixture('parent-death.mjs', ['worker', 'SIGKILL'], { detached: true })
  const { pids } = await parent.next()
  track(...pids)
  process.kill(-parent.pid, 'SIGTERM')
  await until(() => !pids.some(isLive), 1000)
})

test('worker: a watcher that was killed is replaced, for several workers at once too', async () => {
  const parent = startFixture('parent-death.mjs', ['worker', 'SIGKILL'])
  const { pids: first } = await parent.next()
  track(...first)
  for (const watcher of watchersOf(parent.pid)) {
    process.kill(watcher, 'SIGKILL')
    await until(() => !isLive(watcher))
  }
  parent.tell('more')
  const { pids } = await parent.next()
  track(...pids)
  expect(pids.every(isLive)).toBe(true)
  expect(pids).toHaveLength(4)
  process.kill(parent.pid, 'SIGKILL')
  await until(() => !pids.some(isLive), 1000)
})

test('worker: a watcher that takes no more is a clear error, and nothing is started', () => {
  // The addon itself gives the process a socket whose other end is there and shut.
  const shut = 'import socket; socket.socket(fileno=3).shutdown(socket.SHUT_RD)'
  const inWorker = `const { spawn } = require('setsid')
    spawn('echo', ['started'], { parentDeathSignal: 'SIGTERM', stdio: 'inherit' })
      .on('error', ({ message, ...fields }) => console.log(JSON.stringify({ message, ...fields })))`
  const script = `const { spawnSync } = require('node:child_process')
    const native = require('./build/Release/setsid.node')
    native.defineOthers(native)
    const [ours, theirs] = native.socketPair()
    spawnSync('python3', ['-c', ${JSON.stringify(shut)}], { stdio: ['ignore', 1, 2, theirs] })
    native.setWatcherSocket(ours)
    new (require('node:worker_threads').Worker)(${JSON.stringify(inWorker)}, { eval: true })`
  const error = JSON.parse(execFileSync(node, ['-e', script]).toString())
  expect(error).toMatchObject({ code: 'EPIPE', syscall: 'prctl', reason: 'no-watcher' })
  expect(error).toMatchObject({ path: 'echo', spawnargs: ['started'] })
  expect(error.message).toContain('the process that watches the children of workers has ended')
})

test('worker: the watcher lets go of children that have ended, and is small', async () => {
  const parent = startFixture('parent-death.mjs', ['worker', 'SIGKILL'])
  const { pids } = await parent.next()
  track(...pids)
  const [watcher = 0] = watchersOf(parent.pid)
  const fds = () =>
    execFileSync('ls', [`/proc/${watcher}/fd`])
      .toString()
      .trim()
      .split('\n').length
  const before = fds()
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  await until(() => fds() === before - 4)
  const memory = /VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${watcher}/status`, 'latin1'))?.[1]
  // By glibc it takes some 700 kB.
  expect(Number(memory)).toBeLessThan(statSync(launcher).size > 200_000 ? 1000 : 200)
})

test('a parent that ended between fork and exec: the program is never started', async () => {
  // Its parent is not the one that the launcher was told of.
  const child = spawn(launcher, [
    'exec',
    `death=9,${process.pid + 1}`,
    '--',
    'echo',
    'echo',
    'started',
  ])
  let out = ''
  child.stdout.on('data', (text: Buffer) => (out += text.toString()))
  const [code, signal] = await once(child, 'close')
  expect([out, code, signal]).toEqual(['', null, 'SIGKILL'])
})

test('a parent killed at any moment while it spawns leaves no child', async () => {
  const marker = `6${process.pid}`
  const left = () => withArgument(marker)
  for (const where of ['main', 'worker']) {
    await Promise.all(
      Array.from({ length: 6 }, async (_, i) => {
        const parent = startFixture('spawn-forever.mjs', [where, marker])
        await parent.next()
        await pause(i * 7)
        process.kill(parent.pid, 'SIGKILL')
        await parent.ended
      }),
    )
    await until(() => left().length === 0, 2000)
  }
})
