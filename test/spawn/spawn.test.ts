import { execFileSync, type SpawnOptions } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { exitOrStop, spawn, watchChild, withForeground } from 'setsid'
import {
  fixturePath,
  isLive,
  hasNobody,
  isRoot,
  type Json,
  node,
  ps,
  start,
  startFixture,
  track,
  unprivileged,
  until,
} from '../helpers/process.ts'
import { forEachKind, starterOf } from '../helpers/kinds.ts'
import { childRows, sessionOf } from '../helpers/table.ts'
import { need } from '../helpers/tools.ts'

interface Spawner {
  pid: number
  /** Gives test/fixtures/spawner.mjs a command; what it answers. */
  ask(command: string, told?: object): Promise<Json>
  /** Starts one child, or several in the same turn. */
  spawn(...all: object[]): Promise<Json[]>
  /** Waits for an event of a child: its values. */
  event(name: string, event: string): Promise<Json>
  events(name: string): string[]
  ended: Promise<unknown>
}

/** Leads a session without terminal, and has descriptor 3 open on a new terminal that is nobody's. */
const onTerminal = `import os, sys
master, slave = os.openpty()
master = os.dup(master)
os.set_inheritable(master, True)
os.dup2(slave, 3)
os.setsid()
os.execv(sys.argv[1], sys.argv[1:])`

async function startSpawner(options: SpawnOptions = {}, terminal = false): Promise<Spawner> {
  const running = terminal
    ? start('python3', ['-c', onTerminal, node, fixturePath('spawner.mjs')], options)
    : startFixture('spawner.mjs', [], options)
  const { pid } = await running.next()
  const seen: Json[] = []
  const answers: Json[] = []
  void (async () => {
    for (;;) {
      const line = await running.next().catch(() => undefined)
      if (line === undefined) return
      if (line.done !== undefined) answers.push(line)
      else seen.push(line)
    }
  })()
  const find = (name: string, event: string) =>
    seen.find((line) => line.name === name && line.event === event)
  const spawner: Spawner = {
    pid,
    async ask(command, told = {}) {
      running.tell(JSON.stringify({ command, ...told }))
      await until(() => answers.length > 0)
      const answer = answers.shift()
      for (const child of Array.isArray(answer.value) ? answer.value : []) {
        if (child.pid > 0) track(child.pid)
      }
      return answer
    },
    async spawn(...all) {
      const { value, error } = await spawner.ask('spawn', { all })
      if (error !== undefined) throw Object.assign(new Error(error.message), error)
      return value
    },
    async event(name, event) {
      await until(() => find(name, event))
      const line = find(name, event)
      seen.splice(seen.indexOf(line), 1)
      return line.values
    },
    events: (name) => seen.filter((line) => line.name === name).map((line) => line.event),
    ended: running.ended,
  }
  return spawner
}

/** A line of /proc/PID/status. */
function status(pid: number, field: string): string {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1')
  return new RegExp(`^${field}:\\s*(\\S+)`, 'm').exec(text)?.[1] ?? ''
}

const sleep = { name: 'a', file: 'sleep', args: ['60'] }

forEachKind('place, as ps and /proc see it,', (kind) => {
  const own = (parent: number) => ({ pgid: ps(parent).pgid, sid: ps(parent).sid, tty: '?' })
  const cases: [string, object, (child: number, parent: number) => object][] = [
    ["session 'new'", { session: 'new' }, (pid) => ({ pgid: pid, sid: pid, tty: '?' })],
    [
      "session 'new', group 'new'",
      { session: 'new', group: 'new' },
      (pid) => ({ pgid: pid, sid: pid }),
    ],
    ["session 'inherit'", { session: 'inherit', umask: 0o22 }, (_, parent) => own(parent)],
    ["group 'inherit'", { group: 'inherit', umask: 0o22 }, (_, parent) => own(parent)],
    ["group 'new'", { group: 'new' }, (pid, parent) => ({ pgid: pid, sid: ps(parent).sid })],
    ["detached, group 'new'", { detached: true, group: 'new' }, (pid) => ({ pgid: pid, sid: pid })],
    ['detached with a umask', { detached: true, umask: 0o22 }, (pid) => ({ pgid: pid, sid: pid })],
  ]
  test.each(cases)('%s', async (_, options, expected) => {
    const spawner = await startSpawner()
    const [child] = await spawner.spawn({ ...sleep, options })
    expect(ps(child.pid)).toMatchObject(expected(child.pid, spawner.pid))
    expect(starterOf(child.pid, kind)).toBe(spawner.pid)
  })

  test('group NUMBER: five members of a pipeline share the first one', async () => {
    const spawner = await startSpawner()
    const members = ['b', 'c', 'd', 'e'].map((name) => ({
      ...sleep,
      name,
      options: { group: 'a' },
    }))
    const all = await spawner.spawn({ ...sleep, options: { group: 'new' } }, ...members)
    const [first] = all
    expect(new Set(all.map(({ pid }) => pid)).size).toBe(5)
    for (const { pid } of all) {
      expect(ps(pid)).toMatchObject({ pgid: first.pid, sid: ps(spawner.pid).sid })
    }
  })

  test('group NUMBER of a leader that has ended: its group lives on in the others', async () => {
    const spawner = await startSpawner()
    const [first] = await spawner.spawn(
      { name: 'a', file: 'true', options: { group: 'new' } },
      { ...sleep, name: 'b', options: { group: 'a' } },
    )
    await spawner.event('a', 'close')
    const [third] = await spawner.spawn({ ...sleep, name: 'c', options: { group: first.pid } })
    expect(ps(third.pid).pgid).toBe(first.pid)
  })

  test('group NUMBER of a leader that ended in the same turn', async () => {
    const spawner = await startSpawner()
    const [first, second] = await spawner.spawn(
      { name: 'a', file: 'true', options: { group: 'new' } },
      { ...sleep, name: 'b', options: { group: 'a' } },
    )
    expect(ps(second.pid).pgid).toBe(first.pid)
  })

  test('umask, ignoreSignals: the program starts with them', async () => {
    const spawner = await startSpawner()
    const options = { umask: 0o137, ignoreSignals: ['SIGHUP', 'SIGUSR2', 'SIGTSTP'] }
    const [child] = await spawner.spawn({ ...sleep, options })
    expect(status(child.pid, 'Umask')).toBe('0137')
    const mask = (1n << 0n) | (1n << 11n) | (1n << 19n)
    expect(BigInt(`0x${status(child.pid, 'SigIgn')}`)).toBe(mask)
    expect(BigInt(`0x${status(child.pid, 'SigBlk')}`)).toBe(0n)
  })

  test('controllingTerminal, foreground: the child leads a session on that terminal', async () => {
    const spawner = await startSpawner({}, true)
    const stdio = ['ignore', 'ignore', 'ignore', 3]
    const [child] = await spawner.spawn({
      ...sleep,
      options: { controllingTerminal: 3, foreground: 3, stdio },
    })
    const { pid } = child
    // The kernel makes the leader's group the foreground group.
    expect(ps(pid)).toMatchObject({ sid: pid, pgid: pid, tpgid: pid })
    expect(ps(pid).tty).toMatch(/^pts\//)
    const options = { controllingTerminal: 3, stdio }
    await spawner.spawn({ name: 'b', file: 'true', options })
    const [error] = await spawner.event('b', 'error')
    expect(error).toMatchObject({
      code: 'EPERM',
      syscall: 'ioctl(TIOCSCTTY)',
      reason: 'terminal-in-use',
    })
  })

  test.runIf(isRoot)(
    'stealTerminal: root takes the terminal of another session (needs root)',
    async () => {
      const spawner = await startSpawner({}, true)
      const stdio = ['ignore', 'ignore', 'ignore', 3]
      const options = { controllingTerminal: 3, stdio }
      const [first] = await spawner.spawn({ ...sleep, options })
      const stealing = { ...options, stealTerminal: true }
      const [second] = await spawner.spawn({ ...sleep, name: 'b', options: stealing })
      expect(ps(second.pid)).toMatchObject({ sid: second.pid, tpgid: second.pid })
      expect(ps(second.pid).tty).toMatch(/^pts\//)
      expect(ps(first.pid)).toMatchObject({ sid: first.pid, tty: '?' })
    },
  )

  test('as an unprivileged user', async () => {
    const spawner = await startSpawner(unprivileged)
    const [child] = await spawner.spawn({ ...sleep, options: { group: 'new', umask: 0o77 } })
    expect(ps(child.pid)).toMatchObject({ pgid: child.pid })
    expect(status(child.pid, 'Umask')).toBe('0077')
  })

  test('the launcher is gone: the child is the program and has no other descriptors', async () => {
    const spawner = await startSpawner()
    const [child] = await spawner.spawn({ ...sleep, options: { group: 'new' } })
    expect(readFileSync(`/proc/${child.pid}/comm`, 'utf8')).toBe('sleep\n')
    expect(readFileSync(`/proc/${child.pid}/cmdline`, 'utf8')).toBe('sleep\x0060\0')
    // As many as a child of plain spawn has: this process may have inherited some itself.
    const [plain] = await spawner.spawn({ ...sleep, name: 'plain' })
    const fds = (pid: number) => execFileSync('ls', [`/proc/${pid}/fd`]).toString()
    expect(fds(child.pid)).toBe(fds(plain.pid))
  })
})

forEachKind('a failed step is an error event with its call; nothing was started,', (kind) => {
  const cases: [string, object, object][] = [
    [
      'setpgid: there is no such group',
      { group: 4_000_000 },
      { code: 'EPERM', errno: -1, syscall: 'setpgid', reason: 'no-such-group', pgid: 4_000_000 },
    ],
    [
      'setpgid: the group is in another session',
      { group: 'other session' },
      { code: 'EPERM', syscall: 'setpgid', reason: 'group-in-other-session' },
    ],
    [
      'TIOCSCTTY: no terminal',
      { controllingTerminal: 3, stdio: ['ignore', 'ignore', 'ignore', 0] },
      { code: 'ENOTTY', syscall: 'ioctl(TIOCSCTTY)' },
    ],
    [
      'tcsetpgrp: no terminal',
      { foreground: 0, stdio: ['inherit', 'ignore', 'ignore'] },
      { code: 'ENOTTY', syscall: 'tcsetpgrp', reason: 'not-a-terminal' },
    ],
  ]
  test.each(cases)('%s', async (_, options, expected) => {
    const spawner = await startSpawner()
    await spawner.spawn({ ...sleep, name: 'other session', options: { session: 'new' } })
    const [child] = await spawner.spawn({ name: 'b', file: 'touch', args: ['/no'], options })
    const [error] = await spawner.event('b', 'error')
    expect(child.pid).toBe(null)
    expect(error).toMatchObject({ ...expected, path: 'touch', spawnargs: ['/no'] })
    const [code, signal] = await spawner.event('b', 'close')
    expect([code, signal]).toEqual([error.errno, null])
    // Asked after its error event, exitOrStop can't wait for that.
    await spawner.ask('wait', { name: 'b' })
    expect(await spawner.event('b', 'no state')).toMatchObject([{ code: error.code }])
    expect(spawner.events('b')).toEqual([])
    // The launcher has been waited for.
    expect(childRows(spawner.pid).map(({ comm }) => comm)).toEqual([
      kind === 'plain' ? 'sleep' : 'launcher',
    ])
  })

  test('an error that nobody listens for is thrown', () => {
    const script = `import { spawn } from 'setsid'; spawn('true', { group: 4000000 })`
    const { status, stderr } = runScript(script)
    expect(status).not.toBe(0)
    expect(stderr).toContain('EPERM: operation not permitted, setpgid: there is no process group')
  })
})

/** A script in a Node of its own, in the package's folder. */
function runScript(script: string, options: SpawnOptions = {}) {
  const args = ['--input-type=module', '-e', script]
  try {
    const stdout = execFileSync(process.execPath, args, { ...(options as object), stdio: 'pipe' })
    return { status: 0, stdout: stdout.toString(), stderr: '' }
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: Buffer; stderr: Buffer }
    return { status, stdout: stdout.toString(), stderr: stderr.toString() }
  }
}

describe('what can never work is refused by name, and nothing is started', () => {
  const inherit = ['inherit', 'inherit', 'inherit'] as const
  const cases: [object, string, string][] = [
    [
      { session: 'new', group: 42 },
      'ERR_INVALID_ARG_VALUE',
      "'options.group' can't go with options.session 'new'",
    ],
    [
      { session: 'new', group: 'inherit' },
      'ERR_INVALID_ARG_VALUE',
      "can't go with options.session 'new'",
    ],
    [
      { detached: true, group: 42 },
      'ERR_INVALID_ARG_VALUE',
      "'options.group' can't go with options.detached",
    ],
    [
      { detached: true, session: 'inherit' },
      'ERR_INVALID_ARG_VALUE',
      "'options.session' can't go with options.detached",
    ],
    [
      { controllingTerminal: 0, stdio: inherit, group: 42 },
      'ERR_INVALID_ARG_VALUE',
      "can't go with options.controllingTerminal",
    ],
    [
      { controllingTerminal: 0, stdio: inherit, session: 'inherit' },
      'ERR_INVALID_ARG_VALUE',
      "can't go with options.controllingTerminal",
    ],
    [
      { session: 'new', foreground: 0, stdio: inherit },
      'ERR_INVALID_ARG_VALUE',
      "'options.foreground' can't go with options.session 'new'",
    ],
    [
      { detached: true, foreground: 0, stdio: inherit },
      'ERR_INVALID_ARG_VALUE',
      "can't go with options.detached",
    ],
    [{ foreground: 0 }, 'ERR_INVALID_ARG_VALUE', "options.stdio has 'pipe' there"],
    [{ foreground: 3, stdio: inherit }, 'ERR_INVALID_ARG_VALUE', "options.stdio has 'none' there"],
    [{ foreground: -1, stdio: inherit }, 'ERR_OUT_OF_RANGE', 'options.foreground'],
    [
      { controllingTerminal: 1, stdio: 'ignore' },
      'ERR_INVALID_ARG_VALUE',
      "options.stdio has 'ignore' there",
    ],
    [
      { controllingTerminal: 3, stdio: [...inherit, 'ipc'] },
      'ERR_INVALID_ARG_VALUE',
      "options.stdio has 'ipc' there",
    ],
    [{ foreground: '0', stdio: inherit }, 'ERR_INVALID_ARG_TYPE', 'options.foreground'],
    [
      { ignoreSignals: ['SIGKILL'] },
      'ERR_INVALID_ARG_VALUE',
      "'options.ignoreSignals[0]' can't be ignored",
    ],
    [
      { ignoreSignals: ['SIGHUP', 'SIGSTOP'] },
      'ERR_INVALID_ARG_VALUE',
      "'options.ignoreSignals[1]' can't be ignored",
    ],
    [
      { ignoreSignals: ['SIGTERM'], parentDeathSignal: 'SIGTERM' },
      'ERR_INVALID_ARG_VALUE',
      'both ignored and',
    ],
    [{ ignoreSignals: ['SIGNONE'] }, 'ERR_UNKNOWN_SIGNAL', 'SIGNONE'],
    [{ ignoreSignals: 'SIGHUP' }, 'ERR_INVALID_ARG_TYPE', 'options.ignoreSignals'],
    [{ parentDeathSignal: 'SIGNONE' }, 'ERR_UNKNOWN_SIGNAL', 'SIGNONE'],
    [{ parentDeathSignal: 9 }, 'ERR_INVALID_ARG_TYPE', 'options.parentDeathSignal'],
    [{ umask: 0o1000 }, 'ERR_OUT_OF_RANGE', 'options.umask'],
    [{ umask: -1 }, 'ERR_OUT_OF_RANGE', 'options.umask'],
    [{ umask: '022' }, 'ERR_INVALID_ARG_TYPE', 'options.umask'],
    [{ group: 0 }, 'ERR_OUT_OF_RANGE', 'options.group'],
    [{ group: -5 }, 'ERR_OUT_OF_RANGE', 'options.group'],
    [{ group: 2 ** 32 + 5 }, 'ERR_OUT_OF_RANGE', 'options.group'],
    [{ group: 'none' }, 'ERR_INVALID_ARG_VALUE', 'options.group'],
    [{ session: 1 }, 'ERR_INVALID_ARG_VALUE', 'options.session'],
  ]
  test.each(cases)('%j', (options, code, words) => {
    const call = () => spawn('/no/such/program', options)
    expect(call).toThrow(expect.objectContaining({ code }))
    expect(call).toThrow(words)
  })
})

forEachKind('stops', () => {
  test('watchChild and exitOrStop tell of them, and the exit stays with Node', async () => {
    const spawner = await startSpawner()
    const [child] = await spawner.spawn({ ...sleep, options: { group: 'new' } })
    await spawner.ask('watch', { name: 'a' })
    for (const signal of ['SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU'] as const) {
      await spawner.ask('wait', { name: 'a' })
      process.kill(child.pid, signal)
      expect(await spawner.event('a', 'stop')).toEqual([signal])
      expect(await spawner.event('a', 'state')).toEqual([{ state: 'stopped', signal }])
      process.kill(child.pid, 'SIGCONT')
      await spawner.event('a', 'continue')
    }
    await spawner.ask('wait', { name: 'a' })
    process.kill(child.pid, 'SIGKILL')
    const exited = { state: 'exited', code: null, signal: 'SIGKILL' }
    expect(await spawner.event('a', 'state')).toEqual([exited])
    expect(await spawner.event('a', 'exit')).toEqual([null, 'SIGKILL'])
    await spawner.ask('wait', { name: 'a' })
    expect(await spawner.event('a', 'state')).toEqual([exited])
  })

  test('those by child.kill(), as process.kill() of its pid sends', async () => {
    const spawner = await startSpawner()
    await spawner.spawn({ ...sleep, options: { group: 'new' } })
    await spawner.ask('watch', { name: 'a' })
    for (const signal of ['SIGTSTP', 'SIGTTIN', 'SIGTTOU']) {
      await spawner.ask('kill', { name: 'a', signal })
      expect(await spawner.event('a', 'stop')).toEqual([signal])
      await spawner.ask('kill', { name: 'a', signal: 'SIGCONT' })
      await spawner.event('a', 'continue')
    }
    await spawner.ask('kill', { name: 'a', signal: 'SIGTSTP' })
    await spawner.event('a', 'stop')
    await spawner.ask('kill', { name: 'a', signal: 'SIGKILL' })
    expect(await spawner.event('a', 'exit')).toEqual([null, 'SIGKILL'])
    expect(spawner.events('a')).not.toContain('continue')
  })

  test('one that came before is told too', async () => {
    const spawner = await startSpawner()
    const script = 'kill -STOP $$; exit 4'
    const [child] = await spawner.spawn({
      name: 'a',
      file: 'sh',
      args: ['-c', script],
      options: { group: 'new' },
    })
    await until(() => ps(child.pid).stat.startsWith('T'))
    await spawner.ask('wait', { name: 'a' })
    expect(await spawner.event('a', 'state')).toEqual([{ state: 'stopped', signal: 'SIGSTOP' }])
    // And again to who asks later.
    await spawner.ask('wait', { name: 'a' })
    expect(await spawner.event('a', 'state')).toEqual([{ state: 'stopped', signal: 'SIGSTOP' }])
    process.kill(child.pid, 'SIGCONT')
    await spawner.ask('wait', { name: 'a' })
    expect(await spawner.event('a', 'state')).toEqual([{ state: 'exited', code: 4, signal: null }])
  })

  test('a child that is continued and ends at once: continue comes before exit', async () => {
    const spawner = await startSpawner()
    const names = Array.from({ length: 20 }, (_, i) => `child ${i}`)
    const all = await spawner.spawn(...names.map((name) => ({ ...sleep, name })))
    for (const [i, name] of names.entries()) {
      const { pid } = all[i]
      await spawner.ask('watch', { name })
      process.kill(pid, 'SIGSTOP')
      await spawner.event(name, 'stop')
      // It ends as soon as it runs; SIGKILL doesn't wait for that.
      const killed = i % 4 === 0
      process.kill(pid, killed ? 'SIGKILL' : 'SIGTERM')
      if (!killed) process.kill(pid, 'SIGCONT')
      await spawner.event(name, 'close')
      expect(spawner.events(name)).toEqual(['spawn', ...(killed ? [] : ['continue']), 'exit'])
    }
  })

  test('of changes in quick succession the last is told', async () => {
    const spawner = await startSpawner()
    const [child] = await spawner.spawn(sleep)
    await spawner.ask('watch', { name: 'a' })
    const last = (event: string) => () => spawner.events('a').at(-1) === event
    for (let i = 0; i < 20; i++) {
      for (let j = 0; j < 5; j++) {
        process.kill(child.pid, 'SIGCONT')
        process.kill(child.pid, 'SIGSTOP')
      }
      await until(last('stop'))
      await spawner.ask('wait', { name: 'a' })
      const stopped = { state: 'stopped', signal: 'SIGSTOP' }
      expect(await spawner.event('a', 'state')).toEqual([stopped])
      process.kill(child.pid, 'SIGCONT')
      await until(last('continue'))
      expect(ps(child.pid).stat).not.toMatch(/^T/)
    }
  })

  test.each([undefined, null, 0, 'x', {}, Symbol('x')])('%s is no child', async (value) => {
    const error = { code: 'ERR_INVALID_ARG_TYPE' }
    expect(() => watchChild(value as never)).toThrow(expect.objectContaining(error))
    await expect(exitOrStop(value as never)).rejects.toMatchObject(error)
    if (typeof value === 'number') return
    await expect(withForeground(0, value as never, () => 0)).rejects.toMatchObject(error)
  })

  test('a child that could not be started rejects with its error', () => {
    const script = `import { exitOrStop, spawn } from 'setsid'
      const child = spawn('no-such', { group: 'new' })
      console.log(await exitOrStop(child).catch((error) => error.code))`
    expect(runScript(script)).toMatchObject({ status: 0, stdout: 'ENOENT\n' })
  })

  test('a watch keeps no process alive', () => {
    const script = `import { spawn, watchChild } from 'setsid'
      const child = spawn('sleep', ['60'], { group: 'new', stdio: 'ignore', parentDeathSignal: 'SIGKILL' })
      child.unref()
      watchChild(child)`
    expect(runScript(script)).toMatchObject({ status: 0 })
  })
})

forEachKind('signalGroup and signalSession', () => {
  test('pause and resume a group, and say who was signalled', async () => {
    const spawner = await startSpawner()
    const all = await spawner.spawn(
      { ...sleep, options: { group: 'new' } },
      { ...sleep, name: 'b', options: { group: 'a' } },
    )
    const pids = all.map(({ pid }) => pid)
    const stopped = await spawner.ask('signalGroup', { id: pids[0], signal: 'SIGSTOP' })
    expect(stopped.value).toEqual({ signalled: expect.any(Array), notSignalled: [] })
    expect(stopped.value.signalled.sort()).toEqual(pids.sort())
    await until(() => pids.every((pid) => ps(pid).stat.startsWith('T')))
    await spawner.ask('signalGroup', { id: all[0].pid, signal: 'SIGCONT' })
    await until(() => pids.every((pid) => ps(pid).stat.startsWith('S')))
    await spawner.ask('signalGroup', { id: all[0].pid, signal: 'SIGKILL' })
    await until(() => pids.every((pid) => !isLive(pid)))
  })

  test('a session: all its groups', async () => {
    need('bash')
    const spawner = await startSpawner()
    const script = 'set -m; sleep 60 & sleep 61 & wait'
    const [child] = await spawner.spawn({
      name: 'a',
      file: 'bash',
      args: ['-c', script],
      options: { session: 'new' },
    })
    const members = () => sessionOf(child.pid)
    await until(() => members().length === 3)
    const pids = members()
    track(...pids)
    const { value } = await spawner.ask('signalSession', { id: child.pid, signal: 'SIGKILL' })
    expect(value.signalled.sort()).toEqual(pids.sort())
    await until(() => pids.every((pid) => !isLive(pid)))
  })

  test.runIf(hasNobody)('members of another user are named (needs root)', async () => {
    const spawner = await startSpawner(unprivileged)
    const mine = spawn('sleep', ['60'], { session: 'new', stdio: 'ignore' })
    track(mine.pid ?? 0)
    for (const call of ['signalGroup', 'signalSession']) {
      const { value } = await spawner.ask(call, { id: mine.pid, signal: 'SIGTERM' })
      expect(value).toEqual({ signalled: [], notSignalled: [{ pid: mine.pid, code: 'EPERM' }] })
    }
    expect(isLive(mine.pid ?? 0)).toBe(true)
  })

  test('a group and a session that are gone give nobody', async () => {
    const spawner = await startSpawner()
    for (const call of ['signalGroup', 'signalSession']) {
      const { value } = await spawner.ask(call, { id: 4_000_000, signal: 'SIGTERM' })
      expect(value).toEqual({ signalled: [], notSignalled: [] })
    }
  })

  test('0, 1, negatives and our own are refused', async () => {
    const spawner = await startSpawner({ detached: true })
    for (const call of ['signalGroup', 'signalSession']) {
      for (const id of [0, 1, -1, -spawner.pid]) {
        const { error } = await spawner.ask(call, { id, signal: 'SIGKILL' })
        expect(error.code).toBe('ERR_OUT_OF_RANGE')
      }
      const { error } = await spawner.ask(call, { id: spawner.pid, signal: 'SIGKILL' })
      expect(error.code).toBe('ERR_INVALID_ARG_VALUE')
      const options = { allowSelf: true }
      const { value } = await spawner.ask(call, { id: spawner.pid, signal: 0, options })
      expect(value.signalled).toEqual([spawner.pid])
      const wrong = await spawner.ask(call, { id: spawner.pid, signal: 999, options })
      expect(wrong.error.code).toBe('EINVAL')
    }
  })
})

describe('the launcher', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url))

  /** The built package in a folder of its own. */
  function copyPackage(): string {
    const folder = mkdtempSync(join(tmpdir(), 'setsid-copy-'))
    mkdirSync(join(folder, 'build'))
    for (const name of ['dist', 'package.json'])
      cpSync(join(root, name), join(folder, name), { recursive: true })
    mkdirSync(join(folder, 'build/Release'))
    for (const name of ['setsid.node', 'launcher']) {
      cpSync(join(root, 'build/Release', name), join(folder, 'build/Release', name))
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    return folder
  }

  const script = (folder: string, options: string) => `
    const { spawn } = await import('${folder}/dist/index.js')
    const child = spawn('id', ['-u'], { group: 'new', stdio: ['ignore', 'inherit', 'inherit'], ${options} })
    child.on('error', ({ message, ...fields }) => console.log(JSON.stringify({ message, ...fields })))`

  test('without exec bit: a clear error', () => {
    const folder = copyPackage()
    chmodSync(join(folder, 'build/Release/launcher'), 0o644)
    const error = JSON.parse(runScript(script(folder, '')).stdout)
    expect(error).toMatchObject({
      code: 'EACCES',
      syscall: 'spawn',
      reason: 'launcher',
      path: 'id',
    })
    expect(error.message).toMatch(/the launcher .*\/launcher can't be run: it has no exec bit/)
    rmSync(folder, { recursive: true })
  })

  test('missing: a clear error', () => {
    const folder = copyPackage()
    rmSync(join(folder, 'build/Release/launcher'))
    const error = JSON.parse(runScript(script(folder, '')).stdout)
    expect(error).toMatchObject({ code: 'ENOENT', syscall: 'spawn', reason: 'launcher' })
    expect(error.message).toMatch(/can't be run: it is missing/)
    rmSync(folder, { recursive: true })
  })

  test.runIf(isRoot)('on a file system that is mounted noexec: a clear error (needs root)', () => {
    need('unshare')
    const folder = copyPackage()
    const release = join(folder, 'build/Release')
    const mounted = join(folder, 'noexec')
    mkdirSync(mounted)
    const shell = `mount -t tmpfs -o noexec none ${mounted} && mv ${release}/launcher ${mounted} &&
      ln -s ${mounted}/launcher ${release}/launcher && exec "$0" --input-type=module -e "$1"`
    const args = ['-m', 'sh', '-c', shell, process.execPath, script(folder, '')]
    const error = JSON.parse(execFileSync('unshare', args).toString())
    expect(error).toMatchObject({ code: 'EACCES', reason: 'launcher' })
    expect(error.message).toContain('mounted noexec')
    rmSync(folder, { recursive: true })
  })

  test.runIf(isRoot)(
    'below a folder that the uid may not search: the child starts all the same (needs root)',
    () => {
      const folder = copyPackage()
      chmodSync(folder, 0o700)
      // Its descriptor has to be above the child's own.
      const many = "stdio: ['ignore', 'inherit', 'inherit', ...Array(40).fill('ignore')]"
      for (const options of ['uid: 65534', `uid: 65534, ${many}`]) {
        expect(runScript(script(folder, options))).toMatchObject({ status: 0, stdout: '65534\n' })
      }
      rmSync(folder, { recursive: true })
    },
  )

  test.runIf(isRoot)(
    'without /proc: the child of another user starts all the same (needs root)',
    () => {
      need('unshare')
      const script = `import { spawn } from 'setsid'
      spawn('id', ['-u'], { uid: 65534, group: 'new', stdio: ['ignore', 'inherit', 'inherit'] })
        .on('error', console.log)`
      const folder = copyPackage()
      chmodSync(folder, 0o755)
      const shell = 'mount -t tmpfs none /proc && exec "$0" --input-type=module -e "$1"'
      const text = script.replace("'setsid'", `'${folder}/dist/index.js'`)
      const args = ['-m', 'sh', '-c', shell, process.execPath, text]
      expect(execFileSync('unshare', args).toString()).toBe('65534\n')
      rmSync(folder, { recursive: true })
    },
  )

  test('no descriptor is left after 250 starts and failures', () => {
    const script = `import { readdirSync } from 'node:fs'
      import { spawn } from 'setsid'
      const fds = () => readdirSync('/proc/self/fd').length
      const child = (file) => spawn(file, { group: 'new', stdio: 'ignore' }).on('error', () => {})
      child('true')
      const before = fds()
      for (let i = 0; i < 250; i++) child(i % 2 ? 'true' : 'no-such-program')
      console.log(fds() - before)`
    expect(runScript(script)).toMatchObject({ status: 0, stdout: '0\n' })
  })
})
