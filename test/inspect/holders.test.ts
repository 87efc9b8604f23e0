import { ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  statSync,
} from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { native } from '../../lib/base/native.ts'
import { type Holder, holders, processInfo, spawn as spawnJob } from '../../lib/index.ts'
import { holdsOf, pipesOf } from '../../lib/inspect/pipes.ts'
import { ROW } from '../../lib/inspect/row.ts'
import { compile } from '../helpers/compile.ts'
import { openFolder } from '../helpers/folder.ts'
import {
  gonePid,
  hasNobody,
  isRoot,
  node,
  ps,
  start,
  track,
  unprivileged,
  until,
} from '../helpers/process.ts'
import { openTerminal, type Terminal } from '../helpers/pty.ts'
import { each } from '../helpers/table.ts'
import { need } from '../helpers/tools.ts'

/** Who has a descriptor with this link, as /proc has it: the tests' own reading. */
const openOn = (link: string) =>
  each((pid) => {
    const fds = readdirSync(`/proc/${pid}/fd`).filter((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === link
      } catch {
        return false
      }
    })
    return { pid, fds: fds.map(Number).sort((a, b) => a - b) }
  }).filter(({ fds }) => fds.length > 0)

const short = (list: Holder[]) => list.map(({ pid, fds }) => ({ pid, fds }))
const ttyOf = (terminal: Terminal) => `/dev/${ps(terminal.pid).tty}`

/** A shell on a terminal of its own that has done what the script says, and printed the pid of its last job. */
async function onTerminal(
  script: string,
): Promise<{ terminal: Terminal; pid: number; tty: string }> {
  const terminal = openTerminal('sh', ['-c', `${script}\necho "{\\"pid\\":$!}"; exec cat`])
  const { pid } = await terminal.json()
  track(pid)
  return { terminal, pid, tty: ttyOf(terminal) }
}

/** What `holders` gives in a Node of its own. */
async function elsewhere(target: string, how: string[] = [], options = {}) {
  const code = `
    import { holders } from 'setsid'
    const { code, syscall, reason, length, unreadable, hidden, ...rest } = await holders(${target}).catch((error) => error)
    console.log(JSON.stringify({ code, syscall, reason, length, unreadable, hidden }))`
  const [file, ...args] = [...how, node, '--input-type=module', '-e', code]
  return start(file, args, options).next()
}

describe('of a terminal', () => {
  test('a process that has left the session is named, though it has no terminal of its own', async () => {
    need('setsid')
    const { terminal, pid, tty } = await onTerminal('setsid sleep 60 &')
    await until(() => ps(pid).comm === 'sleep')
    const found = await holders(tty)
    expect(found.find((info) => info.pid === pid)).toMatchObject({
      ...{ command: 'sleep', sid: pid, tty: null, fds: [1, 2] },
    })
    expect(found.find((info) => info.pid === terminal.pid)).toMatchObject({ tty, fds: [0, 1, 2] })
    expect(short(found)).toEqual(openOn(tty))
    // We have the master side.
    expect(found.map((info) => info.pid)).not.toContain(process.pid)
  })

  test('pts/N is the same as /dev/pts/N', async () => {
    const { tty } = await onTerminal('sleep 60 &')
    expect(short(await holders(tty.slice('/dev/'.length)))).toEqual(short(await holders(tty)))
  })

  test('what was opened as /dev/tty counts where it is the controlling terminal', async () => {
    const quiet = '0</dev/null >/dev/null 2>&1'
    const one = await onTerminal(`sleep 60 7</dev/tty ${quiet} &`)
    const other = await onTerminal(`sleep 60 7</dev/tty ${quiet} &`)
    const pids = async (tty: string) => short(await holders(tty))
    expect(await pids(one.tty)).toContainEqual({ pid: one.pid, fds: [7] })
    expect(await pids(other.tty)).toContainEqual({ pid: other.pid, fds: [7] })
    expect((await pids(one.tty)).map(({ pid }) => pid)).not.toContain(other.pid)
  })

  test('a member of the session that has closed it is no holder', async () => {
    const { pid, tty } = await onTerminal('sleep 60 0</dev/null >/dev/null 2>&1 &')
    expect(processInfo(pid).tty).toBe(tty)
    expect((await holders(tty)).map((info) => info.pid)).not.toContain(pid)
  })

  test('a process whose first thread has ended is one', async () => {
    const file = join(openFolder(), 'pid')
    const { pid, tty } = await onTerminal(`${compile('subject')} ${file} thread &`)
    await until(() => existsSync(file) && ps(pid).stat.startsWith('Z'))
    expect(short(await holders(tty))).toContainEqual({ pid, fds: [1, 2] })
  })

  test('a descriptor on a path that is too long to be read is passed over', async () => {
    const script = [
      ...['import os, sys, time', 'top = os.getcwd()', 'name = "x" * 200'],
      ...['for i in range(30): os.mkdir(name); os.chdir(name)', 'file = open("file", "w")'],
      ...['os.unlink("file")', 'for i in range(30): os.chdir(".."); os.rmdir(name)'],
      ...['print(file.fileno(), flush=True)', 'time.sleep(60)'],
    ]
    const running = start('python3', ['-c', script.join('\n')], { cwd: openFolder() })
    const fd = await running.next()
    expect(() => readlinkSync(`/proc/${running.pid}/fd/${fd}`)).toThrow(
      expect.objectContaining({ code: 'ENAMETOOLONG' }),
    )
    const { terminal, tty } = await onTerminal('true &')
    expect(short(await holders(tty))).toContainEqual({ pid: terminal.pid, fds: [0, 1, 2] })
  })

  test('the child of a holder that has ended while /proc is read is found', async () => {
    // A process with many descriptors, which takes long to be read, and comes before the holder.
    const many = [
      ...['import os, resource, time', 'most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]'],
      ...['resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))'],
      ...['for i in range(min(most - 20, 20000)): os.dup(0)', 'print(1, flush=True)'],
      'time.sleep(60)',
    ]
    await start('python3', ['-c', many.join('\n')]).next()
    const handOver = [
      ...['import os, signal, time', 'def hand_over(*_):', '  if os.fork() != 0: os._exit(0)'],
      ...['signal.signal(signal.SIGTERM, hand_over)', 'print("[1]", flush=True)'],
      'while True: time.sleep(60)',
    ]
    // The session leader holds nothing.
    const script = `"$0" -c "$1" & echo "{\\"pid\\":$!}"; exec sleep 60 0</dev/null >/dev/null 2>&1`
    const terminal = openTerminal('sh', ['-c', script, 'python3', handOver.join('\n')])
    const { pid } = await terminal.json()
    track(pid)
    const tty = ttyOf(terminal)
    await terminal.expect(/\[1\]/)
    await until(() => openOn(tty).length === 1)
    const looking = holders(tty)
    setTimeout(() => process.kill(pid, 'SIGTERM'), 1)
    const found = await looking
    await until(() => openOn(tty).every((holder) => holder.pid !== pid))
    const [child] = openOn(tty)
    track(child?.pid ?? 0)
    // Both of them, where the first was read before it ended.
    expect([[pid], [child?.pid], [pid, child?.pid]]).toContainEqual(found.map((info) => info.pid))
  })

  test('who has taken the number of a holder meanwhile is none', async () => {
    const { terminal, pid, tty } = await onTerminal('sleep 60 &')
    expect((await holders(tty)).map((info) => info.pid)).toContain(pid)
    const { processRow } = native
    // As native code gives the row of another process with that number: one that has started later.
    native.processRow = (asked, place) => {
      const result = processRow(asked, place)
      const data = asked === pid && result === 0 ? new DataView(place) : undefined
      data?.setFloat64(ROW.start, data.getFloat64(ROW.start, true) + 1, true)
      return result
    }
    try {
      const found = (await holders(tty)).map((info) => info.pid)
      expect(found).toContain(terminal.pid)
      expect(found).not.toContain(pid)
    } finally {
      native.processRow = processRow
    }
  })

  test('descriptors are read few at a time, and all of them', async () => {
    const script =
      'import os, time\nfor i in range(900): os.dup(0)\nprint(1, flush=True)\ntime.sleep(60)'
    const child = start('python3', ['-c', script])
    await child.next()
    const folder = openSync(`/proc/${child.pid}/fd`, constants.O_RDONLY)
    const parts: number[][] = []
    for (;;) {
      const numbers = native.nextNumbers(folder)
      if (typeof numbers === 'number' || numbers.byteLength === 0) break
      parts.push([...new Int32Array(numbers)])
    }
    closeSync(folder)
    // The kernel takes about a microsecond for each, and holds the event loop meanwhile.
    expect(Math.max(...parts.map(({ length }) => length))).toBeLessThan(200)
    expect(parts.flat().map(String).sort()).toEqual(readdirSync(`/proc/${child.pid}/fd`).sort())
    expect(parts.flat().length).toBeGreaterThan(900)
  })

  test('nobody: an empty list', async () => {
    const script = [
      ...['import os, time', 'master, slave = os.openpty()', 'name = os.ttyname(slave)'],
      ...['os.close(slave)', 'print(f\'"{name}"\', flush=True)', 'time.sleep(60)'],
    ]
    const tty = await start('python3', ['-c', script.join('\n')]).next()
    const found = await holders(tty)
    expect(short(found)).toEqual([])
    expect(found.hidden).toBe(false)
  })

  test.runIf(isRoot)(
    'the terminal of that number in another devpts is another one (needs root)',
    async () => {
      need('unshare')
      const { terminal, tty } = await onTerminal('true &')
      // Its controlling terminal has the number too, and it has opened /dev/tty.
      const script = [
        ...['import fcntl, os, pty, termios, time', 'os.setsid()', 'kept = []'],
        ...['for i in range(1000):', '  kept.append(os.openpty())', '  slave = kept[-1][1]'],
        ...[`  if os.ttyname(slave) == "${tty}": break`],
        ...['fcntl.ioctl(slave, termios.TIOCSCTTY, 0)', 'own = os.open("/dev/tty", os.O_RDWR)'],
        ...['print(f"[{os.getpid()}, {slave}, {own}]", flush=True)', 'time.sleep(60)'],
      ]
      const mount = 'mount -t devpts -o newinstance,ptmxmode=666 devpts /dev/pts'
      const running = start('unshare', [
        ...['--mount', 'sh', '-c', `${mount} && exec python3 -c "$0"`, script.join('\n')],
      ])
      const [pid, slave, own] = await running.next()
      const [here, there] = [statSync(tty), statSync(`/proc/${pid}/fd/${slave}`)]
      expect({ rdev: there.rdev, tty: processInfo(pid).tty }).toEqual({ rdev: here.rdev, tty })
      expect(there.dev).not.toBe(here.dev)
      expect(readlinkSync(`/proc/${pid}/fd/${own}`)).toBe('/dev/tty')
      const pids = (await holders(tty)).map((info) => info.pid)
      expect(pids).toContain(terminal.pid)
      expect(pids).not.toContain(pid)
      // By a path that leads to the other one, it is found, and ours is not.
      const found = await holders(`/proc/${pid}/root${tty}`)
      expect(short(found)).toEqual([{ pid, fds: [slave, own].sort((a, b) => a - b) }])
    },
  )
})

describe('of a child', () => {
  test('what a shell has left in the background has its output', async () => {
    const { child, ended, next } = start('sh', ['-c', 'sleep 60 & echo $!'])
    const pid = await next()
    track(pid)
    await ended
    expect([...(await holders(child))]).toMatchObject([
      { pid, fds: [1, 2], holds: ['stdout', 'stderr'], ppid: processInfo(pid).ppid },
    ])
  })

  test('the child itself, by each of its streams', async () => {
    const { child, pid } = start('sleep', ['60'])
    await until(() => ps(pid).comm === 'sleep')
    expect([...(await holders(child))]).toMatchObject([
      { pid, fds: [0, 1, 2], holds: ['stdin', 'stdout', 'stderr'] },
    ])
    child.stdout?.destroy()
    expect([...(await holders(child))]).toMatchObject([
      { pid, fds: [0, 2], holds: ['stdin', 'stderr'] },
    ])
  })

  test('of our spawn too', async () => {
    const child = spawnJob('sh', ['-c', 'exec sleep 60 2>/dev/null'], { session: 'new' })
    track(child.pid ?? 0)
    await until(() => ps(child.pid ?? 0).comm === 'sleep')
    expect([...(await holders(child))]).toMatchObject([
      { pid: child.pid, holds: ['stdin', 'stdout'] },
    ])
  })

  test('a pipe that has one inode for both ends: our own end is left out, another of ours is not', async () => {
    const [readEnd, writeEnd] = native.pipe() as [number, number]
    const child = spawn('sleep', ['60'], { stdio: ['ignore', writeEnd, 'ignore'] })
    track(child.pid ?? 0)
    const socket = new Socket({ fd: readEnd, readable: true, writable: false })
    child.stdout = socket
    const ofChild = { pid: child.pid, fds: [1], holds: ['stdout'] }
    const ofOurs = { pid: process.pid, fds: [writeEnd], holds: ['stdout'] }
    const byPid = [ofChild, ofOurs].sort((a, b) => (a.pid ?? 0) - (b.pid ?? 0))
    expect([...(await holders(child))]).toMatchObject(byPid)
    closeSync(writeEnd)
    expect([...(await holders(child))]).toMatchObject([ofChild])
    socket.destroy()
  })

  test.each([
    ['that has ended with all that it started', 'pipe'],
    ['without pipes', 'ignore'],
  ] as const)('%s: nobody', async (_, stdio) => {
    const child = spawn('true', { stdio })
    await once(child, 'close')
    expect([...(await holders(child))]).toEqual([])
  })

  test('that was not started: nobody', async () => {
    const child = spawn('/no/such/program')
    const error = once(child, 'error')
    expect([...(await holders(child))]).toEqual([])
    await error
  })

  test('a stream that Node has not made: ENOTSUP', async () => {
    const { child } = start('sleep', ['60'])
    Object.assign(child, { stdin: new PassThrough() })
    await expect(holders(child)).rejects.toMatchObject({
      ...{ code: 'ENOTSUP', reason: 'unknown-stream', stream: 'stdin' },
    })
  })

  test.each(['EPERM', 'EACCES', 'ENOSYS'])(
    'a sandbox that refuses sock_diag by %s: no-sock-diag, not nobody',
    async (refusal) => {
      const child = `(await import('node:child_process')).spawn('true')`
      const told = await elsewhere(child, [compile('deny'), `socket=${refusal}`, '--'])
      expect(told).toMatchObject({ code: refusal, syscall: 'sock_diag', reason: 'no-sock-diag' })
    },
  )

  test('holdsOf: what single processes hold; who has gone is not in it', async () => {
    const { child, pid } = start('sleep', ['60'])
    await until(() => ps(pid).comm === 'sleep')
    const pipes = pipesOf(child, 'run')
    const held = await holdsOf([pid, process.pid, gonePid], pipes)
    expect([...held]).toEqual([
      [pid, ['stdin', 'stdout', 'stderr']],
      [process.pid, []],
    ])
  })
})

describe('who may not be looked at', () => {
  test.runIf(hasNobody)("is in unreadable: root's holder for nobody (needs root)", async () => {
    const { terminal, tty } = await onTerminal('true &')
    const told = await elsewhere(`'${tty}'`, [], unprivileged)
    expect(told).toMatchObject({ length: 0, hidden: false })
    expect(told.unreadable).toContain(terminal.pid)
    expect((await holders(tty)).unreadable).not.toContain(terminal.pid)
  })

  test.runIf(isRoot).each([1, 2])(
    'hidepid=%i: hidden says that there may be more (needs root)',
    async (level) => {
      const nobody = 'setpriv --reuid=65534 --regid=65534 --clear-groups'
      const script = `mount -t proc -o hidepid=${level} proc /proc && ${nobody} "$0" "$@"; exit $?`
      const how = ['unshare', '-pf', '--mount-proc', '--kill-child', 'sh', '-c', script]
      const { tty } = await onTerminal('true &')
      const told = await elsewhere(`'${tty}'`, how)
      expect(told).toMatchObject({ length: 0, hidden: true })
      expect(told.unreadable).toEqual(level === 1 ? [1] : [])
    },
  )
})

describe('errors', () => {
  test.each(['/dev/null', '/tmp', '/dev/ptmx', ''])('%j is no terminal: ENOTTY', async (target) => {
    await expect(holders(target)).rejects.toMatchObject({
      ...{ code: 'ENOTTY', syscall: 'holders', reason: 'not-a-terminal' },
    })
  })

  test.each(['/dev/pts/none', 'pts/none', '/none'])('%s is not there: ENOENT', async (target) => {
    await expect(holders(target)).rejects.toMatchObject({ code: 'ENOENT', syscall: 'stat' })
  })

  test.runIf(hasNobody)('a folder that may not be searched: EACCES (needs root)', async () => {
    const folder = join(openFolder(), 'closed')
    mkdirSync(folder, { mode: 0o700 })
    const told = await elsewhere(`'${folder}/tty'`, [], unprivileged)
    expect(told).toMatchObject({ code: 'EACCES', syscall: 'stat' })
  })

  test('/dev/tty of a process without a terminal: ENXIO', async () => {
    const told = await elsewhere("'/dev/tty'", [], { detached: true })
    expect(told).toMatchObject({ code: 'ENXIO', reason: 'no-terminal' })
  })

  test.each([
    ...[undefined, null, 3, 3n, true, {}, [], () => 3],
    { pid: process.pid, stdin: null, stdout: null, stderr: null },
    Object.create(ChildProcess.prototype),
  ])('%o is refused', async (target) => {
    await expect(holders(target as string)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
  })
})
