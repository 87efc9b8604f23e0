import { spawn } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { isLive, isRoot, ps, start, track, until } from '../helpers/process.ts'
import { expectUsable, openShell, users } from '../helpers/puppet.ts'
import { openTerminal } from '../helpers/pty.ts'
import { fronts, sess } from '../helpers/sess.ts'

const [front] = fronts['bin/sess']
const run = (...args: string[]) => sess('bin/sess', ['kill', ...args])

describe('whom sess kill does not end without --force', () => {
  test.each(users)('kill $$ and kill --session $$ at a prompt, %s: the shell', async (user) => {
    const terminal = await openShell('bash', user, process.env)
    for (const options of ['', '--session ']) {
      terminal.type(`${front} kill ${options}$$; echo "status $?."\r`)
      const what = options === '' ? 'process group' : 'session'
      const [said] = await terminal.expect(/sess: [^]*?status 1\./)
      expect(said.replace(/\r\n/g, ' ')).toBe(
        `sess: ${what} ${terminal.pid} has bash (${terminal.pid}) in it, which sess was started from; ` +
          '--force ends it all the same status 1.',
      )
    }
    await expectUsable(terminal)
  })

  test('an ancestor further up, of another session', async () => {
    const script = `setsid -w sh -c '${front} kill "$1"; echo "$?"' sh $$; read end`
    const outer = start('sh', ['-c', script], { detached: true })
    expect(await outer.next()).toBe(1)
    expect(isLive(outer.pid)).toBe(true)
  })

  test('the leader of its session, and the foreground of its terminal', async () => {
    // Orphaned, so that the shell is no ancestor any more.
    const terminal = await openShell('bash', users[0], process.env)
    const look = `until [ "$(cut -d " " -f 4 /proc/$$/stat)" != "$1" ]; do sleep 0.02; done`
    const script = `${look}; ${front} kill ${terminal.pid} 2>&1; echo "status $?."`
    terminal.type(`(set -m; sh -c '${script}' sh $BASHPID & true)\r`)
    await terminal.expect(/which (leads the session of sess|is in the foreground of this terminal)/)
    await terminal.expect(/status 1\./)
    await expectUsable(terminal)
  })

  test('--force does it', async () => {
    const terminal = openTerminal('bash', ['--norc', '-i'])
    await expectUsable(terminal)
    terminal.type(`${front} kill --force --grace 0 $$\r`)
    await terminal.ended
    expect(isLive(terminal.pid)).toBe(false)
  })
})

test('--dry-run says who would be signalled, and signals nobody', async () => {
  const leader = start('sh', ['-c', 'sleep 60 & echo $!; wait'], { detached: true })
  const member = await leader.next()
  track(member)
  const id = String(leader.pid)
  const user = isRoot ? 'root' : '\\S+'
  await until(() => ps(member).comm === 'sleep')
  const { status, out } = run('--dry-run', '--signal', 'int', id)
  expect(status).toBe(0)
  const lines = out.trim().split('\n').sort()
  expect(lines).toHaveLength(2)
  expect(out).toMatch(new RegExp(`^SIGINT to ${leader.pid} sh of ${user}$`, 'm'))
  expect(out).toMatch(new RegExp(`^SIGINT to ${member} sleep of ${user}$`, 'm'))
  const told = JSON.parse(run('--dry-run', '--json', '--session', id).out)
  expect(told).toMatchObject({ id: leader.pid, session: true, signal: 'SIGTERM', refused: null })
  expect(told.members.map(({ pid }: { pid: number }) => pid).sort()).toEqual(
    [leader.pid, member].sort(),
  )
  expect(isLive(leader.pid) && isLive(member)).toBe(true)
  expect(run(id)).toMatchObject({ status: 0, err: '' })
  expect(isLive(member)).toBe(false)
})

test('--dry-run of what is refused says so', async () => {
  const script = `setsid -w sh -c '${front} kill --dry-run "$1"; echo "$?"' sh $$; read end`
  const child = spawn('sh', ['-c', script], { detached: true, stdio: ['pipe', 'pipe', 'ignore'] })
  track(child.pid ?? 0)
  let text = ''
  child.stdout.on('data', (data: Buffer) => (text += data.toString()))
  await until(() => text.endsWith('\n1\n'))
  expect(text).toMatch(/^SIGTERM to \d+ sh of /m)
  expect(text).toMatch(/^refused: process group \d+ has sh \(\d+\) in it/m)
})

test('a number that leads no group is told with the group that it is in', () => {
  const child = start('sleep', ['60'])
  const { pgid } = ps(child.pid)
  expect(run(String(child.pid))).toMatchObject({
    status: 1,
    err: `sess: there is no process group ${child.pid}: sleep (${child.pid}) is in process group ${pgid}\n`,
  })
  expect(isLive(child.pid)).toBe(true)
})

test('on a terminal it shows who is left while it waits', async () => {
  const script = 'trap "" TERM; echo $$; while :; do sleep 0.1; done'
  const stubborn = start('sh', ['-c', script], { detached: true })
  const pid = await stubborn.next()
  const terminal = openTerminal(front, ['kill', '--grace', '2500', String(pid)])
  await terminal.expect(new RegExp(`waiting for sh \\(${pid}\\)( and 1 more)? to end, 1 s`))
  await terminal.expect(/stopped .*by the second signal/)
})
