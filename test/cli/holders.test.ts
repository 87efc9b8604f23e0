import { expect, test } from 'vitest'
import { hasNobody, ps, start, unprivileged, until } from '../helpers/process.ts'
import { openTerminal } from '../helpers/pty.ts'
import { fronts, sess } from '../helpers/sess.ts'

const [front] = fronts['bin/sess']
const run = (...args: string[]) => sess('bin/sess', ['holders', ...args])

/** A shell on a terminal of its own, and that terminal. */
async function shell() {
  const terminal = openTerminal('sh', ['-c', `echo READY; exec cat`], {
    env: { ...process.env, NO_COLOR: '1' },
  })
  await terminal.expect(/READY/)
  await until(() => ps(terminal.pid).comm === 'cat')
  return { terminal, tty: ps(terminal.pid).tty }
}

const row = (pid: number, user: string, command: string) =>
  new RegExp(`^ *${pid} +${user} +${command} +0 1 2$`, 'm')
const user = process.getuid?.() === 0 ? 'root' : '\\S+'

test('holders TTY: a line for each, with its descriptors', async () => {
  const { terminal, tty } = await shell()
  const { status, out } = run(tty)
  expect(status).toBe(0)
  expect(out).toMatch(/^ *PID +USER +COMMAND +FDS\n/)
  expect(out).toMatch(row(terminal.pid, user, 'cat'))
})

test('holders alone: the terminal of the caller, without sess itself', async () => {
  const terminal = openTerminal('sh', ['-c', `"$0" holders; echo "E"ND; exec cat`, front], {
    env: { ...process.env, NO_COLOR: '1' },
  })
  const [text] = await terminal.expect(/PID[^]*END/)
  const lines = text.replaceAll('\r', '')
  expect(lines).toMatch(row(terminal.pid, user, 'sh'))
  expect(lines).not.toMatch(/ node /)
})

test('holders --json: what is not seen is in it too', async () => {
  const { terminal, tty } = await shell()
  const { status, out, err } = run('--json', `/dev/${tty}`)
  expect({ status, err }).toEqual({ status: 0, err: '' })
  const { holders, unreadable, hidden } = JSON.parse(out)
  expect(holders).toMatchObject([{ pid: terminal.pid, command: 'cat', fds: [0, 1, 2] }])
  expect({ unreadable, hidden }).toEqual({ unreadable: expect.any(Array), hidden: false })
})

test('nobody: a sentence', async () => {
  const script = [
    ...['import os, time', 'master, slave = os.openpty()', 'name = os.ttyname(slave)'],
    ...['os.close(slave)', 'print(f\'"{name}"\', flush=True)', 'time.sleep(60)'],
  ]
  const tty = await start('python3', ['-c', script.join('\n')]).next()
  const { status, out } = run(tty)
  expect(status).toBe(0)
  expect(out).toMatch(new RegExp(`^nobody (that can be seen )?has ${tty} open\n$`))
})

test.runIf(hasNobody)('as nobody: how many were not looked at (needs root)', async () => {
  const { tty } = await shell()
  const { status, out, err } = sess('bin/sess', ['holders', tty], unprivileged)
  expect({ status, out }).toEqual({ status: 0, out: `nobody that can be seen has ${tty} open\n` })
  expect(err).toMatch(
    /^\d+ processes of other users could not be looked at; run it as root to see them\n$/,
  )
})

test.each([
  [['/dev/null'], 1, 'sess: /dev/null is not a terminal\n'],
  [['pts/none'], 1, 'sess: /dev/pts/none: no such file or directory\n'],
  [['pts/1', 'pts/2'], 2, 'sess: holders takes one TTY (see sess --help)\n'],
  [[], 1, 'sess: there is no controlling terminal here: say which one, such as pts/3\n'],
])('%j: exit code %i and one line', (args, status, err) => {
  // In a session of its own, which has no terminal.
  const [file, ...rest] = fronts['bin/sess']
  const told = start(file, [...rest, 'holders', ...args], { detached: true })
  return told.ended.then((ended) => {
    expect({ ended, err: told.stderr() }).toEqual({ ended: status, err })
  })
})
