// Who may give the terminal away, asked in interactive shells: bash and dash end when a background job takes it.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { forEachKind } from '../helpers/kinds.ts'
import { fixturePath, isLive, type Json, node, ps, track, until } from '../helpers/process.ts'
import type { Terminal } from '../helpers/pty.ts'
import { openFolder } from '../helpers/folder.ts'
import { expectUsable, openShell, type Shell, shells, type User, users } from '../helpers/puppet.ts'

const names = Object.keys(shells) as Shell[]

interface Job {
  shell: Terminal
  /** The command line of the fixture. */
  command: string
  /** A note of the fixture's. */
  note(name: string): Promise<Json>
}

async function openJob(name: Shell, user: User, what: string): Promise<Job> {
  const folder = openFolder()
  const shell = await openShell(name, user, { ...process.env, HOME: folder })
  const command = `'${node}' '${fixturePath('background-job.mjs')}' '${what}' '${folder}'`
  return {
    shell,
    command,
    async note(name) {
      const path = join(folder, name)
      await until(() => existsSync(path))
      return JSON.parse(readFileSync(path, 'utf8'))
    },
  }
}

/** The fixture's process and its child's, which are ended after the test. */
async function pidsOf(job: Job): Promise<{ pid: number; child: number }> {
  const { pid, child } = await job.note('pids')
  track(pid, child)
  return { pid, child }
}

const all = names.flatMap((shell) => users.map((user) => [shell, user] as const))

forEachKind('job', () => {
  describe.each(all)('%s, as %s', (name, user) => {
    test.each([
      ['a job in the background', (command: string) => `${command} &`],
      ['an orphan in the background', (command: string) => `sh -c "${command} < /dev/tty &"`],
    ])('%s that wants the terminal gets EPERM, and nothing was touched', async (_, line) => {
      const job = await openJob(name, user, 'take')
      job.shell.type(`${line(job.command)}\r`)
      const result = await job.note('result')
      const error = {
        code: 'EPERM',
        syscall: 'tcsetpgrp',
        reason: 'background',
        pgid: job.shell.pid,
      }
      expect(result.errors).toEqual([error, error, error, error])
      expect(result).toMatchObject({ called: false, touched: false, foreground: false })
      expect(result.before.tpgid).toBe(job.shell.pid)
      expect(result.after).toEqual(result.before)
      await expectUsable(job.shell)
      expect(isLive(job.shell.pid)).toBe(true)
    })

    test('Ctrl-Z and bg: the right is asked anew, and the shell keeps its terminal', async () => {
      const job = await openJob(name, user, 'asked again')
      job.shell.type(`${job.command}\r`)
      const { pid, child } = await pidsOf(job)
      await until(() => ps(pid).tpgid === child)
      job.shell.type('\x1a')
      await expectUsable(job.shell)
      job.shell.type('bg\r')
      const { error, before, after } = await job.note('result')
      expect(error).toMatchObject({ code: 'EPERM', reason: 'background', pgid: job.shell.pid })
      expect(after).toEqual(before)
      await expectUsable(job.shell)
    })

    test('a terminal that the shell has taken meanwhile is not taken back', async () => {
      const job = await openJob(name, user, 'taken meanwhile')
      job.shell.type(`${job.command}\r`)
      const { pid, child } = await pidsOf(job)
      await until(() => ps(pid).tpgid === child)
      process.kill(pid, 'SIGSTOP')
      await expectUsable(job.shell)
      job.shell.type('bg\r')
      await until(() => !ps(pid).stat.startsWith('T'))
      process.kill(child, 'SIGKILL')
      expect((await job.note('result')).tpgid).toBe(job.shell.pid)
      await expectUsable(job.shell)
    })

    test.each([
      ['reads', ''],
      ['sets modes', 'stty sane; '],
    ])(
      'wait: a job that %s is stopped in the background, and reads after fg',
      async (_, before) => {
        const job = await openJob(name, user, `runner ${before}read x; echo "got $x"`)
        job.shell.type(`${job.command} &\r`)
        const { pid, child } = await pidsOf(job)
        // The program is stopped for want of the terminal, and so stops its runner, which is the shell's job.
        await until(() => ps(child).stat.startsWith('T') && ps(pid).stat.startsWith('T'))
        await expectUsable(job.shell)
        job.shell.type('fg\r')
        await until(() => ps(pid).tpgid === child)
        job.shell.type('typed\n')
        await job.shell.expect(/got typed/)
        expect(await job.note('result')).toMatchObject({ state: 'exited', code: 0 })
        await expectUsable(job.shell)
      },
    )

    test('wait: fg of a job that runs, of which bash tells nothing, gives it the terminal', async () => {
      const job = await openJob(name, user, 'runner exec sleep 60')
      job.shell.type(`${job.command} &\r`)
      const { pid, child } = await pidsOf(job)
      await expectUsable(job.shell)
      job.shell.type('fg\r')
      await until(() => ps(pid).tpgid === child)
      job.shell.type('\x03')
      expect(await job.note('result')).toMatchObject({ state: 'exited', signal: 'SIGINT' })
      await expectUsable(job.shell)
    })

    test('wait: in the background a caller that listens to stdin reads nothing, and is not stopped', async () => {
      const job = await openJob(name, user, 'listening runner exec sleep 60')
      job.shell.type(`${job.command}\r`)
      const { pid, child } = await pidsOf(job)
      await until(() => ps(pid).tpgid === child)
      job.shell.type('\x1a')
      await expectUsable(job.shell)
      job.shell.type('bg\r')
      await until(() => ps(child).stat.startsWith('S'))
      for (let i = 0; i < 3; i++) await expectUsable(job.shell)
      // It may run just now, but nothing has stopped it.
      expect(ps(pid).stat).not.toMatch(/^T/)
      process.kill(child, 'SIGTERM')
      expect(await job.note('result')).toMatchObject({ state: 'exited', signal: 'SIGTERM' })
    })

    test('wait: Ctrl-Z and bg let it run without the terminal, fg gives it back', async () => {
      const job = await openJob(name, user, 'runner exec sleep 60')
      job.shell.type(`${job.command}\r`)
      const { pid, child } = await pidsOf(job)
      await until(() => ps(pid).tpgid === child)
      job.shell.type('\x1a')
      await expectUsable(job.shell)
      expect(ps(child).stat).toMatch(/^T/)
      job.shell.type('bg\r')
      await until(() => ps(child).stat.startsWith('S'))
      await expectUsable(job.shell)
      job.shell.type('fg\r')
      await until(() => ps(pid).tpgid === child)
      job.shell.type('\x03')
      expect(await job.note('result')).toMatchObject({ state: 'exited', signal: 'SIGINT' })
      await expectUsable(job.shell)
    })
  })
})
