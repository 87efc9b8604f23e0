// `sess run --wait` as a job of a shell: to the shell it is what CMD would be.
import { spawnSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { isLive, ps, track, until } from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'
import { expectUsable, openShell, type Shell, shells, type User, users } from '../helpers/puppet.ts'
import type { Terminal } from '../helpers/pty.ts'
import { fronts } from '../helpers/sess.ts'

const [front] = fronts['bin/sess']
const present = (Object.keys(shells) as Shell[]).filter(
  (shell) => spawnSync(shell, ['-c', ':']).status === 0,
)
const cases = present.flatMap((shell) => users.map((user): [Shell, User] => [shell, user]))

const stopped = (pid: number) => ps(pid).stat.startsWith('T')

describe.each(cases)('%s, %s', (shell, user) => {
  let terminal: Terminal
  let reader: string

  beforeEach(async () => {
    const folder = openFolder()
    reader = join(folder, 'reader')
    writeFileSync(
      reader,
      '#!/bin/sh\necho "pid=$$."\nread line\necho "got=$line."\nexec sleep 60\n',
    )
    chmodSync(reader, 0o755)
    terminal = await openShell(shell, user, { ...process.env, HOME: folder })
  })

  /** Types a command whose program tells its pid; that pid and that of `sess`. */
  async function begin(command: string): Promise<{ program: number; sess: number }> {
    terminal.type(`${command}\r`)
    const [, pid] = await terminal.expect(/pid=(\d+)\./)
    const program = Number(pid)
    track(program)
    return { program, sess: ps(program).ppid }
  }

  const inForeground = (pid: number) => until(() => ps(pid).tpgid === ps(pid).pgid)

  /** Ctrl-C, which the shell sees as the end of the job. */
  async function interrupt(program: number): Promise<void> {
    terminal.type('\x03')
    await until(() => !isLive(program))
    await expectUsable(terminal)
  }

  test('--group --wait: it has the terminal, and Ctrl-C ends it', async () => {
    const { program } = await begin(`${front} run --group --wait ${reader}`)
    await inForeground(program)
    terminal.type('first\r')
    await terminal.expect(/got=first\./)
    await interrupt(program)
    terminal.type(shell === 'fish' ? 'echo "status $status."\r' : 'echo "status $?."\r')
    await terminal.expect(/status (0|130)\./)
  })

  test('Ctrl-Z gives the prompt back, fg goes on with it', async () => {
    const { program, sess } = await begin(`${front} run --group --wait ${reader}`)
    await inForeground(program)
    terminal.type('\x1a')
    await until(() => stopped(program) && stopped(sess))
    await expectUsable(terminal)
    terminal.type('fg\r')
    await inForeground(program)
    terminal.type('again\r')
    await terminal.expect(/got=again\./)
    await interrupt(program)
  })

  test('started in the background it takes no terminal; fg gives it', async () => {
    const { program, sess } = await begin(`${front} run --group --wait ${reader} &`)
    // It wants to read, and is stopped for it, as any job would be.
    await until(() => stopped(program) && stopped(sess))
    await expectUsable(terminal)
    terminal.type('fg\r')
    await inForeground(program)
    terminal.type('late\r')
    await terminal.expect(/got=late\./)
    await interrupt(program)
  })

  test('Ctrl-Z, bg, fg: in the background it runs without the terminal', async () => {
    const { program, sess } = await begin(`${front} run --group --wait ${reader}`)
    terminal.type('x\r')
    await terminal.expect(/got=x\./)
    terminal.type('\x1a')
    await until(() => stopped(program) && stopped(sess))
    await expectUsable(terminal)
    terminal.type('bg\r')
    await until(() => !stopped(program) && !stopped(sess))
    await expectUsable(terminal)
    terminal.type('fg\r')
    await until(() => ps(terminal.pid).tpgid !== terminal.pid)
    await interrupt(program)
  })

  test('a job that runs in the background when fg comes gets the terminal when it asks', async () => {
    const line = `sh -c 'echo "pid=$$."; while [ ! -e ${reader}.go ]; do sleep 0.02; done; read x; echo "got=$x."'`
    const { program } = await begin(`${front} run --group --wait ${line} &`)
    await expectUsable(terminal)
    terminal.type('fg\r')
    await until(() => ps(terminal.pid).tpgid !== terminal.pid)
    writeFileSync(`${reader}.go`, '')
    await inForeground(program)
    terminal.type('asked\r')
    await terminal.expect(/got=asked\./)
    await expectUsable(terminal)
  })

  test('in a session of its own: Ctrl-Z, fg, Ctrl-C', async () => {
    const script = `sh -c 'echo "pid=$$."; exec sleep 60'`
    const { program, sess } = await begin(`${front} run --wait ${script}`)
    terminal.type('\x1a')
    await until(() => stopped(program) && stopped(sess))
    await expectUsable(terminal)
    terminal.type('fg\r')
    await until(() => !stopped(program) && !stopped(sess))
    await until(() => ps(terminal.pid).tpgid === ps(sess).pgid)
    await interrupt(program)
  })

  test('a stop and a continuation by its own pid leave the shell its terminal', async () => {
    const { program, sess } = await begin(`${front} run --group --wait ${reader}`)
    terminal.type('x\r')
    await terminal.expect(/got=x\./)
    process.kill(program, 'SIGSTOP')
    await until(() => stopped(sess))
    await expectUsable(terminal)
    process.kill(program, 'SIGCONT')
    await until(() => !stopped(sess))
    await expectUsable(terminal)
    expect(ps(program).tpgid).toBe(terminal.pid)
    terminal.type('fg\r')
    await until(() => ps(terminal.pid).tpgid !== terminal.pid)
    await interrupt(program)
  })

  test('its modes of the terminal are the job’s alone', async () => {
    const line = `sh -c 'stty -echo intr ^P; echo "pid=$$."; exec sleep 60'`
    const { program, sess } = await begin(`${front} run --group --wait ${line}`)
    terminal.type('\x1a')
    await until(() => stopped(program) && stopped(sess))
    await expectUsable(terminal)
    // The line editors of shells have modes of their own, which are not those of a program.
    terminal.type('sh -c "stty -a; echo END"\r')
    const [modes] = await terminal.expect(/speed[^]*END\r/)
    expect(modes).toMatch(/intr = \^C/)
    expect(modes).toMatch(/[^-]echo /)
    terminal.type('fg\r')
    await inForeground(program)
    terminal.type('\x10')
    await until(() => !isLive(program))
    await expectUsable(terminal)
  })
})

describe.each(present.filter((shell) => shell === 'bash' || shell === 'dash'))('%s', (shell) => {
  test.each(['--wait', '--group --wait'])(
    'Ctrl-C ends a loop around sess run %s',
    async (options) => {
      const terminal = await openShell(shell, users[0], process.env)
      const program = `sh -c 'echo "pid=$$."; exec sleep 60'`
      terminal.type(`while :; do ${front} run ${options} ${program}; done\r`)
      const [, pid] = await terminal.expect(/pid=(\d+)\./)
      track(Number(pid))
      await until(() => ps(Number(pid)).comm === 'sleep')
      terminal.type('\x03')
      await expectUsable(terminal)
    },
  )

  test('CMD behind a pipe gets the terminal when it opens it', async () => {
    const terminal = await openShell(shell, users[0], process.env)
    const program = `sh -c 'cat; echo "pid=$$."; read x </dev/tty; echo "got=$x."'`
    terminal.type(`echo piped | ${front} run --group --wait ${program}\r`)
    const [, pid] = await terminal.expect(/pid=(\d+)\./)
    await until(() => ps(Number(pid)).tpgid === ps(Number(pid)).pgid)
    terminal.type('keys\r')
    await terminal.expect(/got=keys\./)
    await expectUsable(terminal)
  })
})
