// waitForGroup() and waitForSession(). Which members are left is read from /proc.
import { spawn, spawnSync } from 'node:child_process'
import { describe, expect, test, vi } from 'vitest'
import { native } from '../../lib/base/native.ts'
import { spawn as spawnPlaced, waitForGroup, waitForSession } from '../../lib/index.ts'
import {
  gonePid,
  isLive,
  isRoot,
  node,
  ps,
  start,
  startFixture,
  track,
  until,
} from '../helpers/process.ts'
import { membersOf, sessionOf } from '../helpers/table.ts'

/** A shell that leads a session and a group, with this script. */
function lead(script: string, shell = 'sh') {
  const child = spawn(shell, ['-c', script], { detached: true, stdio: ['pipe', 'pipe', 'inherit'] })
  const pid = child.pid ?? 0
  track(pid)
  return { child, pid }
}
const live = (pids: number[]) => pids.filter(isLive)
/** Whether a promise has settled by now. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const late = new Promise((resolve) => setTimeout(resolve, 100, late0))
  return (await Promise.race([promise.catch(() => undefined), late])) === late0
}
const late0 = Symbol('late')

describe.each([
  ['waitForGroup', waitForGroup, membersOf],
  ['waitForSession', waitForSession, sessionOf],
] as const)('%s', (name, wait, members) => {
  test('is fulfilled when the last member has ended, and not before', async () => {
    const { pid } = lead('sleep 60 & sleep 61 & wait')
    await until(() => members(pid).length === 3)
    track(...members(pid))
    const done = wait(pid)
    for (const member of members(pid)) {
      expect(await isPending(done)).toBe(true)
      process.kill(member, 'SIGKILL')
    }
    await done
    expect(live(members(pid))).toEqual([])
  })

  test('a child whose leader has ended: its members are waited for', async () => {
    const { child, pid } = lead('sleep 60 & exit')
    await until(() => child.exitCode !== null)
    await until(() => live(members(pid)).length === 1)
    track(...members(pid))
    const done = wait(child)
    expect(await isPending(done)).toBe(true)
    for (const member of members(pid)) process.kill(member, 'SIGKILL')
    await done
  })

  test('a member that hands over to another is no end', async () => {
    const relay = 'n=0; relay() { n=$((n+1)); [ $n -lt 30 ] && (sleep 0.01; relay) & }; relay'
    const { pid } = lead(`${relay}; exit`)
    await wait(pid)
    expect(live(members(pid))).toEqual([])
  })

  test('one member is watched, and no look is taken meanwhile', async () => {
    const { pid } = lead('sleep 60 & sleep 61 & wait')
    await until(() => members(pid).length === 3)
    track(...members(pid))
    const looks = vi.spyOn(native, 'stopLookAsync')
    const over = new AbortController()
    const done = wait(pid, { signal: over.signal })
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const count = looks.mock.calls.length
    looks.mockRestore()
    over.abort('enough')
    await expect(done).rejects.toMatchObject({ name: 'AbortError', cause: 'enough' })
    expect(count).toBe(1)
    expect(live(members(pid))).toHaveLength(3)
  })

  test('timeout: ETIMEDOUT names the members that are left', async () => {
    const { pid } = lead('sleep 60 & wait')
    await until(() => members(pid).length === 2)
    const pids = members(pid)
    track(...pids)
    const error = { code: 'ETIMEDOUT', syscall: name, reason: 'still-running', pids }
    await expect(wait(pid, { timeout: 50 })).rejects.toMatchObject(error)
    await expect(wait(pid, { timeout: 0 })).rejects.toMatchObject(error)
  })

  test('a zombie is no live member, and what is gone is gone at once', async () => {
    const script = 'exec 3<&0; setsid sh -c "read line" <&3 & echo $!; exec sleep 60'
    const parent = start('sh', ['-c', script])
    const zombie = Number(await parent.next())
    track(zombie)
    // From here on it has a parent that reaps no child.
    await until(() => ps(parent.pid).comm === 'sleep' && ps(zombie).pgid === zombie)
    parent.tell('end')
    await until(() => ps(zombie).stat.startsWith('Z'))
    await wait(zombie)
    await wait(gonePid, { timeout: 0 })
  })

  test('what can not be waited for is refused', async () => {
    const invalid = { code: 'ERR_INVALID_ARG_VALUE' }
    // In a container our own session may be another namespace's, with the number 0.
    const ownOf = `require('setsid').${name}(process.pid).catch(({ code }) => console.log(JSON.stringify(code)))`
    expect(await start(node, ['-e', ownOf], { detached: true }).next()).toBe(invalid.code)
    const { pid, child } = start('sleep', ['60'])
    await expect(wait(pid)).rejects.toMatchObject(invalid)
    await expect(wait(child)).rejects.toMatchObject(invalid)
    for (const value of [0, 1, -5]) {
      await expect(wait(value)).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    }
    for (const value of [undefined, '12', {}, null]) {
      await expect(wait(value as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    }
    await expect(wait(pid, { grace: 1 } as never)).rejects.toMatchObject(invalid)
    await expect(wait(pid, { timeout: -1 })).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    const early = wait(gonePid, { signal: AbortSignal.abort('early') })
    await expect(early).rejects.toMatchObject({ name: 'AbortError', cause: 'early' })
  })
})

test('waitForSession: all groups of the session are waited for', async () => {
  const { pid } = lead('set -m; sleep 60 & sleep 61 & exit', 'bash')
  await until(() => live(sessionOf(pid)).length === 2)
  const [first = 0, second = 0] = live(sessionOf(pid))
  track(first, second)
  expect(ps(first).pgid).not.toBe(ps(second).pgid)
  const done = waitForSession(pid)
  process.kill(first, 'SIGKILL')
  expect(await isPending(done)).toBe(true)
  process.kill(second, 'SIGKILL')
  await done
})

test('waitForGroup: a child of our own spawn, after its exit', async () => {
  const child = spawnPlaced('sh', ['-c', 'sleep 60 & exit'], { group: 'new', stdio: 'ignore' })
  const pid = child.pid ?? 0
  track(pid)
  await until(() => child.exitCode !== null)
  const [member = 0] = live(membersOf(pid))
  track(member)
  const done = waitForGroup(child)
  expect(await isPending(done)).toBe(true)
  process.kill(member, 'SIGKILL')
  await done
})

const canUnshare =
  isRoot && spawnSync('unshare', ['--mount', '--pid', '--fork', 'true']).status === 0

test.runIf(canUnshare)(
  'waitForGroup: a member in an outer pid namespace, which no look can show, is waited for (needs root)',
  async () => {
    // Its session is not ours, and so nobody else has a place in the group.
    const running = startFixture('outer-member.mjs', [], { detached: true })
    const error = { code: 'ETIMEDOUT', reason: 'still-running', pids: [], hidden: true }
    expect(await running.next()).toEqual(error)
    expect(await running.next()).toBe('gone')
    expect(await running.ended).toBe(0)
  },
)
