import { ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  identify,
  isSameProcess,
  spawn as setsidSpawn,
  stopGroup,
  stopProcess,
  stopSession,
  waitForExit,
} from 'setsid'
import { describe, expect, test } from 'vitest'
import { describeSurvivors } from '../../lib/stop/survivors.ts'
import { compile } from '../helpers/compile.ts'
import {
  gonePid,
  hasNobody,
  isLive,
  isRoot,
  node,
  ps,
  runFixture,
  start,
  startFixture,
  track,
  unprivileged,
  until,
} from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'
import { childrenOf, childRows, membersOf } from '../helpers/table.ts'
import { need } from '../helpers/tools.ts'

/** A shell that leads a session, and prints the pids of what its script started. */
async function leader(script: string) {
  const running = start('bash', ['-c', script], { detached: true })
  const pids = (await running.next()) as number[]
  track(...pids)
  return { ...running, pids }
}

const deaf = "trap '' TERM INT HUP"
const two = 'sleep 100 & a=$!; sleep 100 & echo "[$a,$!]"; wait'

describe('stopProcess', () => {
  test('SIGTERM alone, once, to one that acts on it', async () => {
    const script = `trap 'echo "[1]"; sleep 0.3; exit 0' TERM; echo "[]"; while :; do sleep 0.05; done`
    const running = await leader(script)
    const { pid } = running
    const result = await stopProcess(pid)
    expect(result).toMatchObject({ outcome: 'gone', signalled: [pid], escalated: false })
    expect(result.elapsed).toBeGreaterThan(250)
    expect(await running.next()).toEqual([1])
    await expect(running.next()).rejects.toThrow('ended without a line')
  })

  test('SIGKILL after the grace to one that is deaf; a child object will do', async () => {
    const running = await leader(`${deaf}; echo "[]"; while :; do sleep 0.05; done`)
    const result = await stopProcess(running.child, { grace: 200 })
    expect(result).toMatchObject({ outcome: 'gone', escalated: true, survivors: [] })
    expect(isLive(running.pid)).toBe(false)
    expect((await stopProcess(running.child)).outcome).toBe('already-gone')
  })

  test('one whose first thread has ended lives by its others', async () => {
    const file = join(openFolder(), 'pid')
    const { pid } = start(compile('subject'), [file, 'thread'])
    await until(() => existsSync(file) && ps(pid).stat.startsWith('Z'))
    expect(readdirSync(`/proc/${pid}/task`)).toHaveLength(2)
    expect(await stopProcess(pid)).toMatchObject({ outcome: 'gone', signalled: [pid] })
    expect(isLive(pid)).toBe(false)
  })

  test('a stopped one can act on SIGTERM', async () => {
    const { pid } = start('sleep', ['100'])
    process.kill(pid, 'SIGSTOP')
    // Where it stops after its SIGTERM, that has ended it, and needs no SIGCONT.
    await until(() => ps(pid).stat.startsWith('T'))
    expect(await stopProcess(pid)).toMatchObject({ outcome: 'gone', escalated: false })
  })

  test('another process with its pid is stale, and let alone', async () => {
    const { pid } = start('sleep', ['100'])
    const identity = { ...identify(pid), startTicks: 1 }
    expect(await stopProcess(identity)).toMatchObject({ outcome: 'stale', signalled: [] })
    expect(isLive(pid)).toBe(true)
  })

  test('one that nobody may end: a survivor, with the reason', async () => {
    const { pid } = await leader(`${deaf}; echo "[]"; while :; do sleep 0.05; done`)
    const result = await stopProcess(pid, { grace: 100, escalate: false })
    expect(result).toMatchObject({ outcome: 'survivors', survivors: [{ pid, reason: 'ignored' }] })
  })

  test('the grace is what was asked for, and not less', async () => {
    const { pid } = await leader(
      `trap 'sleep 0.8; exit' TERM; echo "[]"; while :; do sleep 0.05; done`,
    )
    const result = await stopProcess(pid, { grace: 6000 })
    expect(result).toMatchObject({ outcome: 'gone', escalated: false, survivors: [] })
  })

  test.skipIf(!hasNobody)(
    'one of another user: a survivor at once, and told (needs root)',
    async () => {
      const { pid } = start('sleep', ['100'], { detached: true })
      const script = `
      import { signalGroup, stopGroup } from 'setsid'
      const told = signalGroup(${pid}, 'SIGTERM')
      const { elapsed, ...stopped } = await stopGroup(${pid}, { grace: 20_000 })
      console.log(JSON.stringify({ told, ...stopped, inTime: elapsed < 15_000 }))`
      const options = { cwd: import.meta.dirname, ...unprivileged }
      const running = start(node, ['--input-type=module', '-e', script], options)
      const denied = { signalled: [], notSignalled: [{ pid, code: 'EPERM' }] }
      const survivors = [{ pid, reason: 'EPERM' }]
      const expected = { outcome: 'survivors', escalated: false, signalled: [], inTime: true }
      expect(await running.next()).toMatchObject({ told: denied, ...expected, survivors })
      expect(isLive(pid)).toBe(true)
    },
  )

  test('no descriptor is left of a stop', async () => {
    const open = () => readdirSync('/proc/self/fd').length
    const all = Array.from({ length: 10 }, () => start('sleep', ['100'], { detached: true }))
    await stopProcess(gonePid)
    const before = open()
    const outcomes = await Promise.all(
      all.map(({ pid }, i) => (i % 2 === 0 ? stopGroup(pid) : stopProcess(pid))),
    )
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(Array(10).fill('gone'))
    // Node closes its three of each child that has ended.
    await until(() => open() <= before - 3 * all.length)
  })

  test('our own group gets no signal, not even 0, without allowSelf', async () => {
    const script = `
      import { signalGroup, signalSession } from 'setsid'
      const codes = [signalGroup, signalSession].map((call) => {
        try {
          return call(process.pid, 0)
        } catch ({ code }) {
          return code
        }
      })
      console.log(JSON.stringify(codes))`
    const options = { cwd: import.meta.dirname, detached: true }
    const running = start(node, ['--input-type=module', '-e', script], options)
    expect(await running.next()).toEqual(Array(2).fill('ERR_INVALID_ARG_VALUE'))
  })

  test('signal: an AbortError', async () => {
    const { pid } = await leader(`${deaf}; echo "[]"; while :; do sleep 0.05; done`)
    const stopped = stopProcess(pid, { signal: AbortSignal.timeout(50) })
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('nobody has the pid: already gone', async () => {
    expect((await stopProcess(gonePid)).outcome).toBe('already-gone')
    expect((await stopGroup(gonePid)).outcome).toBe('already-gone')
    expect((await stopSession(gonePid)).outcome).toBe('already-gone')
  })

  const refused = [0, 1, -1, -812, 2 ** 32 + 5, 1.5, Number.NaN]
  test.for(refused)('%d is refused before any signal', async (number) => {
    for (const stop of [stopProcess, stopGroup, stopSession]) {
      await expect(stop(number)).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    }
  })

  test('the caller, its group and its session are refused', async () => {
    const running = startFixture('session.mjs', ['stop oneself'], { detached: true })
    expect(await running.next()).toEqual(Array(3).fill('ERR_INVALID_ARG_VALUE'))
    expect(isLive(running.pid)).toBe(true)
  })
})

describe('an identity that misleads', () => {
  const sleeper = () => {
    const { pid } = start('sleep', ['100'])
    return { pid, ...readIdentity(pid) }
  }
  /** As the kernel has it; the boot ID is compared before the start. */
  const readIdentity = (pid: number) => ({
    startTicks: Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(' ')[21]),
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  })

  test.for([Number.NaN, -5, -1, 0.5, 1e300, Infinity])(
    'start %d is refused',
    async (startTicks) => {
      const { pid, bootId } = sleeper()
      const given = { pid, startTicks, bootId }
      await expect(stopProcess(given)).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
      await expect(waitForExit(given)).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
      expect(() => isSameProcess(given)).toThrow(
        expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }),
      )
      expect(isLive(pid)).toBe(true)
    },
  )

  test.for([0, -0, 1])('start %d is another process', async (startTicks) => {
    const { pid, bootId } = sleeper()
    expect((await stopProcess({ pid, startTicks, bootId })).outcome).toBe('stale')
    expect(isLive(pid)).toBe(true)
  })

  test('a getter that says something else the second time is read once', async () => {
    const { pid, startTicks, bootId } = sleeper()
    let reads = 0
    const given = {
      pid,
      bootId,
      get startTicks() {
        return reads++ === 0 ? startTicks - 100 : startTicks
      },
    }
    expect((await stopProcess(given)).outcome).toBe('stale')
    expect([isLive(pid), reads]).toEqual([true, 1])
  })

  test('what has the prototype of a child alone is none', async () => {
    const { pid } = sleeper()
    const fake = Object.assign(Object.create(ChildProcess.prototype) as ChildProcess, { pid })
    for (const stop of [stopProcess, stopGroup, stopSession]) {
      await expect(stop(fake)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    }
    expect(isLive(pid)).toBe(true)
  })

  test('what has the prototype of an AbortSignal alone is none, and no descriptor is left', async () => {
    const { pid } = sleeper()
    const open = () => readdirSync('/proc/self/fd').length
    const before = open()
    const signal = Object.create(AbortSignal.prototype) as AbortSignal
    for (let i = 0; i < 20; i++) {
      await expect(stopGroup(pid, { signal })).rejects.toMatchObject({
        code: 'ERR_INVALID_ARG_TYPE',
      })
    }
    expect(open()).toBeLessThan(before + 10)
    expect(isLive(pid)).toBe(true)
  })

  test('a key of Object.prototype makes no identity a child, and no wait a busy one', () => {
    const script = `import { ChildProcess, spawn, spawnSync } from 'node:child_process'
      import { once } from 'node:events'
      import { identify, stopGroup, stopProcess } from 'setsid'
      const deaf = ['-c', 'trap "" TERM; echo; while :; do sleep 1; done']
      const children = [0, 1].map(() => spawn('sh', deaf, { detached: true, stdio: ['ignore', 'pipe', 'ignore'] }))
      await Promise.all(children.map(({ stdout }) => once(stdout, 'data')))
      const identity = identify(children[0].pid)
      Object.prototype.exitCode = 1
      Object.prototype.ref = 'x'
      const before = process.cpuUsage()
      const { outcome } = await stopGroup(children[1].pid, { grace: 1000 })
      const { user, system } = process.cpuUsage(before)
      const first = await stopProcess(identity, { grace: 10 })
      console.log(first.outcome, outcome, user + system < 500_000)
      process.exit()`
    const { stdout } = spawnSync(node, ['--input-type=module', '-e', script])
    expect(stdout.toString()).toBe('gone gone true\n')
  })
})

describe('a survivor', () => {
  test('is no stranger with its number, and no zombie', async () => {
    const { pid } = start('sh', ['-c', 'sleep 0 & exec sleep 100'])
    await until(() => childRows(pid).some(({ stat }) => stat.startsWith('Z')))
    const [zombie = 0] = childrenOf(pid)
    const startOf = (id: number) =>
      Number(readFileSync(`/proc/${id}/stat`, 'latin1').split(' ')[21])
    const member = { live: true, sent: true, denied: false }
    const members = [
      { pid, startTicks: startOf(pid) - 5, ...member },
      { pid: zombie, startTicks: startOf(zombie), ...member },
    ]
    expect(await describeSurvivors(members, true)).toEqual({ survivors: [], unseen: false })
  })
})

describe('what is refused before any signal', () => {
  test.for([[undefined], [null], ['5'], [{ exitCode: 0, signalCode: null, pid: 5 }]])(
    'no number and no child: %o',
    async ([target]) => {
      for (const stop of [stopProcess, stopGroup, stopSession]) {
        await expect(stop(target as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
      }
    },
  )

  test('a child that leads nothing, by the name of the missing option', async () => {
    const { child, pid } = start('sleep', ['100'])
    await expect(stopGroup(child)).rejects.toThrow(`group: 'new'. It is in process group`)
    await expect(stopSession(child)).rejects.toThrow(`session: 'new'. It is in session`)
    expect(isLive(pid)).toBe(true)
  })

  test('the second member of a pipeline', async () => {
    const first = setsidSpawn('sleep', ['100'], { group: 'new', stdio: 'ignore' })
    const second = setsidSpawn('sleep', ['100'], { group: first.pid ?? 0, stdio: 'ignore' })
    track(first.pid ?? 0, second.pid ?? 0)
    await expect(stopGroup(second)).rejects.toThrow(
      `group: 'new'. It is in process group ${first.pid}`,
    )
    const { outcome, signalled } = await stopGroup(first)
    expect({ outcome, signalled }).toEqual({ outcome: 'gone', signalled: [first.pid, second.pid] })
  })

  test('the number of a process that is no group, with the group that it is in', async () => {
    const { pid } = start('sleep', ['100'])
    await expect(stopGroup(pid)).rejects.toThrow(`that process is in process group ${ps(pid).pgid}`)
    await expect(stopSession(pid)).rejects.toThrow(`that process is in session ${ps(pid).sid}`)
  })

  const signals = [
    [{ escalate: 999 }, 'ERR_OUT_OF_RANGE'],
    [{ killSignal: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ killSignal: 'SIGCONT' }, 'ERR_INVALID_ARG_VALUE'],
    [{ escalate: 'SIGTSTP' }, 'ERR_INVALID_ARG_VALUE'],
    [{ killSignal: 'SIGWINCH' }, 'ERR_INVALID_ARG_VALUE'],
    [{ graze: 5 }, 'ERR_INVALID_ARG_VALUE'],
  ] as const
  test.for(signals)('%o: %s', async ([options, code]) => {
    const { pid } = start('sleep', ['100'], { detached: true })
    for (const stop of [stopProcess, stopGroup, stopSession]) {
      await expect(stop(pid, options as never)).rejects.toMatchObject({ code })
    }
    expect(isLive(pid)).toBe(true)
  })
})

test.for([
  ['2000', 'group'],
  ['5000', 'session'],
])(
  '%s members of a %s are stopped in small pieces of work, with few descriptors',
  async ([size, kind]) => {
    const args = [compile('restless'), size ?? '', kind ?? '']
    const { piece, descriptors, ...rest } = await runFixture('stop-many.mjs', args)
    expect(rest).toEqual({ outcome: 'gone', signalled: Number(size) })
    // A look in this thread would be nearly all of it.
    expect(piece).toBeLessThan(0.25)
    expect(descriptors).toBeLessThan(8)
  },
)

/** A group whose leader has a higher pid than its member, which counts a signal that the kernel queues. */
const lowMember = `import os, signal, sys, time
low = os.getpid()
got = 0
def count(*_): global got; got += 1
pid = os.fork()
if pid == 0:
  os.setpgid(0, 0)
  signal.pause()
signal.signal(40, count)
while os.getpgid(pid) != pid: time.sleep(0.01)
os.setpgid(0, pid)
print([low, pid], flush=True)
while got == 0: time.sleep(0.01)
time.sleep(0.2)
print([got], flush=True)`

describe('stopGroup and stopSession', () => {
  test('a group gets its signal once, whichever member has the lowest pid', async () => {
    const running = start('python3', ['-c', lowMember])
    const [low, pgid] = await running.next()
    track(low, pgid)
    expect(ps(low).pgid).toBe(pgid)
    const result = await stopGroup(pgid, { killSignal: 40 })
    expect(result).toMatchObject({ outcome: 'gone', escalated: false })
    expect(result.signalled).toEqual([low, pgid].sort((a, b) => a - b))
    expect(await running.next()).toEqual([1])
  })

  test('a leader that is gone and members that live', async () => {
    const { pid, pids, ended } = await leader('sleep 100 & sleep 100 & echo "[$!]"')
    await ended
    expect(membersOf(pid)).toHaveLength(2)
    const result = await stopGroup(pid)
    expect(result.outcome).toBe('gone')
    expect(result.signalled).toContain(pids[0])
    expect(membersOf(pid).filter(isLive)).toEqual([])
  })

  test.for([
    // By the pidfd of its leader (Linux 6.9), and else each by its own.
    ['a group', stopGroup, two],
    ['a group whose leader is gone', stopGroup, two.replace('; wait', '')],
    ['a session of jobs', stopSession, `set -m; ${two}`],
  ] as const)('stopped members of %s can act on SIGTERM', async ([, stop, script]) => {
    const { pid, pids, ended } = await leader(script)
    const all = script.endsWith('wait') ? [pid, ...pids] : pids
    if (all === pids) await ended
    for (const member of all) process.kill(member, 'SIGSTOP')
    await until(() => all.every((member) => ps(member).stat.startsWith('T')))
    expect(await stop(pid)).toMatchObject({ outcome: 'gone', escalated: false })
    expect(all.filter(isLive)).toEqual([])
  })

  test('a leader that goes and children that are deaf: the grace is the group’s', async () => {
    const script = `(${deaf}; echo "[$BASHPID]"; while :; do sleep 0.05; done) & wait`
    const { pid, pids } = await leader(script)
    const result = await stopGroup(pid, { grace: 300 })
    expect(result).toMatchObject({ outcome: 'gone', escalated: true })
    expect(pids.filter(isLive)).toEqual([])
  })

  test('one that forks as it dies leaves nobody', async () => {
    const script = `f() { ${deaf}; (f) & (f) & sleep 0.05; }; echo "[]"; f & wait`.replace(
      '(f) & (f) &',
      '(while :; do sleep 0.01 & done) &',
    )
    const { pid } = await leader(script)
    const result = await stopGroup(pid, { grace: 200 })
    expect(result.outcome).toBe('gone')
    expect(membersOf(pid).filter(isLive)).toEqual([])
  })

  test('survivors of the first look are named, each with its reason', async () => {
    const { pid, pids } = await leader(
      `${deaf}; (echo "[$BASHPID]"; while :; do sleep 0.05; done) & while :; do sleep 0.05; done`,
    )
    const options = { grace: 0, escalate: false } as const
    for (const signalled of [1, 2]) {
      const result = await stopGroup(pid, options)
      expect(result.outcome, `stop ${signalled}`).toBe('survivors')
      const named = result.survivors.filter((left) => [pid, ...pids].includes(left.pid))
      expect(named.map((left) => [left.pid, left.reason, left.pgid])).toEqual(
        [pid, ...pids].sort((a, b) => a - b).map((member) => [member, 'ignored', pid]),
      )
    }
    expect((await stopGroup(pid, { grace: 50 })).signalled).toEqual(
      expect.arrayContaining([pid, ...pids]),
    )
  })

  test('a group with a leader is signalled without a look into /proc/PID/stat', async () => {
    need('strace')
    const { pid, pids } = await leader(two)
    const trace = join(openFolder(), 'trace')
    const script = `
      import { stopGroup } from 'setsid'
      console.log(JSON.stringify((await stopGroup(${pid})).signalled))`
    const words = ['-f', '-o', trace, '-e', 'trace=openat,pidfd_send_signal', process.execPath]
    const running = start('strace', [...words, '--input-type=module', '-e', script], {
      cwd: import.meta.dirname,
    })
    const members = [pid, ...pids].sort((a, b) => a - b)
    expect(await running.next()).toEqual(members)
    await running.ended
    const calls = readFileSync(trace, 'latin1').split('\n')
    // The leader is compared with what was meant; the others are asked for by pidfds.
    const sent = calls.findIndex((line) => line.includes('SIGTERM, NULL, 0x4'))
    expect(sent).toBeGreaterThan(0)
    const opened = calls.filter((line) => pids.some((member) => line.includes(`/${member}/stat"`)))
    expect(opened).toEqual([])
  })

  test('jobs in groups of their own go with their session', async () => {
    const { pid, pids } = await leader(`set -m; ${two}`)
    expect(new Set(pids.map((job) => ps(job).pgid)).size).toBe(2)
    expect((await stopSession(pid)).outcome).toBe('gone')
    expect(pids.filter(isLive)).toEqual([])
  })

  test('our own group, when allowed: all but ourselves', async () => {
    const child = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { stopGroup, getpgid } from 'setsid'
         import { ChildProcess, spawn, spawnSync } from 'node:child_process'
         const other = spawn('sleep', ['100'])
         const result = await stopGroup(getpgid(), { allowSelf: true })
         process.exit(result.outcome === 'gone' && result.signalled[0] === other.pid ? 7 : 1)`,
      ],
      { cwd: import.meta.dirname, detached: true, stdio: 'inherit' },
    )
    expect(await once(child, 'exit')).toEqual([7, null])
  })

  test.skipIf(!isRoot)('a member of another user: a survivor by EPERM (needs root)', async () => {
    const { pid, pids } = await leader(
      `setpriv --reuid 65534 --clear-groups sleep 100 & a=$!; sleep 100 & echo "[$a,$!]"; wait`,
    )
    await until(() => isLive(pids[0] ?? 0))
    const script = `
      import { stopGroup } from 'setsid'
      process.setuid(65534)
      const { outcome, survivors } = await stopGroup(${pid}, { grace: 300 })
      console.log(JSON.stringify({ outcome, survivors: survivors.map((s) => [s.pid, s.reason]) }))`
    const running = start(process.execPath, ['--input-type=module', '-e', script], {
      cwd: import.meta.dirname,
    })
    const { outcome, survivors } = await running.next()
    expect(outcome).toBe('survivors')
    expect(survivors).toEqual([
      [pid, 'EPERM'],
      [pids[1], 'EPERM'],
    ])
    expect(isLive(pids[0] ?? 0)).toBe(false)
  })
})
