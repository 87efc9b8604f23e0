// spawn({ contain: true }): what the child starts, however it leaves, is found and ended. Read from /proc.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { readlinkSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import {
  containedMembers,
  containedPid,
  exitOrStop,
  spawn,
  type SpawnOptions,
  stopContained,
  stopGroup,
  stopProcess,
  stopSession,
  waitForContained,
  watchChild,
  withForeground,
} from 'setsid'
import { ownCgroup } from '../../lib/base/proc.ts'
import { watchChild as watchHere } from '../../lib/spawn/child.ts'
import { containmentOf } from '../../lib/spawn/contain.ts'
import { spawn as spawnHere } from '../../lib/spawn/spawn.ts'
import { compile } from '../helpers/compile.ts'
import {
  hasNobody,
  isLive,
  isRoot,
  node,
  ps,
  start,
  track,
  unprivileged,
  until,
} from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'
import { openTerminal } from '../helpers/pty.ts'
import { childRows, childrenOf, each, withArgument } from '../helpers/table.ts'

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const all: ChildProcess[] = []

/** A contained shell. */
function contain(script: string, options: SpawnOptions = {}, ...args: string[]): ChildProcess {
  const child = spawn('sh', ['-c', script, ...args], { stdio: 'ignore', ...options, contain: true })
  all.push(child)
  track(child.pid ?? 0, containedPid(child) ?? 0)
  return child
}

afterEach(async () => {
  await Promise.all(all.splice(0).map(async (child) => stopContained(child, { grace: 0 })))
})

/** The folder of our own cgroup, if a child's can be made there. */
const folder = ownCgroup() ?? ''
const hasCgroup = isRoot && existsSync(`${folder}/cgroup.procs`)
const cgroups = () => readdirSync(folder).filter((name) => name.startsWith('setsid-'))
const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0]
const cgroupOf = (pid: number | undefined) => `setsid-${pid}-${namespace}`

/** A number that only the sleeps of one test have. */
let last = 0
const mark = () => `${100_000 + (process.pid % 10_000)}.${++last}`
const sleeping = (seconds: string) => withArgument(`sleep\0${seconds}\0`).filter(isLive)
const readUid = (pid: number) =>
  Number(/^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1])
/** The machine's init takes its time to reap. */
const liveUid = (pid: number) => (isLive(pid) ? readUid(pid) : undefined)
const fdsOf = (pid: number) =>
  readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))

const escapes = (s: string) => `
  setsid sleep ${s} &
  nohup sleep ${s} >/dev/null 2>&1 &
  (sleep ${s} &) ; (setsid sh -c 'sleep ${s} & exit' &)
  env -i setsid -f sleep ${s}
  setsid sh -c 'for n in 0 1 2 3 4 5 6 7 8 9; do eval "exec $n>&-"; done; exec sleep ${s}' &
  sleep ${s}`
const escaped = 7

describe.each([
  ['as we are', {}],
  ['as nobody', unprivileged],
])('%s', (_, user) => {
  test('what leaves by setsid, nohup, double fork, env -i and without descriptors is named, and ended', async () => {
    const seconds = mark()
    const child = contain(escapes(seconds), user)
    await until(() => sleeping(seconds).length === escaped)
    track(...sleeping(seconds))
    const members = containedMembers(child).map(({ pid }) => pid)
    expect(members).toEqual(expect.arrayContaining(sleeping(seconds)))
    const result = await stopContained(child, { grace: 1000 })
    expect(result).toMatchObject({ outcome: 'gone', survivors: [], hidden: false })
    expect(result.signalled).toEqual(expect.arrayContaining(members))
    expect(result.elapsed).toBeLessThan(2000)
    expect(sleeping(seconds)).toEqual([])
    expect(containedMembers(child)).toEqual([])
  })

  test('200 children that fork once more on SIGTERM, and a deaf one', async () => {
    const seconds = mark()
    const deaf = `trap '' TERM; setsid sleep ${seconds}`
    const child = contain(
      `i=0; while [ $i -lt 200 ]; do (trap 'setsid sleep ${seconds} & exit' TERM; sleep 1000 & wait) & i=$((i+1)); done
       (${deaf}) & wait`,
      user,
    )
    await until(() => containedMembers(child).length >= 402, 20_000)
    const { outcome, escalated, elapsed } = await stopContained(child, { grace: 500 })
    expect({ outcome, escalated }).toEqual({ outcome: 'gone', escalated: true })
    expect(elapsed).toBeLessThan(1500)
    expect(sleeping(seconds)).toEqual([])
  }, 30_000)

  test('a member that hands over by fork every millisecond, each time into a session of its own', async () => {
    const relay = `import os, time
while True:
    if os.fork(): os._exit(0)
    os.setsid()
    time.sleep(0.001)`
    const child = spawn('python3', ['-c', relay, 'relay-of-contain'], {
      stdio: 'ignore',
      contain: true,
      ...user,
    })
    all.push(child)
    await once(child, 'exit')
    await pause(100)
    expect(withArgument('relay-of-contain').length).toBeGreaterThan(0)
    const { outcome, elapsed } = await stopContained(child, { grace: 100 })
    expect(outcome).toBe('gone')
    expect(elapsed).toBeLessThan(1100)
    expect(withArgument('relay-of-contain')).toEqual([])
  })
})

describe('the child', () => {
  test.each([
    ['exit 7', { code: 7, signal: null }],
    ['kill -TERM $$', { code: null, signal: 'SIGTERM' }],
    ['kill -SEGV $$', { code: null, signal: 'SIGSEGV' }],
    ['kill -KILL $$', { code: null, signal: 'SIGKILL' }],
    ['sleep 1000 & exit 3', { code: 3, signal: null }],
  ])('%s: it ends as the program does, when that does', async (script, expected) => {
    const began = Date.now()
    expect(await exitOrStop(contain(script))).toEqual({ state: 'exited', ...expected })
    expect(Date.now() - began).toBeLessThan(2000)
  })

  const places: [string, SpawnOptions, (program: number, own: ReturnType<typeof ps>) => object][] =
    [
      ['no place', {}, (_, { pgid, sid }) => ({ pgid, sid })],
      ["group: 'new'", { group: 'new' }, (pid, { sid }) => ({ pgid: pid, sid })],
      ["session: 'new'", { session: 'new' }, (pid) => ({ pgid: pid, sid: pid })],
      ['detached', { detached: true }, (pid) => ({ pgid: pid, sid: pid })],
    ]
  test.each(places)(
    '%s: the program has the place that it would have without',
    (_, options, place) => {
      const child = contain('sleep 1000', options)
      const program = containedPid(child) ?? 0
      expect(program).not.toBe(child.pid)
      expect(ps(program)).toMatchObject(place(program, ps(process.pid)))
      // Neither of the two is in the program's group, or in ours: the terminal's signals don't reach them.
      const supervisor = ps(program).ppid
      expect(ps(supervisor).ppid).toBe(child.pid)
      for (const pid of [child.pid ?? 0, supervisor]) {
        expect([program, ps(program).pgid, ps(process.pid).pgid]).not.toContain(ps(pid).pgid)
      }
    },
  )

  test('it and its supervisor hold no descriptor of ours, and no folder', async () => {
    const child = contain('exec sleep 1000', { stdio: 'pipe', cwd: '/tmp' })
    const supervisor = ps(containedPid(child) ?? 0).ppid
    for (const pid of [child.pid ?? 0, supervisor]) {
      const links = fdsOf(pid)
      expect(
        links.filter(
          (link) => !/^(socket:|anon_inode:)/.test(link) && !link.startsWith('/sys/fs/cgroup/'),
        ),
      ).toEqual([])
      await until(() => readlinkSync(`/proc/${pid}/cwd`) === '/')
    }
    let closed = false
    child.stdout?.on('close', () => (closed = true)).resume()
    process.kill(containedPid(child) ?? 0, 'SIGKILL')
    await until(() => closed)
  })

  test('signals to its pid reach the program; to its group, the program’s group', async () => {
    const script = `trap 'echo usr1' USR1; trap 'echo term; exit 4' TERM; echo ready; while :; do sleep 0.05; done`
    const child = contain(script, { stdio: ['ignore', 'pipe', 'inherit'], group: 'new' })
    let out = ''
    child.stdout?.on('data', (data: Buffer) => (out += data.toString()))
    await until(() => out === 'ready\n')
    expect(child.kill('SIGUSR1')).toBe(true)
    await until(() => out.includes('usr1'))
    child.kill('SIGTERM')
    expect(await exitOrStop(child)).toEqual({ state: 'exited', code: 4, signal: null })

    const seconds = mark()
    const both = contain(`sleep ${seconds} & sleep ${seconds} & wait`, { group: 'new' })
    await until(() => sleeping(seconds).length === 2)
    process.kill(-(both.pid ?? 0), 'SIGTERM')
    await until(() => sleeping(seconds).length === 0)
    await exitOrStop(both)
  })

  test('stops and continuations of the program are told as those of a plain child', async () => {
    const child = contain('sleep 1000', { group: 'new' })
    const events: string[] = []
    watchChild(child)
      .on('stop', (signal) => events.push(signal))
      .on('continue', () => events.push('continue'))
    child.kill('SIGTSTP')
    expect(await exitOrStop(child)).toEqual({ state: 'stopped', signal: 'SIGTSTP' })
    expect(watchChild(child).stoppedBy).toBe('SIGTSTP')
    child.kill('SIGCONT')
    await until(() => events.includes('continue'))
    process.kill(containedPid(child) ?? 0, 'SIGSTOP')
    await until(() => events.length === 3)
    child.kill('SIGCONT')
    await until(() => events.length === 4)
    child.kill('SIGTERM')
    expect(await exitOrStop(child)).toMatchObject({ state: 'exited', signal: 'SIGTERM' })
    expect(events).toEqual(['SIGTSTP', 'continue', 'SIGSTOP', 'continue'])
  })

  test('a stop that the supervisor tells after the end of the child is not told', async () => {
    const ended = spawnHere('true', { contain: true, stdio: 'ignore' })
    const events: string[] = []
    watchHere(ended)
      .on('stop', (signal) => events.push(signal))
      .on('continue', () => events.push('continue'))
    await once(ended, 'exit')
    containmentOf(ended)?.emit('stopped', 19)
    containmentOf(ended)?.emit('continued')
    expect(events).toEqual([])
  })

  // docs/spawning.md, "What differs from a plain child". All else of job control is the same: test/helpers/kinds.ts.
  test('its pid as the number of a group is refused, as that is not the program’s', async () => {
    const child = contain('exec sleep 1000', { group: 'new' })
    const pid = child.pid ?? 0
    const error = {
      code: 'ERR_INVALID_ARG_VALUE',
      message: expect.stringContaining('containedPid(child)'),
    }
    const joins = (group: number) => () => contain('exec sleep 1000', { group })
    expect(joins(pid)).toThrow(expect.objectContaining(error))
    await expect(withForeground(0, pid, () => 0)).rejects.toMatchObject(error)
    joins(containedPid(child) ?? 0)()
    child.kill('SIGKILL')
    // The number may then be another group's. It is the kernel that refuses one that is nobody's.
    await until(() => {
      try {
        return joins(pid)().on('error', () => undefined)
      } catch {
        return false
      }
    })
  })

  test('SIGSTOP to its pid or its group stops it and its supervisor alone', async () => {
    const seconds = mark()
    const child = contain(`exec sleep ${seconds}`, { group: 'new' })
    const program = containedPid(child) ?? 0
    const supervisor = ps(program).ppid
    const events: string[] = []
    watchChild(child).on('stop', (signal) => events.push(signal))
    const states = () => [child.pid ?? 0, supervisor, program].map((pid) => ps(pid).stat.charAt(0))
    await until(() => sleeping(seconds).length === 1 && states().join('') === 'SSS')
    child.kill('SIGSTOP')
    await until(() => ps(child.pid ?? 0).stat.startsWith('T'))
    expect(states()).toEqual(['T', 'S', 'S'])
    process.kill(-(child.pid ?? 0), 'SIGSTOP')
    await until(() => ps(supervisor).stat.startsWith('T'))
    expect(states()).toEqual(['T', 'T', 'S'])
    process.kill(-(child.pid ?? 0), 'SIGCONT')
    await until(() => states().join('') === 'SSS')
    expect(events).toEqual([])
  })

  test('SIGKILL to its group kills the program, and no other member of the program’s group', async () => {
    const seconds = mark()
    const child = contain(`sleep ${seconds} & exec sleep 1000`, { group: 'new' })
    const program = containedPid(child) ?? 0
    await until(() => sleeping(seconds).length === 1)
    track(...sleeping(seconds))
    process.kill(-(child.pid ?? 0), 'SIGKILL')
    expect(await exitOrStop(child)).toMatchObject({ signal: 'SIGKILL' })
    await until(() => !isLive(program))
    expect(sleeping(seconds)).toHaveLength(1)
  })

  test('SIGTSTP stops no program that has itself left our group: its group is orphaned', async () => {
    const code = `import os, signal; os.setpgid(0, 0); os.kill(os.getpid(), signal.SIGTSTP)`
    const run = (options: SpawnOptions) => {
      const child = spawn('python3', ['-c', code], { stdio: 'ignore', ...options })
      track(child.pid ?? 0)
      return exitOrStop(child)
    }
    expect(await run({ contain: true })).toMatchObject({ state: 'exited', code: 0 })
    const stopped = { state: 'stopped', signal: 'SIGTSTP' }
    expect(await run({ contain: true, group: 'new' })).toEqual(stopped)
    expect(await run({})).toEqual(stopped)
  })

  test('on a terminal: Ctrl-Z, the terminal back, once more in the foreground, reading, Ctrl-C', async () => {
    const script = `import { exitOrStop, spawn, withForeground } from 'setsid'
      const child = spawn('cat', [], { stdio: 'inherit', group: 'new', foreground: 0, contain: true })
      for (;;) {
        const state = await withForeground(0, child, () => exitOrStop(child))
        console.log(JSON.stringify(state))
        if (state.state === 'exited') break
      }`
    const terminal = openTerminal(node, ['--input-type=module', '-e', script])
    terminal.type('one\r')
    await terminal.expect(/one\r\none\r\n/)
    terminal.type('\x1a')
    await terminal.expect(/"stopped","signal":"SIGTSTP"/)
    terminal.type('two\r')
    await terminal.expect(/two\r\ntwo\r\n/)
    terminal.type('\x03')
    await terminal.expect(/"exited","code":null,"signal":"SIGINT"/)
    await terminal.ended
  })

  test('no zombie is left, and exit codes of other children are not taken', async () => {
    const child = contain(
      'for i in 1 2 3 4 5 6 7 8 9; do (sleep 0.01 &) ; done; sleep 0.3; setsid sleep 1000 &',
    )
    const others = Array.from({ length: 20 }, (_, i) => spawn('sh', ['-c', `sleep 0.1; exit ${i}`]))
    const codes = others.map(async (other) => (await once(other, 'exit'))[0] as number)
    expect(await Promise.all(codes)).toEqual(others.map((_, i) => i))
    await exitOrStop(child)
    const own = containedMembers(child).map(({ pid }) => pid)
    expect(own).toHaveLength(1)
    const supervisor = ps(own[0] ?? 0).ppid
    await until(() => childrenOf(supervisor).every(isLive))
    expect(await stopContained(child)).toMatchObject({ outcome: 'gone' })
    await until(() => !isLive(supervisor))
    expect(
      childRows(process.pid).filter(
        ({ stat, comm }) => stat.startsWith('Z') && comm === 'launcher',
      ),
    ).toEqual([])
  })

  test('stopGroup, stopSession and stopProcess mean the program’s', async () => {
    for (const stop of [stopGroup, stopSession]) {
      const seconds = mark()
      const child = contain(`setsid sleep ${seconds} & sleep ${seconds} & wait`, { session: 'new' })
      await until(() => sleeping(seconds).length === 2)
      expect(await stop(child, { grace: 1000 })).toMatchObject({ outcome: 'gone' })
      expect(sleeping(seconds)).toHaveLength(1)
      await exitOrStop(child)
      // Its number is free: nobody else is meant.
      expect((await stop(child)).signalled).toEqual([])
      await stopContained(child)
    }
    const child = contain('exec sleep 1000')
    expect(await stopProcess(child)).toMatchObject({
      outcome: 'gone',
      signalled: [containedPid(child)],
    })
    await exitOrStop(child)
    expect(await stopProcess(child)).toMatchObject({ outcome: 'already-gone' })
  })

  test('group and session of a child that leads none are refused by the name of the option', async () => {
    const child = contain('sleep 1000')
    await expect(stopGroup(child)).rejects.toThrow("spawn it with group: 'new'")
  })
})

/** A process with contained children, which tells their pids. */
const parent = (body: string, options: SpawnOptions = {}, ...words: string[]) => {
  const script = `import { spawn, containedPid } from 'setsid'
    import { Worker } from 'node:worker_threads'
    ${body}`
  return start(node, [...words, '--input-type=module', '-e', script], options)
}
const tree = (seconds: string) =>
  `spawn('sh', ['-c', ${JSON.stringify(escapes(seconds))}], { contain: true, stdio: 'ignore' })`

describe('the end of Node ends all', () => {
  test.each([
    ['SIGKILL', 'process.kill(process.pid, "SIGKILL")'],
    ['SIGSEGV', 'process.kill(process.pid, "SIGSEGV")'],
    ['process.abort()', 'process.abort()'],
    ['process.exit()', 'process.exit(0)'],
  ])('%s', async (_, end) => {
    const seconds = mark()
    const running = parent(`${tree(seconds)}; process.stdin.once('data', () => { ${end} })`)
    await until(() => sleeping(seconds).length === escaped)
    track(...sleeping(seconds))
    running.tell('end')
    await running.ended
    await until(() => sleeping(seconds).length === 0, 1000)
  })

  test.runIf(isRoot)('root’s Node with a child of nobody', async () => {
    const seconds = mark()
    const options = JSON.stringify({ contain: true, stdio: 'ignore', ...unprivileged })
    const running = parent(`spawn('sh', ['-c', ${JSON.stringify(escapes(seconds))}], ${options})`)
    await until(() => sleeping(seconds).length === escaped)
    track(...sleeping(seconds))
    process.kill(running.pid, 'SIGKILL')
    await until(() => sleeping(seconds).length === 0, 1000)
  })

  test('a worker that is terminated ends nobody; its process does', async () => {
    const seconds = mark()
    const running = parent(`
      const code = ${JSON.stringify(`import('setsid').then(({ spawn }) => ${tree(seconds)}); setInterval(() => {}, 1000)`)}
      const worker = new Worker(code, { eval: true })
      process.stdin.once('data', async () => { await worker.terminate(); console.log('1') })
      setInterval(() => {}, 1000)`)
    await until(() => sleeping(seconds).length === escaped)
    track(...sleeping(seconds))
    running.tell('end')
    await running.next()
    await pause(300)
    expect(sleeping(seconds)).toHaveLength(escaped)
    process.kill(running.pid, 'SIGKILL')
    await until(() => sleeping(seconds).length === 0, 1000)
  })

  const rounds = Number(process.env['SETSID_TEST_ROUNDS'] ?? 40)
  test(
    'at any moment of a start',
    async () => {
      for (let round = 0; round < rounds; round++) {
        const seconds = mark()
        const running = parent(
          `console.log('0'); for (;;) { ${tree(seconds)}; await new Promise(setImmediate) }`,
        )
        await running.next()
        await pause(Math.random() * 30)
        process.kill(running.pid, 'SIGKILL')
        await running.ended
        await until(() => sleeping(seconds).length === 0, 2000)
      }
    },
    rounds * 3000,
  )

  test.runIf(isRoot)('also when no process can be started any more', async () => {
    const seconds = mark()
    // A user that nobody else is, with a limit of processes that the tree reaches.
    const ids = { uid: 54321, gid: 54321 }
    const storm = `while :; do setsid sleep ${seconds} & done`
    const running = start('sh', [
      '-c',
      'ulimit -u 60; exec setpriv --reuid=54321 --regid=54321 --clear-groups "$@"',
      'sh',
      node,
      '--input-type=module',
      '-e',
      `import { spawn } from 'setsid'
       spawn('sh', ['-c', ${JSON.stringify(storm)}], { contain: true, stdio: 'ignore' })`,
    ])
    await until(() => each(readUid).filter((uid) => uid === ids.uid).length >= 40)
    process.kill(running.pid, 'SIGKILL')
    await until(() => each(liveUid).every((uid) => uid !== ids.uid))
  })
})

describe.runIf(!isRoot || hasNobody)(
  'who is killed without a cgroup is stopped before any of them is killed, and starts nothing',
  () => {
    test.each([
      ['by stopContained', `await stopContained(child, { killSignal: 'SIGKILL' })`],
      ['when Node is killed', `process.kill(process.pid, 'SIGKILL')`],
    ])('%s', async (_, end) => {
      const options = { contain: true, stdio: ['ignore', 'inherit', 'inherit'], ...unprivileged }
      const running = parent(`
      import { stopContained } from 'setsid'
      const child = spawn(${JSON.stringify(compile('witness'))}, ['1000'], ${JSON.stringify(options)})
      process.stdin.once('data', async () => { ${end}; process.exit() })`)
      expect(await running.next()).toBe('ready')
      running.tell('end')
      await expect(running.next()).rejects.toThrow('ended without a line')
    })
  },
)

describe('killed halves', () => {
  test('SIGKILL to the child kills the program; the rest is still contained', async () => {
    const seconds = mark()
    const child = contain(`setsid sleep ${seconds} & exec sleep 1000`)
    await until(() => sleeping(seconds).length === 1)
    child.kill('SIGKILL')
    expect(await exitOrStop(child)).toMatchObject({ signal: 'SIGKILL' })
    await until(() => !isLive(containedPid(child) ?? 0))
    expect(containedMembers(child).map(({ pid }) => pid)).toEqual(sleeping(seconds))
    expect(await stopContained(child)).toMatchObject({
      outcome: 'gone',
      signalled: expect.any(Array),
    })
    expect(sleeping(seconds)).toEqual([])
  })

  test('a killed supervisor: program and rest end, by the child', async () => {
    const seconds = mark()
    const child = contain(escapes(seconds))
    await until(() => sleeping(seconds).length === escaped)
    track(...sleeping(seconds))
    const wait = waitForContained(child)
    process.kill(ps(containedPid(child) ?? 0).ppid, 'SIGKILL')
    expect(await exitOrStop(child)).toMatchObject({ signal: 'SIGKILL' })
    await wait
    expect(sleeping(seconds)).toEqual([])
    expect(await stopContained(child)).toMatchObject({ outcome: 'already-gone' })
  })

  /** A child whose supervisor is killed after it has ended: its sleep is left. */
  async function losesSupervisor(seconds: string, user: SpawnOptions) {
    const child = contain(`setsid sleep ${seconds} & exit 0`, user)
    await exitOrStop(child)
    await until(() => sleeping(seconds).length === 1)
    track(...sleeping(seconds))
    process.kill(ps(sleeping(seconds)[0] ?? 0).ppid, 'SIGKILL')
    return child
  }

  test.runIf(!isRoot || hasNobody)(
    'a supervisor that is killed after the child has ended, without a cgroup: what is left is not known, and that is told',
    async () => {
      const seconds = mark()
      const child = await losesSupervisor(seconds, unprivileged)
      await expect(waitForContained(child)).rejects.toMatchObject({
        code: 'ESRCH',
        reason: 'no-supervisor',
      })
      expect(await stopContained(child)).toMatchObject({
        outcome: 'survivors',
        hidden: true,
        signalled: [],
      })
      expect(containedMembers(child)).toEqual([])
    },
  )

  test.runIf(hasCgroup)('the same with a cgroup: nothing is lost', async () => {
    const seconds = mark()
    const child = await losesSupervisor(seconds, {})
    await expect(waitForContained(child, { timeout: 300 })).rejects.toMatchObject({
      code: 'ETIMEDOUT',
    })
    expect(containedMembers(child).map(({ pid }) => pid)).toEqual(sleeping(seconds))
    const [left] = sleeping(seconds)
    expect(await stopContained(child)).toMatchObject({ outcome: 'gone', signalled: [left] })
    expect(sleeping(seconds)).toEqual([])
    await waitForContained(child)
  })

  test.runIf(hasCgroup)(
    'a cgroup that nobody has removed is removed by the next child',
    async () => {
      const seconds = mark()
      const running = parent(
        `console.log(String(spawn('sh', ['-c', 'exec sleep ${seconds}'], { contain: true, stdio: 'ignore' }).pid))`,
      )
      const child = Number(await running.next())
      await until(() => sleeping(seconds).length === 1)
      const supervisor = ps(sleeping(seconds)[0] ?? 0).ppid
      for (const pid of [child, supervisor]) process.kill(pid, 'SIGSTOP')
      // In this order: the end of the child would continue the supervisor, whose group is orphaned then.
      for (const pid of [supervisor, child]) process.kill(pid, 'SIGKILL')
      await until(() => sleeping(seconds).length === 0)
      await running.ended
      await until(() => !existsSync(`/proc/${child}`))
      await exitOrStop(contain('true'))
      await until(() => !cgroups().includes(cgroupOf(child)))
    },
  )
})

test.runIf(hasCgroup)('no cgroup is left', async () => {
  for (let i = 0; i < 20; i++) {
    const child = contain('setsid sleep 1000 & exit 0')
    await exitOrStop(child)
    expect(cgroups()).toContain(cgroupOf(child.pid))
    await stopContained(child, { grace: 1000 })
    expect(cgroups()).not.toContain(cgroupOf(child.pid))
  }
})

describe('stopContained, waitForContained', () => {
  // What the supervisor has said before its end then waits to be read, while it is told to kill.
  test('a stop knows that nothing is left also when the event loop is late', async () => {
    const child = contain('sleep 100 & exec sleep 100')
    await until(() => childrenOf(containedPid(child) ?? 0).length === 1)
    const members = containedMembers(child).map(({ pid }) => pid)
    const supervisor = ps(containedPid(child) ?? 0).ppid
    // Node has to let the supervisor reap the program, in a later turn.
    await pause(20)
    const stop = stopContained(child, { grace: 1 })
    const late = performance.now() + 10_000
    while (isLive(supervisor) && performance.now() < late) continue
    expect(isLive(supervisor)).toBe(false)
    const kill = stopContained(child, { killSignal: 'SIGKILL' })
    const gone = { outcome: 'gone', signalled: members, escalated: false, hidden: false }
    expect(await stop).toMatchObject(gone)
    expect(await kill).toMatchObject({ ...gone, outcome: expect.stringMatching(/gone/) })
  })

  test('wait: pending while somebody is left, and fulfilled after', async () => {
    const seconds = mark()
    const child = contain(`setsid sleep ${seconds} & exit 0`)
    await exitOrStop(child)
    await until(() => sleeping(seconds).length === 1)
    await expect(waitForContained(child, { timeout: 100 })).rejects.toMatchObject({
      code: 'ETIMEDOUT',
      reason: 'still-running',
      pids: sleeping(seconds),
    })
    const abort = new AbortController()
    const aborted = waitForContained(child, { signal: abort.signal })
    abort.abort('enough')
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError', cause: 'enough' })
    const done = waitForContained(child)
    process.kill(sleeping(seconds)[0] ?? 0, 'SIGKILL')
    await done
    await waitForContained(child)
    expect(await stopContained(child)).toMatchObject({ outcome: 'already-gone', signalled: [] })
  })

  test('stopped members can act on SIGTERM', async () => {
    const seconds = mark()
    const child = contain(`setsid sleep ${seconds} & exec sleep ${seconds}`)
    await until(() => sleeping(seconds).length === 2)
    const members = sleeping(seconds)
    for (const pid of members) process.kill(pid, 'SIGSTOP')
    await until(() => members.every((pid) => ps(pid).stat.startsWith('T')))
    expect(await stopContained(child)).toMatchObject({
      ...{ outcome: 'gone', escalated: false },
      signalled: members.sort((a, b) => a - b),
    })
  })

  test('escalate: false leaves what is deaf, and names it; another stop ends it', async () => {
    const child = contain(`trap '' TERM; while :; do sleep 0.1; done`)
    await until(() => containedMembers(child).some(({ command }) => command === 'sleep'))
    const result = await stopContained(child, { grace: 200, escalate: false })
    expect(result).toMatchObject({ outcome: 'survivors', escalated: false, hidden: false })
    expect(result.survivors).toContainEqual(
      expect.objectContaining({ pid: containedPid(child), reason: 'ignored' }),
    )
    const both = [
      stopContained(child, { grace: 50 }),
      stopContained(child, { killSignal: 'SIGKILL' }),
    ]
    for (const { outcome } of await Promise.all(both)) expect(outcome).toMatch(/gone/)
  })

  test('an abort ends the wait, and no signal is sent after it, nor to a new member', async () => {
    // It lives through SIGTERM, which ends its sleeps; it says of each how that has ended.
    const script = `trap : TERM; while :; do sleep 0.05; echo $?; done`
    const child = contain(script, { stdio: ['ignore', 'pipe', 'inherit'] })
    let ends: string[] = []
    child.stdout?.on('data', (data: Buffer) => ends.push(...data.toString().trim().split('\n')))
    await until(() => ends.includes('0'))
    const abort = new AbortController()
    const stop = stopContained(child, { signal: abort.signal, grace: 30_000 })
    await until(() => ends.filter((end) => end === '143').length > 1)
    abort.abort()
    await expect(stop).rejects.toMatchObject({ name: 'AbortError' })
    ends = []
    await until(() => ends.length >= 20 && ends.slice(-20).every((end) => end === '0'))
    expect(isLive(containedPid(child) ?? 0)).toBe(true)
  })

  test.runIf(isRoot && hasNobody)(
    'what we may not signal is a survivor, EPERM, and is not waited for long',
    async () => {
      // A set-id program that becomes root for good, as sudo does, below a supervisor of nobody.
      const copy = join(openFolder(), 'python')
      copyFileSync(realpathSync('/usr/bin/python3'), copy)
      chmodSync(copy, 0o4755)
      const seconds = mark()
      const code = `import os; os.setresuid(0, 0, 0); os.execvp('sleep', ['sleep', '${seconds}'])`
      const child = contain(`setsid "$0" -c "$1" & sleep 1000`, unprivileged, copy, code)
      await until(() => sleeping(seconds).length === 1 && readUid(sleeping(seconds)[0] ?? 0) === 0)
      track(...sleeping(seconds))
      for (const killSignal of ['SIGTERM', 'SIGKILL'] as const) {
        const result = await stopContained(child, { killSignal, grace: 3000 })
        expect(result).toMatchObject({ outcome: 'survivors', hidden: false })
        expect(result.survivors).toEqual([
          expect.objectContaining({ pid: sleeping(seconds)[0], reason: 'EPERM' }),
        ])
        expect(result.elapsed).toBeLessThan(2000)
      }
      process.kill(sleeping(seconds)[0] ?? 0, 'SIGKILL')
      await waitForContained(child)
    },
  )
})

test('what can not go with contain, and no contained child: errors before anything is done', async () => {
  const invalid = { code: 'ERR_INVALID_ARG_VALUE' }
  expect(() => spawn('true', { contain: true, parentDeathSignal: 'SIGTERM' })).toThrow(
    expect.objectContaining(invalid),
  )
  expect(() => spawn('true', { contain: 1 as never })).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
  )
  const plain = spawn('true')
  expect(() => containedPid(plain)).toThrow(expect.objectContaining(invalid))
  expect(() => containedMembers(plain)).toThrow(expect.objectContaining(invalid))
  await expect(stopContained(plain)).rejects.toMatchObject(invalid)
  await expect(waitForContained(plain)).rejects.toMatchObject(invalid)
  for (const value of [undefined, null, 12, {}]) {
    const type = { code: 'ERR_INVALID_ARG_TYPE' }
    expect(() => containedPid(value as never)).toThrow(expect.objectContaining(type))
    await expect(stopContained(value as never)).rejects.toMatchObject(type)
  }
  const missing = spawn('/no/such/program', { contain: true })
  const [error] = (await once(missing, 'error')) as [NodeJS.ErrnoException]
  expect(error).toMatchObject({ code: 'ENOENT', syscall: 'spawn /no/such/program' })
  expect([missing.pid, containedPid(missing)]).toEqual([undefined, undefined])
  expect(await stopContained(missing)).toMatchObject({ outcome: 'already-gone' })
})

test.each(['ENOSYS', 'EPERM'])(
  'pidfd_open refused with %s: nothing is started, and why',
  async (code) => {
    const script = `import { spawn } from 'setsid'
    spawn('true', { contain: true }).on('error', ({ code, syscall, reason }) =>
      console.log(JSON.stringify({ code, syscall, reason })))`
    const args = [`pidfd_open=${code}`, '--', node, '--input-type=module', '-e', script]
    expect(await start(compile('deny'), args).next()).toEqual({
      code,
      syscall: 'fork',
      reason: 'no-pidfd',
    })
  },
)

test.runIf(isRoot)(
  'no process left for the supervisor: EAGAIN, and nothing is started',
  async () => {
    const script = `import { spawn } from 'setsid'
    spawn('true', { contain: true }).on('error', ({ code, syscall }) =>
      console.log(JSON.stringify({ code, syscall })))`
    // Node has its threads by then, and may fork once more.
    const limit = `await new Promise((resolve) => setTimeout(resolve, 100))
    process.getBuiltinModule('child_process').execFileSync('prlimit', ['--nproc=' + (process.getBuiltinModule('fs').readdirSync('/proc/self/task').length + 1), '--pid', String(process.pid)])
    ${script}`
    const running = start(node, ['--input-type=module', '-e', limit], { uid: 54322, gid: 54322 })
    expect(await running.next()).toEqual({ code: 'EAGAIN', syscall: 'fork' })
  },
)

test('a program that can not be started is told at once, each time', async () => {
  const began = performance.now()
  for (let i = 0; i < 20; i++) await once(spawn('/no/such', { contain: true }), 'error')
  // It once took a second, when the supervisor had a line left that nobody would read.
  expect(performance.now() - began).toBeLessThan(5000)
})
