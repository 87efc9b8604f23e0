import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fixturePath, isLive, type Json, node, ps, track, until } from '../helpers/process.ts'
import type { Terminal } from '../helpers/pty.ts'
import { need } from '../helpers/tools.ts'
import {
  expectJob,
  expectUsable,
  idsOf,
  openShell,
  openSwitchboard,
  remember,
  type Puppet,
  type Shell,
  shells,
  stdioOf,
  type Switchboard,
  type User,
  users,
} from '../helpers/puppet.ts'
import { childrenOf, membersOf } from '../helpers/table.ts'

const remote = `${node} ${fixturePath('puppet.mjs')}`

interface Place extends Switchboard {
  user: User
  terminal: Terminal
}

/** What the kernel shows of a detached process, and what the call said of it. */
async function expectDetached(it: Puppet, result: Json, method: string, pid = it.pid) {
  const ids = { pid: it.pid, sid: it.pid, pgid: it.pid }
  expect(result).toEqual({ ...ids, method, complete: true, blockedBy: [] })
  expect(ps(pid)).toMatchObject({ pid, pgid: pid, sid: pid, tty: '?', tpgid: -1 })
  expect(stdioOf(pid).join()).not.toMatch(/pts|tty/)
  await expect(it.call('openTerminal')).rejects.toMatchObject({ code: 'ENXIO' })
}

/** A line for the shell, and how the process gets away from where the line puts it. */
const places: Record<string, [line: string, method: string, options?: object]> = {
  'the foreground leader': [remote, 'hop'],
  'a background job': [`${remote} &`, 'hop'],
  'the command of bash -c': [`bash -c '${remote}'`, 'hop'],
  'one of two commands of bash -c': [`bash -c '${remote}; true'`, 'setsid'],
  'the end of a pipeline': [`yes | ${remote}`, 'setsid'],
  'the head of a pipeline that it lets drain': [
    `${remote} | cat`,
    'hop',
    { stdout: 'null', wait: 10_000 },
  ],
  'a session leader by script': [`script -qc 'exec ${remote}' /dev/null`, 'notty'],
  'a session leader by tmux': [
    `tmux -L "$SETSID_TEST_TMUX" -f /dev/null new-session 'exec ${remote}'`,
    'notty',
  ],
  'a session leader by setsid': [`setsid -w ${remote}`, 'notty'],
}

/** Places that take more than a line. */
const scenes: Record<string, (place: Place) => Promise<unknown>> = {
  async 'the head of a pipeline that stays: EPERM names it, and nothing has changed'(place) {
    const it = await run(place, `${remote} | sleep 1000`)
    await expectBlocked(it, place)
  },

  async 'the leader of a child that has called exec: EPERM names it, and nothing has changed'(
    place,
  ) {
    const it = await run(place, remote)
    track(await it.call('child', '1000'))
    await expectBlocked(it, place)
  },

  async 'the leader of a child that ends while it waits'(place) {
    const it = await run(place, remote)
    await it.call('child', '0.3')
    await expectDetached(it, await it.call('detach', { wait: 10_000 }), 'hop')
  },

  async 'the head of a pipeline that stays, asked for partial: a group of its own, no terminal'(
    place,
  ) {
    const it = await run(place, `${remote} | sleep 1000`)
    await until(() => others(it.pid).length === 1)
    const before = ps(it.pid)
    const blockedBy = others(it.pid)
    const result = await it.call('detach', { onBlocked: 'partial' })
    const after = ps(it.pid)
    expect(after).toMatchObject({ pid: it.pid, sid: before.sid, tty: '?' })
    const { sid, pgid } = after
    expect(result).toEqual({
      ...{ pid: it.pid, sid, pgid },
      ...{ method: 'notty', complete: false, blockedBy },
    })
    expect(membersOf(pgid)).toEqual([it.pid])
    expect(isLive(pgid)).toBe(false)
    expect(ps(blockedBy[0] ?? 0)).toMatchObject({ pgid: it.pid, tpgid: it.pid })
    expect(await it.call('detachSync', { onBlocked: 'partial' })).toEqual(result)
    process.kill(blockedBy[0] ?? 0)
    // The shell waits for both.
    await until(() => others(it.pid).length === 0)
    await expectDetached(it, await it.call('detach'), 'setsid')
    await it.end()
  },

  async 'a job whose shell was killed'(place) {
    const it = await run(place, `${remote} &`)
    process.kill(place.terminal.pid, 'SIGKILL')
    await until(() => !isLive(place.terminal.pid))
    await expectDetached(it, await it.call('detach'), 'hop')
  },

  async 'a group leader whose parent is in another session'(place) {
    const parent = await run(place, remote)
    await parent.call('program', 'child')
    const it = await place.next()
    await it.call('setpgid')
    await expectDetached(parent, await parent.call('detachSync'), 'hop')
    expect(ps(it.pid)).toMatchObject({ ppid: parent.pid, pgid: it.pid, sid: place.terminal.pid })
    await expectDetached(it, await it.call('detachSync'), 'hop')
    await it.end()
    await parent.end()
    await expectUsable(place.terminal)
  },

  async 'pid 1 of a pid namespace'(place) {
    const as = process.getuid?.() === 0 && place.user !== 'nobody' ? '' : '-Ur'
    need('unshare', idsOf(place.user))
    const it = await run(place, `unshare ${as} --pid --fork ${remote}`)
    expect(it.pid).toBe(1)
    const unshare = membersOf(ps(place.terminal.pid).tpgid)[0]
    const [pid = 0] = childrenOf(unshare ?? 0)
    track(pid)
    await expectDetached(it, await it.call('detach'), 'setsid', pid)
    await it.end()
    await expectUsable(place.terminal)
  },

  async 'a process that is detached already: nothing changes, the result is the same'(place) {
    const it = await run(place, remote)
    const first = await it.call('detach')
    const unchanged = remember(it.pid)
    expect(await it.call('detach')).toEqual(first)
    expect(await it.call('detachSync')).toEqual(first)
    expect(await it.call('together', {}, { wait: 100 })).toEqual([first, first])
    await unchanged()
    await expectDetached(it, first, 'hop')
  },

  async 'a worker thread: a typed error'(place) {
    const it = await run(place, remote)
    const code = 'ERR_WORKER_UNSUPPORTED_OPERATION'
    const { ppid, pgid, sid, tpgid, tty } = ps(it.pid)
    expect(await it.call('inWorker')).toEqual([code, code, code])
    // Whether it sleeps or runs in that moment, with its worker about to go, is chance.
    expect(ps(it.pid)).toMatchObject({ ppid, pgid, sid, tpgid, tty })
    await it.end()
    await expectUsable(place.terminal)
  },
}

async function run(place: Place, line: string): Promise<Puppet> {
  place.terminal.type(`${line}\r`)
  const it = await place.next()
  if (!line.endsWith('&')) await expectJob(place.terminal)
  return it
}

const others = (group: number) =>
  membersOf(group)
    .filter((pid) => pid !== group)
    .sort((a, b) => a - b)

/** Refused at once, and after waiting in vain; it writes to its stdout as before. */
async function expectBlocked(it: Puppet, { terminal, folder }: Place): Promise<void> {
  await it.call('listen', ['SIGTTIN', 'SIGTTOU', 'SIGCONT'])
  // The shell may start the second command of a pipeline a little later.
  await until(() => others(it.pid).length === 1)
  const unchanged = remember(it.pid)
  const blockedBy = others(it.pid)
  const [log, options] = [join(folder, 'log'), { cwd: '/', umask: 0o77, stdin: 'null' }]
  for (const wait of [0, 50]) {
    for (const call of ['detach', 'detachSync']) {
      const error = await it
        .call(call, { ...options, stdout: log, stderr: log, wait })
        .catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({
        ...{ errno: -1, code: 'EPERM', syscall: 'setsid', reason: 'group-in-use' },
        ...{ pgid: it.pid, blockedBy },
        message: `EPERM: operation not permitted, setsid: process group ${it.pid} is still in use by ${blockedBy.join(', ')}`,
      })
      await unchanged()
    }
  }
  expect(it.events).toEqual([])
  expect(readFileSync(log, 'utf8')).toBe('')
  process.kill(blockedBy[0] ?? 0)
  await it.end()
  await expectUsable(terminal)
}

describe.each(users)('as %s', (user) => {
  describe.each(Object.keys(shells) as Shell[])('from %s', (shell) => {
    const open = async (): Promise<Place> => {
      const board = await openSwitchboard()
      const env = { ...board.env, SETSID_TEST_TMUX: `setsid-${process.pid}-${Date.now()}` }
      return { ...board, terminal: await openShell(shell, user, env), user }
    }

    test.each(Object.entries(places))('detach: %s', async (_, [line, method, options = {}]) => {
      need(line.split(' ', 1)[0] ?? '', idsOf(user))
      const place = await open()
      const it = await run(place, line)
      await expectDetached(it, await it.call('detach', options), method)
      await it.end()
      await expectUsable(place.terminal)
    })

    test.each(Object.entries(scenes))('detach: %s', async (_, scene) => {
      await scene(await open())
    })
  })
})
