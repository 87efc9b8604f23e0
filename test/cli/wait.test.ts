import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { gonePid, isLive, ps, start, track, until } from '../helpers/process.ts'
import { openTerminal } from '../helpers/pty.ts'
import { fronts, sess } from '../helpers/sess.ts'
import { membersOf } from '../helpers/table.ts'

const [front] = fronts['bin/sess']
const run = (...args: string[]) => sess('bin/sess', ['wait', ...args])

/** `sess wait` that is under way, and its exit code. */
function waiting(...args: string[]) {
  const child = spawn(front, ['wait', ...args], { stdio: 'ignore' })
  track(child.pid ?? 0)
  return { child, ended: new Promise((resolve) => child.on('exit', resolve)) }
}

test('wait PID: returns when the process has ended, and not before', async () => {
  const { pid } = start('sleep', ['60'])
  const { child, ended } = waiting(String(pid))
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(child.exitCode).toBeNull()
  process.kill(pid, 'SIGKILL')
  expect(await ended).toBe(0)
})

test('wait --group and --session: until no live member is left', async () => {
  const shell = spawn('sh', ['-c', 'sleep 60 & exit'], { detached: true, stdio: 'ignore' })
  const pid = shell.pid ?? 0
  track(pid)
  await until(() => shell.exitCode !== null && membersOf(pid).some(isLive))
  const [member = 0] = membersOf(pid).filter(isLive)
  track(member)
  const both = ['--group', '--session'].map((kind) => waiting(kind, String(pid)))
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(both.map(({ child }) => child.exitCode)).toEqual([null, null])
  process.kill(member, 'SIGKILL')
  expect(await Promise.all(both.map(async ({ ended }) => ended))).toEqual([0, 0])
})

test('what is not there has ended; --json tells how long it took', () => {
  expect(run(String(gonePid))).toMatchObject({ status: 0, out: '', err: '' })
  const { status, out } = run('--json', '--group', String(gonePid))
  expect(status).toBe(0)
  expect(JSON.parse(out)).toEqual({ id: gonePid, kind: 'group', elapsed: expect.any(Number) })
})

test('--timeout: exit code 1 and a sentence, and the process is left alone', () => {
  const { pid } = start('sleep', ['60'], { detached: true })
  expect(run('--timeout', '0.2', String(pid))).toMatchObject({
    status: 1,
    err: `sess: process ${pid} is still there after 200 ms\n`,
  })
  expect(run('--group', '--timeout', '0.2', String(pid))).toMatchObject({
    status: 1,
    err: `sess: process group ${pid} still has ${pid} after 200 ms\n`,
  })
  expect(isLive(pid)).toBe(true)
})

test('what can not be waited for is told in words', () => {
  const { pid } = start('sleep', ['60'])
  const { pgid } = ps(pid)
  const table: [string[], number, string][] = [
    [
      ['--group', String(pid)],
      1,
      `there is no process group ${pid}: sleep (${pid}) is in process group ${pgid}`,
    ],
    [['--group', '1'], 1, "process group 1 is that of the system's first process"],
    [['--group', '--session', '5'], 2, "--group can't go with --session (see sess --help)"],
    [
      ['--timeout', 'soon', '5'],
      2,
      "--timeout takes a number of seconds, not 'soon' (see sess --help)",
    ],
    [
      ['--timeout', '2147484', '5'],
      2,
      "--timeout takes a number of seconds, not '2147484' (see sess --help)",
    ],
    [[], 2, 'wait takes one ID (see sess --help)'],
    [['5', '6'], 2, 'wait takes one ID (see sess --help)'],
    [['x'], 2, "'x' is not a process ID (see sess --help)"],
    [
      ['--sesion', '5'],
      2,
      "unknown option '--sesion'; did you mean '--session'? (see sess --help)",
    ],
  ]
  for (const [words, status, text] of table) {
    expect(run(...words), words.join(' ')).toMatchObject({
      status,
      out: '',
      err: `sess: ${text}\n`,
    })
  }
})

// In a container the session of the tests may be another namespace's, with the number 0.
test('its own session can not end before it', async () => {
  const shell = start('sh', ['-c', '"$0" wait --session $$', front], { detached: true })
  expect(await shell.ended).toBe(1)
  const text = `sess: session ${shell.pid} has sess itself in it, and can't end before it\n`
  await until(() => shell.stderr() === text)
})

test('on a terminal it shows what it waits for', async () => {
  const { pid } = start('sleep', ['60'])
  const terminal = openTerminal(front, ['wait', String(pid)])
  await terminal.expect(new RegExp(`waiting for sleep \\(${pid}\\) to end, 1 s`))
  process.kill(pid, 'SIGKILL')
  await terminal.ended
})
