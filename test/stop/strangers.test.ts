import { execFileSync, spawnSync } from 'node:child_process'
import { identify, spawn, stopGroup, type StopResult } from 'setsid'
import { beforeAll, describe, expect, test } from 'vitest'
import { EINVAL } from '../../lib/base/errno.ts'
import { native } from '../../lib/base/native.ts'
import { SCOPE } from '../../lib/base/scope.ts'
import { holdSession } from '../../lib/stop/stop.ts'
import { compile, compileWith } from '../helpers/compile.ts'
import {
  fixturePath,
  isLive,
  isRoot,
  node,
  ps,
  start as begin,
  track,
  until,
} from '../helpers/process.ts'
import { membersOf } from '../helpers/table.ts'

const ways = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
const canUnshare = isRoot && spawnSync('unshare', [...ways, 'true']).status === 0

/** Runs a fixture in a pid namespace of its own, whose first process reaps. */
function apart(before: string, fixture: string, args: string[]): unknown {
  const words = [node, fixturePath(fixture), ...args].map((word) => `'${word}'`).join(' ')
  const output = execFileSync('unshare', [...ways, 'bash', '-c', `${before}${words}; true`], {
    timeout: 600_000,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return JSON.parse(output.toString())
}

test.runIf(canUnshare)(
  'whoever has the number by now is let alone, before and during a stop (needs root)',
  () => {
    const result = apart('', 'stop-strangers.mjs', [compile('as-pid')]) as object
    expect(Object.keys(result)).toHaveLength(8)
    for (const [name, outcome] of Object.entries(result)) {
      const during = name.includes('during')
      expect([name, outcome]).toEqual([
        name,
        expect.stringMatching(during ? /^gone, let alone$/ : /^(stale|already-gone), let alone$/),
      ])
    }
  },
)

test.skipIf(!isRoot)(
  'a stranger that got the number within the same tick, and so has its start, is not hit (needs root)',
  { timeout: 60_000 },
  async () => {
    const running = begin('python3', [fixturePath('same-tick.py')])
    const { bootId } = identify()
    for (let found = 0; found < 3;) {
      running.tell('')
      const [pid, startTicks] = (await running.next()) as [number, number]
      const hold = holdSession({ pid, startTicks, bootId })
      process.kill(pid, 'SIGKILL')
      const [stranger, start] = (await running.next()) as [number, number]
      expect(stranger).toBe(pid)
      if (hold !== undefined && start === startTicks) {
        found++
        expect((await hold.stopLeader({ grace: 0 })).signalled).toEqual([])
        expect((await hold.stop({ grace: 0 })).signalled).toEqual([])
        expect(isLive(stranger)).toBe(true)
      }
      hold?.release()
      running.tell('')
    }
    // It ends the last stranger first.
    running.child.stdin?.end()
    expect(await running.ended).toBe(0)
  },
)

describe('whoever gets the number of a member between the look and the signal', () => {
  let program = ''
  beforeAll(() => {
    const parts = ['send', 'look', 'meaning', 'members'].map((part) => `stop_${part}`)
    program = compileWith('send', [...parts, 'pid_numbers', 'proc', 'process_stat'])
  })
  const scopes = ['kSession', 'kGroup', 'kProcess'] as const
  const ways: [string, string[]][] = [
    ['by pidfds', []],
    ['without pidfds', ['pidfd_open=ENOSYS']],
  ]
  test.for(ways)('is told by its start, and let alone, %s', async ([, refused]) => {
    const send = [...refused, '--', program]
    for (const scope of scopes) {
      const { pid } = begin('sleep', ['100'], { detached: true })
      const kill = async (earlier: number) =>
        begin(compile('deny'), [...send, String(SCOPE[scope]), String(pid), String(earlier)]).next()
      expect(await kill(1)).toEqual([1, 0])
      expect(isLive(pid)).toBe(true)
      expect(await kill(0)).toEqual([1, 1])
      await until(() => !isLive(pid))
    }
  })
})

test('two children end at once: the members of the one that Node has not told of are not gone', async () => {
  const children = [0, 1].map(() =>
    spawn('sh', ['-c', 'sleep 60 & exec sleep 60'], { group: 'new', stdio: 'ignore' }),
  )
  const leaders = children.map(({ pid = 0 }) => pid)
  track(...leaders)
  await until(() => leaders.every((pid) => membersOf(pid).length === 2 && ps(pid).comm === 'sleep'))
  track(...leaders.flatMap(membersOf))
  const left = leaders.map((pid) => membersOf(pid).filter((member) => member !== pid))
  const told = new Promise<number>((resolve) => {
    children.forEach((child, i) => child.once('exit', () => resolve(i)))
  })
  let outcome: Promise<StopResult> | undefined
  for (const [i, child] of children.entries()) {
    child.once('exit', () => {
      const other = children[1 - i]
      if (outcome !== undefined || other === undefined) return
      // It was reaped, and Node says nothing yet.
      expect(other.exitCode ?? other.signalCode).toBeNull()
      outcome = stopGroup(other, { grace: 0 })
    })
  }
  for (const pid of leaders) process.kill(pid, 'SIGKILL')
  const [first, second] = [await told, 1 - (await told)]
  // Its leader too, where that one is still dying.
  const signalled = expect.arrayContaining(left[second] ?? []) as number[]
  expect(await outcome).toMatchObject({ outcome: 'gone', signalled })
  expect(left[second]?.some(isLive)).toBe(false)
  expect(left[first]?.every(isLive)).toBe(true)
})

test('native code refuses what names no process, group or session', () => {
  const bad = [0, 4, -1, 'x' as never, undefined as never]
  for (const scope of bad) {
    expect(native.stopLook(scope, 2, -1, -1, 1, 0, 0, undefined)).toBe(EINVAL)
  }
  expect(native.stopLook(3, 'x' as never, -1, -1, 1, 0, 0, undefined)).toBe(EINVAL)
  expect(native.stopLook(3, 2, -1, 'x' as never, 1, 0, 0, undefined)).toBe(EINVAL)
  for (const id of [1, 0, -1])
    expect(native.stopLook(3, id, -1, -1, 1, 0, 0, undefined)).toBe(EINVAL)
})
