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
  const [head, ...lines] = out.trimEnd().split('\n')
  expect(head).toMatch(/^ *PID {2}USER +COMMAND +SIGNALS$/)
  const signals = 'SIGINT, after 5 s SIGKILL'
  expect(lines).toHaveLength(2)
  expect(out).toMatch(new RegExp(`^ *${leader.pid} {2}${user} +sh +${signals}$`, 'm'))
  expect(out).toMatch(new RegExp(`^ *${member} {2}${user} +sleep +${signals}$`, 'm'))
  expect(run('--dry-run', '--no-kill', id).out).toMatch(/sh +SIGTERM$/m)
  const told = JSON.parse(run('--dry-run', '--json', '--session', id).out)
  expect(told).toMatchObject({ id: leader.pid, session: true, signal: 'SIGTERM', refused: null })
  expect(told).toMatchObject({ grace: 5000, escalate: 'SIGKILL' })
  expect(told.members.map(({ pid }: { pid: number }) => pid).sort()).toEqual(
    [leader.pid, member].sort(),
  )
  expect(isLive(leader.pid) && isLive(member)).toBe(true)
  const done = run(id)
  expect(done).toMatchObject({ status: 0, err: '' })
  expect(done.out).toMatch(/^ *PID {2}USER +COMMAND +RESULT\n/)
  expect(done.out).toMatch(new RegExp(`^ *${leader.pid} {2}${user} +sh +ended$`, 'm'))
  expect(done.out).toMatch(new RegExp(`^ *${member} {2}${user} +sleep +ended$`, 'm'))
  expect(done.out).toMatch(/\nall gone after \d\.\d s\n$/)
  expect(isLive(member)).toBe(false)
})

test('--dry-run of what is refused says so', async () => {
  const script = `setsid -w sh -c '${front} kill --dry-run "$1"; echo "$?"' sh $$; read end`
  const child = spawn('sh', ['-c', script], { detached: true, stdio: ['pipe', 'pipe', 'ignore'] })
  track(child.pid ?? 0)
  let text = ''
  child.stdout.on('data', (data: Buffer) => (text += data.toString()))
  await until(() => text.endsWith('\n1\n'))
  expect(text).toMatch(/^ *\d+ +\S+ +sh +SIGTERM, after 5 s SIGKILL$/m)
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

test('the result names who is left, and why', async () => {
  const script = 'trap "" TERM; echo $$; while :; do sleep 0.1; done'
  const stubborn = start('sh', ['-c', script], { detached: true })
  const pid = await stubborn.next()
  const args = ['--grace', '300', '--no-kill', String(pid)]
  const { status, out, err } = run(...args)
  expect({ status, err }).toEqual({ status: 1, err: '' })
  expect(out).toMatch(
    new RegExp(`^ *${pid} +\\S+ +sh +left: it had the signal and has not ended$`, 'm'),
  )
  expect(out).toMatch(/\n[12] left after \d\.\d s\n$/)
  const told = JSON.parse(run('--json', ...args).out)
  expect(told).toMatchObject({ outcome: 'survivors', escalated: false })
  expect(told.survivors[0]).toMatchObject({ pid, command: 'sh', reason: 'ignored' })
})

test('on a terminal it shows its plan, and who is left while it waits', async () => {
  const script = 'trap "" TERM; echo $$; while :; do sleep 0.1; done'
  const stubborn = start('sh', ['-c', script], { detached: true })
  const pid = await stubborn.next()
  const terminal = openTerminal(front, ['kill', '--grace', '2500', String(pid)])
  await terminal.expect(
    new RegExp(
      `^(1 process|2 processes) of process group ${pid}: SIGTERM, after 2.5 s SIGKILL\r\n`,
    ),
  )
  await terminal.expect(new RegExp(`waiting for sh \\(${pid}\\)( and 1 more)? to end, 1 s`))
  await terminal.expect(/all gone after \d\.\d s, SIGKILL was needed/)
})
