// Contained children on odd machines, and in odd moments.
import type { ChildProcess } from 'node:child_process'
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync, statSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import {
  containedMembers,
  containedPid,
  exitOrStop,
  spawn,
  stopContained,
  type SpawnOptions,
} from 'setsid'
import { ownCgroup } from '../../lib/base/proc.ts'
import { compile } from '../helpers/compile.ts'
import { hasNobody, isLive, isRoot, node, ps, start, track, until } from '../helpers/process.ts'
import { withArgument } from '../helpers/table.ts'

const all: ChildProcess[] = []
function contain(script: string, options: SpawnOptions = {}, ...args: string[]): ChildProcess {
  const child = spawn('sh', ['-c', script, ...args], { stdio: 'ignore', ...options, contain: true })
  all.push(child)
  track(child.pid ?? 0, containedPid(child) ?? 0, ps(containedPid(child) ?? 0).ppid)
  return child
}

afterEach(async () => {
  await Promise.all(all.splice(0).map(async (child) => stopContained(child, { grace: 0 })))
})

const folder = ownCgroup() ?? ''
const hasCgroup = isRoot && existsSync(`${folder}/cgroup.procs`)
const namespace = statSync('/proc/self/ns/pid').ino
const cgroupOf = (child: ChildProcess) => `${folder}/setsid-${child.pid}-${namespace}`

let last = 0
const mark = () => `${200_000 + (process.pid % 10_000)}.${++last}`
const sleeping = (seconds: string) => withArgument(`sleep\0${seconds}\0`).filter(isLive)

const ways = ['--mount', '--pid', '--fork', '--kill-child']
const canUnshare = isRoot && spawnSync('unshare', [...ways, 'true']).status === 0

/** The lines of a program that imports the package, in a namespace that `before` has changed. */
function apart(flags: string[], before: string, body: string, after = 'true'): unknown[] {
  const script = `import { spawn, containedPid, stopContained, waitForContained } from 'setsid'
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n')
    ${body}`
  const command = `${before} "$0" --input-type=module -e "$1"; ${after}`
  const args = [...flags, 'bash', '-c', command, node, script]
  const output = execFileSync('unshare', args, {
    timeout: 20_000,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return output
    .toString()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as unknown)
}

const places = [{}, { group: 'new' }, { session: 'new' }] as const

describe('somebody stops the halves', () => {
  test.each(places)('a stopped stand-in ends all the same: %j', async (place) => {
    const child = contain('exec sleep 1000', place)
    child.kill('SIGSTOP')
    await until(() => ps(child.pid ?? 0).stat.startsWith('T'))
    const exit = once(child, 'exit')
    expect(await stopContained(child)).toMatchObject({ outcome: 'gone', escalated: false })
    expect(await exit).toEqual([null, 'SIGTERM'])
  })

  test.each(['stand-in', 'supervisor'])(
    'the end of Node ends all while the %s is stopped',
    async (half) => {
      const seconds = mark()
      const running = start(node, [
        '--input-type=module',
        '-e',
        `import { spawn, containedPid } from 'setsid'
         const child = spawn('sh', ['-c', 'setsid sleep ${seconds} & sleep ${seconds}'], { contain: true, stdio: 'ignore', session: 'new' })
         console.log(JSON.stringify([child.pid, containedPid(child)]))
         setInterval(() => {}, 1000)`,
      ])
      const [child, program] = (await running.next()) as [number, number]
      await until(() => sleeping(seconds).length === 2)
      const supervisor = ps(program).ppid
      track(child, supervisor, ...sleeping(seconds))
      process.kill(half === 'stand-in' ? child : supervisor, 'SIGSTOP')
      process.kill(running.pid, 'SIGKILL')
      await until(() => sleeping(seconds).length === 0)
      await until(() => !isLive(child) && !isLive(supervisor))
    },
  )

  test('a supervisor that was continued: a signal to the child is still for the program alone', async () => {
    const child = contain(
      `(trap 'exit' CONT; while :; do sleep 0.01; done) & wait; wait; sleep 1000`,
      {
        session: 'new',
      },
    )
    const supervisor = ps(containedPid(child) ?? 0).ppid
    await until(() => containedMembers(child).length >= 3)
    process.kill(supervisor, 'SIGSTOP')
    await until(() => !ps(supervisor).stat.startsWith('T'))
    child.kill('SIGCONT')
    child.kill('SIGUSR1')
    await exitOrStop(child)
    // The program has ended by SIGUSR1, and so both were passed on. The other has had no SIGCONT.
    expect(containedMembers(child).some(({ command }) => command === 'sh')).toBe(true)
  })
})

test('of 400 children, ten at a time, no exit code is lost', async () => {
  for (let first = 0; first < 400; first += 10) {
    const codes = Array.from({ length: 10 }, (_, i) => (first + i) % 256)
    const exits = codes.map(async (code) => {
      const child = spawn('sh', ['-c', `exit ${code}`], { contain: true, stdio: 'ignore' })
      return (await once(child, 'exit')) as [number | null, string | null]
    })
    expect(await Promise.all(exits)).toEqual(codes.map((code) => [code, null]))
  }
})

describe.runIf(hasCgroup)('cgroups', () => {
  const kill = { killSignal: 'SIGKILL' } as const
  test('what has left the cgroup, or is in one below it, is killed and named; none is left', async () => {
    for (const script of [
      `echo $$ >${folder}/cgroup.procs; exec sleep 1000`,
      `cd ${folder}/setsid-$PPID* 2>/dev/null || cd "${folder}$(sed -n 's/^0:://p' /proc/self/cgroup | sed 's,.*/,/,')"
       mkdir -p one/two/three && echo $$ >one/two/cgroup.procs && exec sleep 1000`,
    ]) {
      const child = contain(script)
      const program = containedPid(child) ?? 0
      await until(() => containedMembers(child).some(({ command }) => command === 'sleep'))
      expect(await stopContained(child, kill)).toMatchObject({
        outcome: 'gone',
        signalled: [program],
      })
      await until(() => !existsSync(cgroupOf(child)))
    }
  })

  test('a contained child of a contained child leaves no cgroup', async () => {
    const script = `import { spawn } from 'setsid'
      spawn('sleep', ['1000'], { contain: true, stdio: 'ignore' }); setInterval(() => {}, 1000)`
    const child = spawn(node, ['--input-type=module', '-e', script], { contain: true })
    all.push(child)
    await until(() => containedMembers(child).some(({ command }) => command === 'sleep'))
    const inner = readdirSync(cgroupOf(child)).filter((name) => name.startsWith('setsid-'))
    expect(inner).toHaveLength(1)
    expect((await stopContained(child, kill)).signalled).toHaveLength(4)
    await until(() => !existsSync(cgroupOf(child)))
  })

  test('another cgroup that has got the name of one that is lost is let alone', async () => {
    const seconds = mark()
    const child = contain(`setsid sleep ${seconds} & exit 0`)
    await exitOrStop(child)
    await until(() => sleeping(seconds).length === 1)
    const { ino } = statSync(cgroupOf(child))
    const [left = 0] = sleeping(seconds)
    process.kill(ps(left).ppid, 'SIGKILL')
    await until(() => ps(left).ppid !== child.pid && containedMembers(child).length === 1)
    process.kill(left, 'SIGKILL')
    await until(() => !isLive(left))
    const stranger = start('sleep', ['1000'])
    // A contained child of another test may remove both while they are empty.
    await until(() => {
      try {
        if (statSync(cgroupOf(child), { throwIfNoEntry: false })?.ino === ino)
          rmdirSync(cgroupOf(child))
        mkdirSync(cgroupOf(child), { recursive: true })
        writeFileSync(`${cgroupOf(child)}/cgroup.procs`, String(stranger.pid))
        return true
      } catch {
        return false
      }
    })
    expect(statSync(cgroupOf(child)).ino).not.toBe(ino)
    try {
      expect(containedMembers(child)).toEqual([])
      expect(await stopContained(child)).toMatchObject({ outcome: 'survivors', hidden: true })
      expect(isLive(stranger.pid)).toBe(true)
    } finally {
      process.kill(stranger.pid, 'SIGKILL')
      await stranger.ended
      rmdirSync(cgroupOf(child))
    }
  })
})

describe.runIf(canUnshare)('namespaces (needs root)', () => {
  test('Node as pid 1: no zombie is left of a supervisor that outlives the child', () => {
    const [result] = apart(
      [...ways, '--mount-proc'],
      'exec',
      `import { once } from 'node:events'
       import { readFileSync } from 'node:fs'
       const child = spawn('sh', ['-c', 'setsid sleep 1000 & exit 3'], { contain: true, stdio: 'ignore' })
       const [code] = await once(child, 'exit')
       const { outcome } = await stopContained(child)
       const children = () => readFileSync('/proc/1/task/1/children', 'latin1').split(' ').filter(Boolean)
       for (let i = 0; i < 300 && children().length > 0; i++) await sleep(10)
       say({ pid: process.pid, code, outcome, children: children().length })`,
    )
    expect(result).toEqual({ pid: 1, code: 3, outcome: 'gone', children: 0 })
  })

  test.runIf(hasCgroup)(
    'a cgroup that an earlier process with its number has left is in no way',
    () => {
      const [result] = apart(
        [...ways, '--mount-proc'],
        '',
        `import { mkdirSync, readFileSync, rmdirSync, statSync } from 'node:fs'
       const name = (pid) => 'setsid-' + pid + '-' + statSync('/proc/self/ns/pid').ino
       const path = (pid) => ${JSON.stringify(folder)} + '/' + name(pid)
       const pids = Array.from({ length: 40 }, (_, i) => process.pid + i)
       for (const pid of pids) mkdirSync(path(pid), { recursive: true })
       const child = spawn('sleep', ['1000'], { contain: true, stdio: 'ignore' })
       const place = readFileSync('/proc/' + containedPid(child) + '/cgroup', 'latin1')
       const inOwn = place.includes('/' + name(child.pid) + '\\n')
       const { outcome } = await stopContained(child, { grace: 1000 })
       for (const pid of pids) try { rmdirSync(path(pid)) } catch {}
       say({ isPrepared: pids.includes(child.pid), inOwn, outcome })`,
      )
      expect(result).toEqual({ isPrepared: true, inOwn: true, outcome: 'gone' })
    },
  )

  const family = `spawn('sh', ['-c', 'setsid sleep 1000 & sleep 1000 & wait'], { contain: true, stdio: 'ignore', ...place })`

  test.each(places)(
    'without /proc all is stopped, and the exit event throws nothing: %j',
    (place) => {
      const [result] = apart(
        ways,
        'umount -l /proc;',
        `const place = ${JSON.stringify(place)}
       const child = ${family}
       await sleep(200)
       const { outcome } = await stopContained(child, { grace: 1000 })
       const other = ${family}
       await sleep(100)
       other.kill('SIGKILL')
       await new Promise((resolve) => other.on('exit', resolve))
       await stopContained(other, { grace: 1000 })
       say({ outcome })`,
      )
      expect(result).toEqual({ outcome: 'gone' })
    },
  )

  test.each([
    ['no /proc', 'umount -l /proc;', ''],
    [
      'hidepid',
      'mount -t proc -o hidepid=2 proc /proc;',
      'setpriv --reuid=65534 --regid=65534 --clear-groups',
    ],
  ])('%s: what can not be seen ends with Node', (_, before, as) => {
    if (as !== '' && !hasNobody) return
    const code = `import ctypes, os, time
os.setsid()
ctypes.CDLL(None).prctl(4, 0)
if os.fork() == 0: os.setsid()
time.sleep(1000)`
    const result = apart(
      ways,
      `${before} ${as}`,
      `const child = spawn('python3', ['-c', ${JSON.stringify(code)}], { contain: true, stdio: 'ignore' })
       await sleep(500)
       process.kill(process.pid, 'SIGKILL')`,
      `umount -l /proc 2>/dev/null; mount -t proc proc /proc
       for i in $(seq 100); do n=$(ps -e -o comm= | grep -c python); [ $n = 0 ] && break; sleep 0.1; done; echo $n`,
    )
    expect(result).toEqual([0])
  })

  test('a /proc of another pid namespace: no namesake of ours is killed', () => {
    // Outside, every second process has a child. Inside, the same numbers are strangers.
    const outside = `for i in $(seq 150); do (sleep 997 & wait) & done; exec unshare ${ways.join(' ')} bash -c 'for i in $(seq 20); do sleep 996 & done
      for round in 1 2 3; do "$0" --input-type=module -e "$1"; done; true' "$0" "$1"; :`
    const result = apart(
      [...ways, '--mount-proc'],
      outside,
      `import { spawn as plain } from 'node:child_process'
       const child = spawn('sleep', ['1000'], { contain: true, stdio: 'ignore' })
       const strangers = Array.from({ length: 60 }, () => plain('sleep', ['998'], { stdio: 'ignore' }))
       let died = 0
       for (const one of strangers) one.on('exit', () => died++)
       const { outcome } = await stopContained(child, { grace: 300 })
       await sleep(300)
       say({ outcome, died })
       process.exit()`,
    )
    expect(result).toEqual(Array.from({ length: 3 }, () => ({ outcome: 'gone', died: 0 })))
  }, 60_000)
})

test('a signal option that throws after the start leaves nothing', async () => {
  const seconds = mark()
  const throws = () => {
    throw new Error('late')
  }
  const signal = { aborted: false, addEventListener: throws, removeEventListener: throws }
  expect(() =>
    spawn('sh', ['-c', `setsid sleep ${seconds} & exec sleep ${seconds}`], {
      contain: true,
      stdio: 'ignore',
      signal: signal as never,
    }),
  ).toThrow('late')
  await until(() => withArgument(seconds).filter(isLive).length === 0)
})

test.each(['ENOSYS', 'EPERM'])(
  'pidfd_send_signal refused with %s: nothing is started, and why',
  async (code) => {
    const script = `import { spawn } from 'setsid'
    spawn('true', { contain: true }).on('error', ({ code, syscall, reason }) =>
      console.log(JSON.stringify({ code, syscall, reason })))`
    const args = [`pidfd_send_signal=${code}`, '--', node, '--input-type=module', '-e', script]
    expect(await start(compile('deny'), args).next()).toEqual({
      code,
      syscall: 'fork',
      reason: 'no-pidfd',
    })
  },
)

test('a wait without a limit lasts longer than the longest timer of Node', async () => {
  const script = `import timers from 'node:timers/promises'
    import { syncBuiltinESMExports } from 'node:module'
    const real = timers.setTimeout
    // 24 days pass at once.
    timers.setTimeout = (ms, ...rest) => real(ms > 1e9 ? 20 : ms, ...rest)
    syncBuiltinESMExports()
    const { spawn, waitForContained } = await import('setsid')
    const child = spawn('sleep', ['1000'], { contain: true, stdio: 'ignore' })
    setTimeout(() => child.kill(), 300)
    const began = performance.now()
    await waitForContained(child)
    console.log(JSON.stringify(performance.now() - began >= 250))`
  expect(await start(node, ['--input-type=module', '-e', script]).next()).toBe(true)
})
