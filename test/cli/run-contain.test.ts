// `sess run --contain` and `--timeout`: CMD, and all that it has started.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { compile } from '../helpers/compile.ts'
import { openFolder } from '../helpers/folder.ts'
import { isLive, node, ps, start, track, until } from '../helpers/process.ts'
import { openShell, openSwitchboard, expectUsable, users } from '../helpers/puppet.ts'
import { type Front, fronts, sess } from '../helpers/sess.ts'

const [front] = fronts['bin/sess']

/** A background process in a session of its own, whose pid is printed. */
const background = `setsid sh -c 'echo $$; exec sleep 60' &`
/** The same, and SIGTERM does not end it. */
const deaf = `setsid sh -c "trap '' TERM; echo \\$\\$; while :; do sleep 1; done" & read x`

describe.each(Object.keys(fronts) as Front[])('%s', (name) => {
  const [file, ...script] = fronts[name]
  const begin = (...words: string[]) => start(file, [...script, 'run', ...words])

  test.each([
    ['exit 3', 3, null],
    ['kill -USR1 $$', null, 'SIGUSR1'],
  ])('--contain: it ends as CMD ends: %s', (code, status, signal) => {
    expect(sess(name, ['run', '--contain', 'sh', '-c', code])).toEqual({
      ...{ status, signal, out: '', err: '' },
    })
  })

  test.each([[[]], [['--session']], [['--group']]])(
    '--contain %j: what CMD leaves is stopped when it has ended',
    async (place) => {
      const running = begin('--contain', ...place, 'sh', '-c', `${background} read x; exit 4`)
      const pid = await running.next()
      expect(isLive(pid)).toBe(true)
      running.tell('x')
      expect(await running.ended).toBe(4)
      expect(isLive(pid)).toBe(false)
    },
  )

  test('kill -9 of sess ends all of it', async () => {
    const running = begin('--contain', 'sh', '-c', `echo $$; ${deaf}`)
    const pids = [await running.next(), await running.next()]
    track(...pids)
    running.child.kill('SIGKILL')
    await until(() => !pids.some(isLive))
  })

  test('what is sent to it reaches CMD', async () => {
    const report = 'trap "echo 1; exit 5" TERM; echo 0; while :; do sleep 0.02; done'
    const running = begin('--contain', 'sh', '-c', report)
    expect(await running.next()).toBe(0)
    running.child.kill('SIGTERM')
    expect(await running.next()).toBe(1)
    expect(await running.ended).toBe(5)
  })

  test('--timeout: all is stopped, exit code 124, one line', async () => {
    const running = begin('--timeout', '1.5', 'sh', '-c', `echo $$; ${background} sleep 60`)
    const pids = [await running.next(), await running.next()]
    expect(await running.ended).toBe(124)
    expect(pids.filter(isLive)).toEqual([])
    expect(running.stderr()).toBe("sess: 'sh' was stopped after 1.5 s\n")
  })

  test('--timeout: a program that ends in time has its own code', () => {
    expect(sess(name, ['run', '--timeout', '30', '--', 'sh', '-c', 'echo x; exit 6'])).toEqual({
      ...{ status: 6, signal: null, out: 'x\n', err: '' },
    })
  })

  test.each([
    [
      ['--timeout', 'soon', 'true'],
      2,
      /^sess: --timeout takes seconds, more than 0 and up to 2000000, not 'soon'/,
    ],
    [['--timeout', '0', 'true'], 2, /^sess: --timeout takes seconds/],
    [['--timeout'], 2, /^sess: --timeout needs a value/],
    [['--contian', 'true'], 2, /did you mean '--contain'\?/],
    [['--contain'], 2, /^sess: run takes a command/],
    [['--contain', 'no-such-program'], 127, /^sess: there is no program 'no-such-program'\n$/],
    [['--contain', '/'], 126, /^sess: '\/' can't be run: it is a folder\n$/],
  ])('%j: exit code %s', (words, status, err) => {
    expect(sess(name, ['run', ...words])).toEqual({
      ...{ status, signal: null, out: '', err: expect.stringMatching(err) },
    })
  })
})

test('where the kernel can’t contain, nothing is started', () => {
  const file = join(openFolder(), 'touched')
  const [, cli] = fronts['node dist/cli.js']
  const command = ['pidfd_open=ENOSYS', '--', node, cli, 'run', '--contain', 'touch', file]
  const { status, stderr } = spawnSync(compile('deny'), command)
  expect(status).toBe(1)
  expect(stderr.toString()).toMatch(/^sess: the supervisor of a contained child watches .*\n$/)
  expect(() => readFileSync(file)).toThrow(/ENOENT/)
})

test('CMD has the soft limit and the ignored signals that sess was started with', () => {
  const look = `grep ^SigIgn /proc/self/status; ulimit -Sn`
  const script = `trap '' HUP USR1; ulimit -Sn 300; bash -c '${look}'; ${front} run --contain bash -c '${look}'`
  const lines = spawnSync('bash', ['-c', script]).stdout.toString().trim().split('\n')
  expect(lines).toHaveLength(4)
  expect(lines.slice(2)).toEqual(lines.slice(0, 2))
  expect(lines[1]).toBe('300')
})

describe.each(users)('as a job of bash, %s', (user) => {
  test('it has the terminal; Ctrl-C reaches it once and ends all', async () => {
    const { env } = await openSwitchboard()
    const terminal = await openShell('bash', user, env)
    const script = `trap 'echo got; exit 7' INT; setsid sleep 60 & echo pid=$$,$!.; read x; echo "read $x."; read y`
    terminal.type(`${front} run --contain sh -c '${script.replaceAll("'", `'\\''`)}'\r`)
    const [, ...pids] = await terminal.expect(/pid=(\d+),(\d+)\./)
    track(...pids.map(Number))
    const program = Number(pids[0])
    await until(() => ps(program).tpgid === ps(program).pgid)
    terminal.type('typed\r')
    await terminal.expect(/read typed\./)
    terminal.type('\x03')
    await until(() => !pids.map(Number).some(isLive))
    await expectUsable(terminal)
    expect(terminal.output().match(/got\r/g)).toHaveLength(1)
    terminal.type('true\r')
    await expectUsable(terminal)
  })

  test('Ctrl-Z gives the prompt back, fg goes on with it', async () => {
    const { env } = await openSwitchboard()
    const terminal = await openShell('bash', user, env)
    terminal.type(`${front} run --contain sh -c 'echo pid=$$.; read x; echo "read $x."'\r`)
    const [, pid] = await terminal.expect(/pid=(\d+)\./)
    const program = Number(pid)
    track(program)
    await until(() => ps(program).tpgid === ps(program).pgid)
    terminal.type('\x1a')
    await until(() => ps(program).stat.startsWith('T'))
    await terminal.expect(/Stopped/)
    await expectUsable(terminal)
    terminal.type('fg\r')
    await until(() => ps(program).tpgid === ps(program).pgid)
    terminal.type('again\r')
    await terminal.expect(/read again\./)
    await expectUsable(terminal)
  })

  test('in the background it takes no terminal; fg gives it', async () => {
    const { env } = await openSwitchboard()
    const terminal = await openShell('bash', user, env)
    terminal.type(`${front} run --contain sh -c 'echo pid=$$.; read x; echo "read $x."' &\r`)
    const [, pid] = await terminal.expect(/pid=(\d+)\./)
    const program = Number(pid)
    track(program)
    await until(() => ps(program).stat.startsWith('T'))
    await expectUsable(terminal)
    terminal.type('fg\r')
    await until(() => ps(program).tpgid === ps(program).pgid)
    terminal.type('now\r')
    await terminal.expect(/read now\./)
    await expectUsable(terminal)
  })

  test('--timeout gives the terminal back', async () => {
    const { env } = await openSwitchboard()
    const terminal = await openShell('bash', user, env)
    terminal.type(`${front} run --timeout 1 sleep 60; echo "status $?."\r`)
    await terminal.expect(/status 124\./)
    await expectUsable(terminal)
  })
})
