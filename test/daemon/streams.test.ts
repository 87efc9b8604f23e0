// What holds the command's pipes, and what becomes of the output in them.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Prepared, prepareDaemon, type Way, ways } from '../helpers/daemon.ts'
import {
  fixturePath,
  hasNobody,
  isLive,
  node,
  runFixture,
  track,
  unprivileged,
  until,
} from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'
import { type Shell, shells, stdioOf } from '../helpers/puppet.ts'
import { need } from '../helpers/tools.ts'

const all = Object.keys(ways) as Way[]
/** More than any pipe or socket takes at once. */
const LONG = 300_001

/** It writes before, between and after, to readers that go away. */
const talkative = {
  then: 'ready-now',
  print: { before: LONG, unready: LONG },
  options: { waitForReady: true },
}

/** A restarted program has written what comes before twice. */
const total = (way: Way) => (way === 'restart' ? 3 : 2) * LONG

async function expectAlive(daemon: Prepared, streams: string[]): Promise<void> {
  const { cpu } = await daemon.entry('later')
  const pid = await daemon.pid()
  expect(stdioOf(pid)).toEqual(streams)
  expect(isLive(pid)).toBe(true)
  // A descriptor that was left in libuv's epoll set would turn its loop for ever.
  await new Promise((resolve) => setTimeout(resolve, 300))
  const ticks = Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(' ')[13]) * 10_000
  expect(ticks - cpu).toBeLessThan(250_000)
}

const null3 = ['/dev/null', '/dev/null', '/dev/null']

/** What a command prints until its stdout is closed, which must be soon: a daemon that held it would fail, not hang, the test. */
async function output(file: string, args: string[], user: object = {}): Promise<string> {
  need(file)
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'ignore'], ...user })
  track(child.pid ?? 0)
  child.stdin.end()
  let text = ''
  let closed = false
  child.stdout.setEncoding('utf8').on('data', (data: string) => (text += data))
  child.on('close', () => (closed = true))
  await until(() => closed).finally(() => child.stdout.destroy())
  return text
}

describe.for(Object.keys(shells) as Shell[])('%s', (shell) => {
  test.for(all)('$(…), %s: it ends at ready with all output', async (way) => {
    const daemon = prepareDaemon(way, talkative)
    const line = `echo "$(${daemon.line} 2>&1)" | wc -c`
    expect(Number(await output(shell, ['-c', line]))).toBe(total(way))
    await expectAlive(daemon, null3)
  })

  test.for(all)('| cat, %s: a slow reader gets all output and ends', async (way) => {
    const daemon = prepareDaemon(way, talkative)
    const line = `${daemon.line} 2>&1 | sh -c 'sleep 0.2; cat' | wc -c`
    expect(Number(await output(shell, ['-c', line]))).toBe(total(way))
    await expectAlive(daemon, null3)
  })
})

/** The length of what execFileSync() gives. */
const script = `
  const [file, ...args] = process.argv.slice(1)
  const options = { stdio: 'pipe', maxBuffer: 2 ** 24 }
  console.log(require('node:child_process').execFileSync(file, args, options).length)`

describe('the default of daemonize()', () => {
  test.for(all)('execFileSync, %s: sockets are let go', async (way) => {
    const daemon = prepareDaemon(way, talkative)
    const length = await output(node, ['-e', script, '--', ...daemon.command])
    expect(Number(length)).toBe(total(way))
    await expectAlive(daemon, null3)
  })

  test.skipIf(!hasNobody).for(all)('for nobody, %s: the same (needs root)', async (way) => {
    const daemon = prepareDaemon(way, talkative)
    const args = ['-e', script, '--', ...daemon.command]
    expect(Number(await output(node, args, unprivileged))).toBe(total(way))
    await expectAlive(daemon, null3)
  })

  test.for(all)('without waitForReady, %s: the same', async (way) => {
    const daemon = prepareDaemon(way, { ...talkative, options: {}, print: { before: LONG } })
    const length = await output(node, ['-e', script, '--', ...daemon.command])
    expect(Number(length)).toBe(total(way) - LONG)
    await expectAlive(daemon, null3)
  })

  test.for(all)('%s: files are kept, with what is written after ready', async (way) => {
    const daemon = prepareDaemon(way, { ...talkative, print: { before: 10 } })
    const path = join(daemon.folder, 'out')
    const out = openSync(path, 'a')
    const [file, ...args] = daemon.command
    expect(spawnSync(file, args, { stdio: [out, out, out] }).status).toBe(0)
    closeSync(out)
    await expectAlive(daemon, [path, path, path])
    expect(readFileSync(path, 'utf8')).toMatch(/^(xxxxxxxxx\n)+(later\n){20}/)
  })

  test.for(all)('%s: keep keeps a pipe, null and logs wait for ready', async (way) => {
    const folder = openFolder()
    const log = join(folder, 'log')
    const options = { waitForReady: true, stdin: 'null', stdout: 'keep', stderr: log }
    const daemon = prepareDaemon(way, { then: 'ready-on-SIGUSR2', options }, folder)
    const [file, ...args] = daemon.command
    const child = spawn(file, args, { stdio: 'pipe' })
    await daemon.entry('daemon')
    const pid = await daemon.pid()
    expect(stdioOf(pid).join()).toMatch(/^(socket:\[\d+\],?){3}$/)
    const [, kept] = stdioOf(pid)
    process.kill(pid, 'SIGUSR2')
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(stdioOf(pid)).toEqual(['/dev/null', kept, log])
    child.stdout.destroy()
  })
})

describe('a reader that takes nothing', () => {
  test.for(['restart', 'launcher'] as const)('%s: daemonize() fails by ETIMEDOUT', async (way) => {
    const daemon = prepareDaemon(way, { print: { before: 2_000_000 } })
    const [file, ...args] = daemon.command
    const stderr = join(daemon.folder, 'stderr')
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', openSync(stderr, 'w')] })
    expect(await once(child, 'exit')).toEqual([1, null])
    expect(readFileSync(stderr, 'utf8')).toMatch(
      /ETIMEDOUT: [^]*, write: the reader of stdout has taken nothing for 5000 ms, and \d+ bytes/,
    )
    child.stdout?.destroy()
  })
})

describe('detach()', () => {
  /** With a reader that takes nothing before it is asked to. */
  function startOutput(call: string) {
    const folder = openFolder()
    const [log, told] = [join(folder, 'log'), join(folder, 'told')]
    writeFileSync(told, '')
    const child = spawn(node, [fixturePath('output.mjs'), call, log, String(LONG), told])
    track(child.pid ?? 0)
    let length = 0
    const read = async () => {
      child.stdout.on('data', (chunk: Buffer) => (length += chunk.length))
      expect(await once(child, 'close')).toEqual([0, null])
      return length
    }
    return { pid: child.pid ?? 0, log, told, read }
  }

  test('output that is queued is written before another file takes its place', async () => {
    const { read, log } = startOutput('detach')
    await until(() => existsSync(log))
    expect(await read()).toBe(LONG)
    expect(readFileSync(log, 'utf8')).toBe('after\n')
  })

  test('detachSync() can not wait: EAGAIN, nothing has changed, and nothing is lost', async () => {
    const { read, log, told, pid } = startOutput('detachSync')
    await until(() => readFileSync(told, 'utf8') !== '')
    expect(stdioOf(pid)[1]).toMatch(/socket/)
    expect(JSON.parse(readFileSync(told, 'utf8'))).toMatchObject({
      ...{ code: 'EAGAIN', syscall: 'write', reason: 'output-queued', fd: 1, bytes: LONG },
    })
    expect(await read()).toBe(LONG + 'after\n'.length)
    expect(readFileSync(log, 'utf8')).toBe('')
  })

  test('a stream that was never used is not touched', async () => {
    const { before, after } = await runFixture('output.mjs', ['untouched'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    expect(after).toBe(before)
  })
})
