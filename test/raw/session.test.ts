import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { gonePid, isLive, ps, start, startFixture, track, until } from '../helpers/process.ts'
import { psLines } from '../helpers/table.ts'

const at = (name: string, ...args: (number | string)[]) =>
  startFixture('session.mjs', [name, ...args.map(String)])

/** A program in a session of its own. */
const elsewhere = (...command: string[]) => start('setsid', ['-w', ...command])

describe('setsid', () => {
  test('a group member becomes leader of a session and a group, without terminal', async () => {
    const running = at('setsid')
    const { before, value } = await running.next()
    expect(value).toBe(running.pid)
    expect(before.sid).toBe(ps(process.pid).sid)
    expect(ps(running.pid)).toMatchObject({ sid: running.pid, pgid: running.pid, tty: '?' })
    running.tell('end')
    expect(await running.ended).toBe(0)
  })
})

describe('getsid, getpgid and getpgrp', () => {
  test('of the caller are what ps says', async () => {
    const running = at('ids')
    const { sid, pgid, pgrp } = await running.next()
    expect({ sid, pgid }).toEqual({ sid: ps(running.pid).sid, pgid: ps(running.pid).pgid })
    expect(pgrp).toBe(pgid)
  })

  test('of every process of this machine are what ps says', () => {
    for (let i = 0; i < 10; i++) elsewhere('sleep', '60')
    const script = `import { getpgid, getsid } from 'setsid'
      for (const pid of process.argv.slice(1)) {
        const quiet = { throwIfNoEntry: false }
        console.log(pid, getpgid(+pid, quiet), getsid(+pid, quiet))
      }`
    const table = () => psLines('-eo', 'pid=,pgid=,sid=').map((words) => words.join(' '))
    const before = table()
    const pids = before.map((line) => line.split(' ')[0] ?? '')
    const ours = execFileSync(
      process.execPath,
      ['--input-type=module', '-e', script, '--', ...pids],
      { maxBuffer: 2 ** 26 },
    )
    const after = new Set(table())
    const lasting = before.filter((line) => after.has(line))
    expect(lasting.length).toBeGreaterThan(10)
    expect(ours.toString().trim().split('\n')).toEqual(expect.arrayContaining(lasting))
  })

  test('of a process in another session are its own', async () => {
    const other = elsewhere('sh', '-c', 'echo $$; exec sleep 60')
    const pid = await other.next()
    track(pid)
    const line = await at('of', pid).next()
    expect(line.sid).toEqual({ value: ps(pid).sid })
    expect(line.pgid).toEqual({ value: ps(pid).pgid })
    expect(line.sid.value).not.toBe(ps(process.pid).sid)
  })

  test('of a zombie are those it had', async () => {
    const script = 'import os, time; print(os.fork() or os._exit(0), flush=True); time.sleep(60)'
    const zombie = await start('python3', ['-c', script]).next()
    await until(() => ps(zombie).stat.startsWith('Z'))
    const line = await at('of', zombie).next()
    expect(line.sid).toEqual({ value: ps(zombie).sid })
    expect(line.pgid).toEqual({ value: ps(zombie).pgid })
  })

  test('of a pid that is gone throw ESRCH, or are undefined when asked not to', async () => {
    const line = await at('of', gonePid).next()
    expect(line.sid.error).toMatchObject({ code: 'ESRCH', syscall: 'getsid', errno: -3 })
    expect(line.pgid.error).toMatchObject({ code: 'ESRCH', syscall: 'getpgid', errno: -3 })
    expect(line.quietSid).toEqual({ value: 'undefined' })
    expect(line.quietPgid).toEqual({ value: 'undefined' })
  })

  test('a negative pid is the kernel’s to refuse', async () => {
    const line = await at('of', -5).next()
    expect(line.sid.error).toMatchObject({ code: 'ESRCH' })
  })
})

describe('setpgid', () => {
  test('without arguments makes the caller the leader of a new group in its session', async () => {
    const running = at('own group')
    const { pgid } = await running.next()
    expect(pgid).toBe(running.pid)
    expect(ps(running.pid)).toMatchObject({ pgid: running.pid, sid: ps(process.pid).sid })
  })

  test('joins a group of the session', async () => {
    const leader = at('own group')
    await leader.next()
    const member = at('join group', leader.pid)
    await member.next()
    expect(ps(member.pid).pgid).toBe(leader.pid)
  })
})

describe('killpg', () => {
  async function group() {
    const leader = at('member stays')
    const { child } = await leader.next()
    track(child)
    return { leader, child }
  }

  test.each([
    ['killpg default', 0, 'SIGTERM'],
    ['killpg named', 0, 'SIGHUP'],
    ['killpg number', 9, 'SIGKILL'],
  ])('%s signals every member', async (name, signal, expected) => {
    const { leader, child } = await group()
    expect(await at(name, leader.pid, signal).next()).toEqual({ value: 'undefined' })
    expect(await leader.ended).toBe(expected)
    await until(() => !isLive(child))
  })

  test('signal 0 sends nothing', async () => {
    const { leader, child } = await group()
    expect(await at('killpg number', leader.pid, 0).next()).toEqual({ value: 'undefined' })
    expect([isLive(leader.pid), isLive(child)]).toEqual([true, true])
  })

  test('a process can signal its own group and hear it', async () => {
    expect(await at('signals of one’s own').next()).toEqual({ heard: ['SIGUSR2', 12] })
  })
})
