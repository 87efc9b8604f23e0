import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  groupMembers,
  identify,
  inspectGroup,
  inspectSession,
  isSameProcess,
  listProcesses,
  listProcessesSync,
  listSessions,
  type ProcessInfo,
  processInfo,
  sessionMembers,
} from '../../lib/index.ts'
import { compile } from '../helpers/compile.ts'
import {
  fixturePath,
  gonePid,
  isRoot,
  node,
  ps,
  readRow,
  runFixture,
  start,
  unprivileged,
  until,
} from '../helpers/process.ts'
import { openTerminal } from '../helpers/pty.ts'
import { each, psLines } from '../helpers/table.ts'

type Row = Record<'pid' | 'ppid' | 'pgid' | 'sid' | 'tty' | 'tpgid' | 'stat' | 'uid', string>

/** The whole table by ps, a line for each pid. */
function psTable(): Map<number, Row> {
  const format = 'pid=,ppid=,pgid=,sid=,tty=,tpgid=,stat=,uid='
  return new Map(
    psLines('-eo', format).map(([pid, ppid, pgid, sid, tty, tpgid, stat, uid]) => [
      Number(pid),
      { pid, ppid, pgid, sid, tty, tpgid, stat, uid } as Row,
    ]),
  )
}

/** A row as ps would print it; of `stat` what follows from our fields. */
const asPs = (info: ProcessInfo): Row => ({
  pid: String(info.pid),
  ppid: String(info.ppid),
  pgid: String(info.pgid),
  sid: String(info.sid),
  tty: info.tty?.replace('/dev/', '') ?? '?',
  tpgid: String(info.tpgid ?? -1),
  stat: `${info.state}${info.pid === info.sid ? 's' : ''}${info.tpgid === info.pgid ? '+' : ''}`,
  uid: String(info.uid),
})

const significant = (row: Row): Row => ({
  ...row,
  stat: row.stat.replace(/[^A-Zts+]|[LN]/g, ''),
})

describe('the table', () => {
  const crowd = spawn(compile('crowd'), ['40', '50', '10'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ours = new Set<number>()

  beforeAll(async () => {
    await once(crowd.stdout, 'data')
    const size = () => {
      ours.clear()
      const parents = new Map(each(readRow).map(({ pid, ppid }) => [pid, ppid]))
      for (const [pid, parent] of parents) {
        if (parent === crowd.pid || parents.get(parent) === crowd.pid) ours.add(pid)
      }
      return ours.size
    }
    await until(() => size() === 2000)
  })

  afterAll(async () => {
    crowd.stdin.end()
    await once(crowd, 'exit')
    await until(() =>
      [...ours].every((pid) => processInfo(pid, { throwIfNoEntry: false }) === undefined),
    )
  })

  test('2,000 processes in 40 sessions are as ps has them, field by field, in 10 rounds', async () => {
    let compared = 0
    for (let round = 0; round < 10; round++) {
      const before = psTable()
      const list = round % 2 === 0 ? listProcessesSync() : await listProcesses()
      const after = psTable()
      expect(list.map(({ pid }) => pid)).toEqual([...new Set(list.map(({ pid }) => pid))])
      const differences = list.flatMap((info) => {
        const [a, b] = [before.get(info.pid), after.get(info.pid)]
        // Lived through the round, and was the same before and after it.
        if (a === undefined || JSON.stringify(a) !== JSON.stringify(b)) return []
        const [theirs, own] = [significant(a), significant(asPs(info))]
        // What runs may sleep a moment later; ours all pause.
        if (!ours.has(info.pid)) theirs.stat = own.stat = ''
        compared++
        return JSON.stringify(theirs) === JSON.stringify(own) ? [] : [{ theirs, own }]
      })
      expect(differences).toEqual([])
      const listed = new Set(list.map(({ pid }) => pid))
      expect([...ours].filter((pid) => !listed.has(pid))).toEqual([])
    }
    expect(compared).toBeGreaterThan(20_000)
  }, 120_000)

  test('it has all kinds: zombies, stopped ones, foreground groups, terminals', () => {
    const infos = listProcessesSync().filter(({ pid }) => ours.has(pid))
    expect(new Set(infos.map(({ sid }) => sid)).size).toBe(40)
    expect(new Set(infos.map(({ tty }) => tty).filter((tty) => tty !== null)).size).toBe(10)
    expect(infos.filter(({ state }) => state === 'Z').length).toBe(40 * 7)
    expect(infos.filter(({ state }) => state === 'T').length).toBeGreaterThan(100)
    expect(infos.filter(({ pgid, tpgid }) => pgid === tpgid).length).toBe(10)
  })

  test('command is what the kernel has, blanks, parentheses and newlines too', () => {
    const commands = new Set<string>()
    for (const info of listProcessesSync()) {
      if (!ours.has(info.pid)) continue
      expect(info.command).toBe(readFileSync(`/proc/${info.pid}/comm`, 'utf8').slice(0, -1))
      commands.add(info.command)
    }
    expect([...commands]).toEqual(
      expect.arrayContaining([') R 1 (', 'a\nb', '(x) S 2', 'été', ' ']),
    )
  })

  test('sessions and groups hold their members, and no others', async () => {
    const table = psTable()
    const pids = (field: 'sid' | 'pgid', id: number) =>
      [...table.values()].filter((row) => row[field] === String(id)).map(({ pid }) => Number(pid))
    const sessions = (await listSessions()).filter(({ sid }) => ours.has(sid))
    expect(sessions.length).toBe(40)
    for (const session of sessions) {
      expect(sessionMembers(session.sid)).toEqual(pids('sid', session.sid))
      const all = session.groups.flatMap(({ members }) => members.map(({ pid }) => pid))
      expect(all.sort((a, b) => a - b)).toEqual(pids('sid', session.sid))
      for (const group of session.groups) {
        expect(groupMembers(group.pgid)).toEqual(pids('pgid', group.pgid))
        expect(inspectGroup(group.pgid)).toEqual(group)
        expect(group.leader?.pid).toBe(group.pgid)
        // The leader's parent is in another session, and a zombie counts as nobody; all others are
        // children of the leader. Once the pids have wrapped around, any of them may come first.
        const dead = table.get(group.pgid)?.stat.startsWith('Z') === true
        expect(group.orphaned).toBe(group.pgid === session.sid || dead)
      }
      expect(inspectSession(session.sid)).toEqual(session)
    }
  })

  test('filters give what matches every field', async () => {
    const session = (await listSessions()).find(({ sid, tty }) => ours.has(sid) && tty !== null)
    const { sid = 0, tty = null, foreground = 0, groups = [] } = session ?? {}
    const size = groups.flatMap(({ members }) => members).length
    expect(listProcessesSync({ sid }).length).toBe(size)
    expect((await listProcesses({ tty })).length).toBe(size)
    expect(listProcessesSync({ sid, pgid: foreground ?? 0 }).map(({ pid }) => pid)).toEqual([
      foreground,
    ])
    expect(listProcessesSync({ sid, tty: null })).toEqual([])
    expect(await listProcesses({ sid: gonePid })).toEqual([])
    expect(listProcessesSync({ sid, uid: 4294967294 })).toEqual([])
    expect(listProcessesSync({ uid: process.getuid?.() ?? -1 }).length).toBeGreaterThan(size)
  })
})

describe('processInfo', () => {
  test('over every live pid it throws nothing but ESRCH', () => {
    let read = 0
    for (const name of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
      try {
        expect(processInfo(Number(name)).pid).toBe(Number(name))
        read++
      } catch (error) {
        expect(error).toMatchObject({ code: 'ESRCH' })
      }
    }
    expect(read).toBeGreaterThan(2)
  })

  test.each([gonePid, -1, 2 ** 31 - 1, -(2 ** 31)])(
    'pid %i: ESRCH, and undefined if asked for',
    (pid) => {
      expect(() => processInfo(pid)).toThrow(
        expect.objectContaining({ code: 'ESRCH', errno: -3, syscall: 'processInfo' }),
      )
      expect(processInfo(pid, { throwIfNoEntry: false })).toBeUndefined()
    },
  )

  test('the number of a thread is no pid', () => {
    const thread = readdirSync('/proc/self/task').find((tid) => Number(tid) !== process.pid)
    expect(() => processInfo(Number(thread))).toThrow(expect.objectContaining({ code: 'ESRCH' }))
  })

  test.each(['12', 1.5, NaN, 2 ** 31, null, 12n, {}])('%o is refused', (pid) => {
    expect(() => processInfo(pid as number)).toThrow(
      expect.objectContaining({
        code: expect.stringMatching(/^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/),
      }),
    )
  })

  test('startedAt is the time of the start', async () => {
    const before = Date.now()
    const child = start('sleep', ['60'])
    const after = Date.now()
    const { startedAt } = processInfo(child.pid)
    // A tick of the kernel is 10 ms.
    expect(startedAt.getTime()).toBeGreaterThan(before - 20)
    expect(startedAt.getTime()).toBeLessThan(after + 20)
    await until(() => processInfo(child.pid).command === 'sleep')
    expect(processInfo(child.pid).startedAt).toEqual(startedAt)
  })

  test.runIf(isRoot)(
    'uid is the effective user, also of a process that may not be dumped (needs root)',
    async () => {
      // A program that its user may not read is not dumpable.
      const child = start('setpriv', ['--reuid=65534', '--clear-groups', 'sleep', '60'])
      await until(() => processInfo(child.pid).command === 'sleep')
      expect(processInfo(child.pid).uid).toBe(65534)
      const hidden = start('python3', [
        '-c',
        'import ctypes, os, time\nos.seteuid(65534)\nprint(1, flush=True)\ntime.sleep(60)',
      ])
      await hidden.next()
      // /proc shows the stat file of such a process as root's.
      expect(execFileSync('stat', ['-c', '%u', `/proc/${hidden.pid}/stat`]).toString()).toBe('0\n')
      expect(processInfo(hidden.pid).uid).toBe(65534)
    },
  )

  test('tty has the name of the terminal, tpgid its foreground group', async () => {
    const terminal = openTerminal('sleep', ['60'])
    await until(() => ps(terminal.pid).tty !== '?')
    const name = ps(terminal.pid).tty
    expect(processInfo(terminal.pid)).toMatchObject({ tty: `/dev/${name}`, tpgid: terminal.pid })
  })
})

describe('where there is no table', () => {
  test.each([
    'listProcesses',
    'listProcessesSync',
    'sessionMembers',
    'groupMembers',
    'listSessions',
    'processInfo',
  ])('no descriptor left: %s fails with EMFILE', async (call) => {
    const { stdout } = start('sh', [
      '-c',
      `ulimit -n 40; exec "$0" "$@"`,
      node,
      fixturePath('inspect.mjs'),
      'no-descriptor',
      call,
    ]).child
    const line = await once(stdout as NodeJS.ReadableStream, 'data')
    expect(JSON.parse(String(line))).toMatchObject({ error: { code: 'EMFILE', errno: -24 } })
  })

  test.runIf(isRoot).each([
    ['an empty /proc', ['-m', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$0" "$@"']],
    ['the /proc of another pid namespace', ['-pf', 'sh', '-c', 'exec "$0" "$@"']],
  ])('%s: every call fails with ENOENT (needs root)', async (_, how) => {
    const running = start('unshare', [...how, node, fixturePath('inspect.mjs'), 'no-table'])
    const calls = await running.next()
    for (const { error } of Object.values<{ error: object }>(calls)) {
      expect(error).toMatchObject({ code: 'ENOENT', reason: 'no-proc' })
    }
    expect(Object.keys(calls).length).toBe(6)
  })
})

test.runIf(isRoot)(
  'the /proc of another pid namespace, mounted meanwhile: ENOENT, until it is gone again (needs root)',
  async () => {
    const running = start('unshare', ['-m', node, fixturePath('inspect.mjs'), 'replaced'])
    const [first, again, replaced, gone, back] = await running.next()
    expect(first).toEqual({ value: readFileSync('/proc/1/comm', 'utf8').trimEnd() })
    expect([again, back]).toEqual([first, first])
    expect(replaced).toMatchObject({ error: { code: 'ENOENT', reason: 'no-proc' } })
    expect(gone).toMatchObject({ error: { code: 'ESRCH' } })
  },
)

describe('where /proc hides the processes of others', () => {
  test.runIf(isRoot).each([1, 2])(
    'hidepid=%i: they are there, not gone, and do not stop who may be seen (needs root)',
    async (level) => {
      const nobody = 'setpriv --reuid=65534 --regid=65534 --clear-groups "$0" "$@"; exit $?'
      const running = start('unshare', [
        ...['-pf', '--mount-proc', '--kill-child', 'sh', '-c'],
        `mount -t proc -o hidepid=${level} proc /proc && ${nobody}`,
        ...[node, fixturePath('inspect.mjs'), 'hidden'],
      ])
      const hidden = { code: 'EPERM', reason: 'hidden' }
      const { members, ...rest } = await running.next()
      expect(rest).toMatchObject({
        info: { error: hidden },
        same: { error: hidden },
        wait: hidden,
      })
      expect(members.length).toBe(1)
    },
  )
})

describe('in a pid namespace', () => {
  test.runIf(isRoot)('the session of a leader outside is 0 (needs root)', async () => {
    const running = start('unshare', [
      '-pf',
      '--mount-proc',
      node,
      fixturePath('inspect.mjs'),
      'namespace',
    ])
    expect(await running.next()).toMatchObject({
      info: { pid: 1, ppid: 0, pgid: 0, sid: 0, tty: null, tpgid: null },
      members: [1],
      session: { sid: 0, leader: null, tty: null, foreground: null },
      sids: [0],
      same: true,
    })
  })

  test.runIf(isRoot)('a recycled pid is another process (needs root)', async () => {
    const running = start('unshare', [
      '-pf',
      '--mount-proc',
      node,
      fixturePath('inspect.mjs'),
      'recycled',
    ])
    expect(await running.next()).toEqual({
      samePid: true,
      before: true,
      after: false,
      waited: true,
    })
  })
})

describe('identify', () => {
  test('it names a process for good', async () => {
    const child = start('sleep', ['60'])
    const identity = JSON.parse(JSON.stringify(identify(child.pid)))
    const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19]
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    expect(identity).toEqual({ pid: child.pid, startTicks: Number(stat), bootId })
    expect(isSameProcess(identity)).toBe(true)
    expect(isSameProcess({ ...identity, startTicks: identity.startTicks - 1 })).toBe(false)
    expect(isSameProcess({ ...identity, bootId: bootId.replace(/^./, 'x') })).toBe(false)
    expect(isSameProcess({ ...identity, pid: process.pid })).toBe(false)
    child.child.kill('SIGKILL')
    await child.ended
    expect(isSameProcess(identity)).toBe(false)
    expect(() => identify(child.pid)).toThrow(expect.objectContaining({ code: 'ESRCH' }))
  })

  test.each([
    1,
    null,
    {},
    { pid: 0, startTicks: 1, bootId: '' },
    { pid: 1, startTicks: '1', bootId: '' },
    { pid: 1, startTicks: 1 },
  ])('isSameProcess refuses %j', (value) => {
    expect(() => isSameProcess(value as never)).toThrow(
      expect.objectContaining({
        code: expect.stringMatching(/^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/),
      }),
    )
  })
})

describe('as another user', () => {
  test('every process shows with all its ids', async () => {
    const { infos } = await runFixture('inspect.mjs', ['all'], unprivileged)
    const [init] = infos
    const ps = psTable().get(1)
    expect(significant(asPs(init)).uid).toBe(ps?.uid)
    expect(infos.length).toBeGreaterThan(1)
  })
})

test.each(['inspectSession', 'inspectGroup'] as const)('%s of what is not there: ESRCH', (call) => {
  const inspect = { inspectSession, inspectGroup }[call]
  expect(() => inspect(gonePid)).toThrow(expect.objectContaining({ code: 'ESRCH', syscall: call }))
  expect(inspect(gonePid, { throwIfNoEntry: false })).toBeUndefined()
})
