// run(): the result of a command, whatever the command does.
import { spawn, type SpawnOptions, spawnSync } from 'node:child_process'
import { getEventListeners, once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { run, type RunOptions, type RunResult } from 'setsid'
import { compile } from '../helpers/compile.ts'
import { openFolder } from '../helpers/folder.ts'
import {
  fixturePath,
  isLive,
  isRoot,
  type Json,
  node,
  ps,
  runFixture,
  start,
  track,
  unprivileged,
  until,
} from '../helpers/process.ts'

type TextOptions = RunOptions<string> & { encoding?: BufferEncoding }

/** Runs a shell script. What it leaves ends with the test. */
async function sh(script: string, options: TextOptions = {}): Promise<RunResult> {
  const result = await run('sh', ['-c', script], options)
  track(...result.survivors.map(({ pid }) => pid))
  return result
}

const ofFixture = (name: string, ...args: unknown[]): Promise<Json> =>
  runFixture('run.mjs', [name, ...args.map((value) => JSON.stringify(value))])

/** A background process that SIGTERM does not end, in a session of its own. It writes its pid. */
const deaf = (file: string) =>
  `setsid sh -c "trap '' TERM; echo \\$\\$ >${file}; while :; do sleep 1; done" &`

async function pidIn(file: string): Promise<number> {
  await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'))
  return Number(readFileSync(file, 'utf8'))
}

describe('the end of a program', () => {
  test('its code, and its output by streams and together', async () => {
    const { elapsed, ...result } = await sh(
      'echo out; sleep 0.1; echo err >&2; sleep 0.1; echo last; exit 3',
    )
    expect(result).toEqual({
      ...{ code: 3, signal: null, stdout: 'out\nlast\n', stderr: 'err\n' },
      ...{ output: 'out\nerr\nlast\n', timedOut: false, aborted: false, truncated: 0 },
      ...{ contained: true, survivors: [], stopped: null },
    })
    expect(elapsed).toBeGreaterThan(200)
  })

  test('its signal', async () => {
    expect(await sh('echo x; kill -USR1 $$')).toMatchObject({
      ...{ code: null, signal: 'SIGUSR1', stdout: 'x\n', timedOut: false },
    })
  })

  test('it leads a session of its own, unless the options say otherwise', async () => {
    const ids = async (options: TextOptions) =>
      (await sh('cut -d" " -f1,5,6 /proc/self/stat; echo $$', options)).stdout.split(/\s/)
    const [, pgid, sid, pid] = await ids({})
    expect([pgid, sid]).toEqual([pid, pid])
    const own = ps(process.pid)
    const [, group, session, leader] = await ids({ group: 'new' })
    expect([group, session]).toEqual([leader, String(own.sid)])
    expect((await ids({ session: 'inherit' })).slice(1, 3)).toEqual([own.pgid, own.sid].map(String))
    expect((await ids({ group: 'inherit' })).slice(1, 3)).toEqual([own.pgid, own.sid].map(String))
  })

  test('args may be left out, as for spawn', async () => {
    expect(await run('cat', { input: 'x' })).toMatchObject({ code: 0, stdout: 'x' })
    expect(await run('true')).toMatchObject({ code: 0, output: '' })
  })

  test('it prints long output in short', async () => {
    const text = inspect(await sh('head -c 100000 /dev/zero | tr "\\0" x; sleep 3 &'))
    expect(text).toMatch(/^RunResult \{\n {2}code: 0,/)
    expect(text).toContain('x … 99800 more … x')
    expect(text).toContain(`holds: [ 'stdout', 'stderr' ]`)
    expect(text.length).toBeLessThan(2000)
  })
})

describe('what a program leaves', () => {
  test('is named: it holds up nothing', async () => {
    const result = await sh('sleep 3 & echo done')
    expect(result).toMatchObject({ code: 0, stdout: 'done\n', stopped: null })
    expect(result.elapsed).toBeGreaterThan(100)
    expect(result.elapsed).toBeLessThan(700)
    const [survivor, ...others] = result.survivors
    expect(others).toEqual([])
    expect(survivor).toMatchObject({ command: 'sleep', holds: ['stdout', 'stderr'] })
    expect(ps(survivor?.pid ?? 0).comm).toBe('sleep')
  })

  test('holds what it has open, and is not waited for where that is nothing', async () => {
    const { survivors } = await sh('sleep 3 >/dev/null & echo done', { input: 'x' })
    // What sh starts by `&` has /dev/null as its stdin.
    expect(survivors.map(({ holds }) => holds)).toEqual([['stderr']])
    const all = await sh('exec 3<&0; sleep 3 <&3 & true', { input: 'x' })
    expect(all.survivors.map(({ holds }) => holds)).toEqual([['stdin', 'stdout', 'stderr']])
    const began = performance.now()
    const none = await sh('sleep 3 >/dev/null 2>&1 & true', { drain: 10_000 })
    expect(performance.now() - began).toBeLessThan(2000)
    expect(none.survivors.map(({ holds }) => holds)).toEqual([[]])
  })

  test("'stop': is stopped", async () => {
    const file = join(openFolder(), 'pid')
    const options = { onSurvivors: 'stop', grace: 200 } as const
    const result = await sh(`${deaf(file)} until [ -s ${file} ]; do :; done; echo done`, options)
    const pid = await pidIn(file)
    expect(isLive(pid)).toBe(false)
    expect(result).toMatchObject({ code: 0, stdout: 'done\n', survivors: [], timedOut: false })
    expect(result.stopped).toMatchObject({ outcome: 'gone', escalated: true })
    expect(result.stopped?.signalled).toContain(pid)
  })

  test("'stop': null where nothing is left", async () => {
    expect(await sh('echo x', { onSurvivors: 'stop' })).toMatchObject({ stopped: null })
  })

  test("'wait': is waited for, and its output read", async () => {
    const result = await sh('(sleep 3; echo late) & echo done', { onSurvivors: 'wait' })
    expect(result).toMatchObject({ code: 0, stdout: 'done\nlate\n', survivors: [], stopped: null })
    expect(result.elapsed).toBeGreaterThan(3000)
    expect(result.elapsed).toBeLessThan(4000)
  })

  test("'wait': also what holds no pipe, till the time is over", async () => {
    const script = 'setsid sleep 30 >/dev/null 2>&1 & echo $!'
    const result = await sh(script, { onSurvivors: 'wait', timeout: 500 })
    expect(result).toMatchObject({ code: 0, timedOut: true, survivors: [] })
    expect(result.stopped).toMatchObject({ outcome: 'gone' })
    expect(isLive(Number(result.stdout))).toBe(false)
  })

  test('is read for `drain` ms', async () => {
    const script = '(sleep 0.3; echo late; sleep 3) & echo done'
    expect((await sh(script, { drain: 50 })).stdout).toBe('done\n')
    expect((await sh(script, { drain: 1000 })).stdout).toBe('done\nlate\n')
  })

  test('a program that ended in time is not timed out while others are read', async () => {
    const result = await sh('sleep 30 & echo done', { drain: 20_000, timeout: 400 })
    expect(result).toMatchObject({ code: 0, timedOut: false, stdout: 'done\n', stopped: null })
    expect(result.survivors).toHaveLength(1)
    expect(result.elapsed).toBeLessThan(2000)
  })

  test('lives on, and can write no more', async () => {
    const file = join(openFolder(), 'told')
    const { stdout } = await sh(`trap '' PIPE; (sleep 0.5; echo x || echo $? >${file}) & echo done`)
    expect(stdout).toBe('done\n')
    await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'))
  })
})

describe('the time limit', () => {
  test('stops everything, also what has left by setsid and ignores SIGTERM', async () => {
    const file = join(openFolder(), 'pid')
    const options = { timeout: 1500, grace: 300, drain: 10_000 }
    const result = await sh(`echo begun; ${deaf(file)} sleep 30`, options)
    expect(isLive(await pidIn(file))).toBe(false)
    expect(result).toMatchObject({
      ...{ code: null, signal: 'SIGTERM', stdout: 'begun\n', survivors: [] },
      ...{ timedOut: true, aborted: false, contained: true },
      stopped: { outcome: 'gone', escalated: true },
    })
    expect(result.elapsed).toBeGreaterThan(1790)
    expect(result.elapsed).toBeLessThan(1500 + 300 + 500)
  })

  test('killSignal comes first', async () => {
    const script = 'trap "echo asked; exit 4" INT; sleep 30 & wait'
    expect(await sh(script, { timeout: 300, killSignal: 'SIGINT', grace: 500 })).toMatchObject({
      ...{ code: 4, signal: null, stdout: 'asked\n', timedOut: true },
    })
  })

  test('that was not reached holds up no exit', () => {
    const script = "import { run } from 'setsid'; await run('true', [], { timeout: 100_000 })"
    const options = { cwd: import.meta.dirname, timeout: 50_000 }
    expect(spawnSync(node, ['--input-type=module', '-e', script], options).status).toBe(0)
  })

  test('0 is none', async () => {
    expect(await sh('sleep 0.2', { timeout: 0 })).toMatchObject({ code: 0, timedOut: false })
  })
})

describe('signal', () => {
  test('stops everything when it is aborted', async () => {
    const file = join(openFolder(), 'pid')
    const controller = new AbortController()
    const running = sh(`${deaf(file)} sleep 30`, { signal: controller.signal, grace: 100 })
    const pid = await pidIn(file)
    controller.abort()
    expect(await running).toMatchObject({
      ...{ code: null, signal: 'SIGTERM', timedOut: false, aborted: true, survivors: [] },
      stopped: { outcome: 'gone', escalated: true },
    })
    expect(isLive(pid)).toBe(false)
  })

  test('ends a wait for what is left', async () => {
    const options = { signal: AbortSignal.timeout(500), onSurvivors: 'wait' } as const
    const result = await sh('sleep 30 & echo $!', options)
    expect(result).toMatchObject({ code: 0, aborted: true, survivors: [] })
    expect(isLive(Number(result.stdout))).toBe(false)
  })

  test('that is aborted already starts nothing: AbortError', async () => {
    const file = join(openFolder(), 'touched')
    const signal = AbortSignal.abort('why')
    await expect(run('touch', [file], { signal })).rejects.toMatchObject({
      ...{ name: 'AbortError', code: 'ABORT_ERR', cause: 'why' },
    })
    expect(existsSync(file)).toBe(false)
  })

  test('that many runs share has no listener of any afterwards', async () => {
    const { signal } = new AbortController()
    await run('true', { signal })
    await expect(run('./no-such-file', { signal })).rejects.toThrow('ENOENT')
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

test.each(['session', 'contain'])('%s: null is no value, and not that of run()', async (name) => {
  const file = join(openFolder(), 'touched')
  const options = { [name]: null } as RunOptions
  await expect(run('touch', [file], options)).rejects.toMatchObject({
    code: expect.stringMatching(/^ERR_INVALID_ARG_(TYPE|VALUE)$/) as string,
    message: expect.stringContaining(`options.${name}`) as string,
  })
  expect(existsSync(file)).toBe(false)
})

describe('a program that can’t be run', () => {
  test.each([
    ['no-such-program', {}, 'ENOENT'],
    ['./no-such-file', {}, 'ENOENT'],
    ['/', {}, 'EACCES'],
    ['/etc/passwd', {}, 'EACCES'],
    ['true', { cwd: '/no/such/folder' }, 'ENOENT'],
    ['/etc/passwd', { contain: false }, 'EACCES'],
  ])('%s %j: rejects with what spawn gives', async (file, options, code) => {
    const child = spawn(file, ['x'], options as SpawnOptions)
    const [expected] = (await once(child, 'error')) as [Error]
    const error = (await run(file, ['x'], options).catch((error: unknown) => error)) as Error
    expect(error).toMatchObject({ code })
    expect(error).toBeInstanceOf(Error)
    expect(error.message).toBe(expected.message)
    expect(Object.entries(error)).toEqual(Object.entries(expected))
  })
})

describe.runIf(isRoot)('another user', () => {
  test('runs it, and its pipes are told', async () => {
    const result = await sh('id -u; sleep 3 & true', { uid: 65534, gid: 65534, cwd: '/' })
    expect(result.stdout).toBe('65534\n')
    expect(result.survivors.map(({ holds, uid }) => [uid, holds])).toEqual([
      [65534, ['stdout', 'stderr']],
    ])
  })
})

test('as nobody: times out, stops, and tells the pipes', async () => {
  const args = [fixturePath('run.mjs'), 'plain', JSON.stringify('setsid sleep 30 & sleep 30')]
  const limit = JSON.stringify({ timeout: 300 })
  const stopped = await start(node, [...args, limit], { ...unprivileged, cwd: '/' }).next()
  expect(stopped).toMatchObject({ timedOut: true, survivors: [], stopped: { outcome: 'gone' } })
  const background = ['plain', JSON.stringify('sleep 3 & true')]
  const options = { ...unprivileged, cwd: '/' }
  const left = await start(node, [fixturePath('run.mjs'), ...background], options).next()
  expect(left.survivors).toMatchObject([{ holds: ['stdout', 'stderr'] }])
})

describe('where nothing can be contained', () => {
  const uncontained = (refusal: string, script: string, options: object) => {
    const command = [`pidfd_open=${refusal}`, '--', node, fixturePath('run.mjs'), 'plain']
    const values = [script, options].map((value) => JSON.stringify(value))
    return start(compile('deny'), [...command, ...values]).next()
  }

  test.each(['ENOSYS', 'EPERM'])('%s: it goes on, and says so', async (refusal) => {
    const result = await uncontained(refusal, 'echo x; sleep 30 & sleep 30', { timeout: 300 })
    expect(result).toMatchObject({
      ...{ contained: false, stdout: 'x\n', timedOut: true, survivors: [] },
      stopped: { outcome: 'gone' },
    })
    expect(result.stopped.signalled.length).toBeGreaterThanOrEqual(3)
  })

  test('unless that was asked for', async () => {
    expect(await uncontained('ENOSYS', 'echo x', { contain: true })).toMatchObject({
      ...{ code: 'ENOSYS', reason: 'no-pidfd' },
    })
  })

  test('contain: false names, stops and waits for the session', async () => {
    const contain = false
    const named = await sh('sleep 3 & echo done', { contain })
    expect(named).toMatchObject({ contained: false, stdout: 'done\n' })
    expect(named.survivors).toMatchObject([{ command: 'sleep', holds: ['stdout', 'stderr'] }])
    const stopped = await sh('sleep 3 & echo $!', { contain, onSurvivors: 'stop' })
    expect(stopped).toMatchObject({ survivors: [], stopped: { outcome: 'gone' } })
    expect(isLive(Number(stopped.stdout))).toBe(false)
    const waited = await sh('(sleep 0.5; echo late) & true', { contain, onSurvivors: 'wait' })
    expect(waited).toMatchObject({ survivors: [], stdout: 'late\n' })
  })

  test.skipIf(!isRoot)(
    'contain: false, and the number of its session is another’s by then: nobody is named (needs root)',
    async () => {
      let told = ''
      const running = sh('sleep 100 & echo $$ $!', {
        ...{ contain: false, drain: 60_000 },
        onOutput: (text) => (told += text),
      })
      await until(() => told.endsWith('\n'))
      const [leader = 0, rest = 0] = told.split(' ').map(Number)
      track(leader, rest)
      // Node has told of its end before this goes on.
      await until(() => !existsSync(`/proc/${leader}`))
      // It hears nothing of these two before the number has got its new owner.
      const now = (condition: () => boolean) => {
        const deadline = performance.now() + 10_000
        while (!condition() && performance.now() < deadline) spawnSync('sleep', ['0.01'])
      }
      process.kill(rest, 'SIGKILL')
      now(() => !existsSync(`/proc/${rest}`))
      const words = [String(leader), 'setsid', 'sleep', '100']
      const stranger = spawn(compile('as-pid'), words, { stdio: 'ignore' })
      now(() => isLive(leader) && ps(leader).comm === 'sleep')
      track(stranger.pid ?? 0, leader)
      expect(ps(leader).sid).toBe(leader)
      expect(await running).toMatchObject({ code: 0, contained: false, survivors: [] })
      expect(isLive(leader)).toBe(true)
    },
  )

  test.each([{ group: 'new' }, { session: 'inherit' }] as const)(
    'contain: false, %j: the time limit stops what can be named',
    async (place) => {
      const result = await sh('echo $$; exec sleep 30', { contain: false, timeout: 200, ...place })
      expect(result).toMatchObject({ signal: 'SIGTERM', timedOut: true, contained: false })
      expect(isLive(Number(result.stdout))).toBe(false)
    },
  )
})

test('without a free descriptor it is EMFILE, or runs', async () => {
  const line = `ulimit -n 60; exec "$0" "$1" scarce`
  const codes = await start('bash', ['-c', line, node, fixturePath('run.mjs')]).next()
  expect(codes.slice(0, 4)).toEqual(['EMFILE', 'EMFILE', 'EMFILE', 'EMFILE'])
  expect(codes.at(-1)).toBe(0)
  expect(codes.every((code: unknown) => code === 0 || code === 'EMFILE')).toBe(true)
})

test('100 at once leave no descriptor and no process', async () => {
  expect(await ofFixture('many', 100)).toEqual({ right: true, more: 0 })
})
