import { execFileSync, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { daemonStatus, identify, startDaemon, type StartDaemonOptions, stopDaemon } from 'setsid'
import { describe, expect, test } from 'vitest'
import { compile } from '../helpers/compile.ts'
import { prepareDaemon, sess } from '../helpers/daemon.ts'
import { marked } from '../helpers/leftovers.ts'
import {
  fixturePath,
  hasNobody,
  isLive,
  isRoot,
  node,
  start,
  track,
  unprivileged,
  until,
} from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'

const NOBODY = 65534
const OTHER = 12345
const up = { ready: { upFor: 1 } }

/** A folder that only `owner` may write to, and everybody may read. */
function folderOf(owner: number): string {
  const folder = openFolder()
  chownSync(folder, owner, owner)
  chmodSync(folder, 0o755)
  return folder
}

/** What a pidfile says of a process, whoever wrote it. */
const textOf = (pid: number): string => {
  const namespace = readlinkSync('/proc/self/ns/pid')
  const { startTicks, bootId } = identify(pid)
  return `${pid}\n${JSON.stringify({ startTicks, bootId, namespace })}\n`
}

async function begin(path: string, file = 'sleep', args = ['100'], options = {}): Promise<number> {
  const { pid } = await startDaemon(file, args, { pidFile: path, ...up, ...options })
  track(pid)
  return pid
}

/** What a promise gave, or the code of its error. */
const outcomeOf = (promise: Promise<string>): Promise<string> =>
  promise.catch((error: unknown) => (error as { code: string }).code)

/** Starts a daemon and kills it. */
async function kill(options: StartDaemonOptions): Promise<string> {
  const { pid } = await startDaemon('sleep', ['100'], options)
  track(pid)
  process.kill(pid, 'SIGKILL')
  return 'started'
}

const file = (name: string) => fixturePath(name)

describe.skipIf(!hasNobody)('a pidfile of root, and nobody (need root)', () => {
  test('nobody’s locks by reading block no start, no status and no stop', async () => {
    const path = join(folderOf(0), 'pid')
    writeFileSync(path, '999999999\n')
    const locker = start('python3', [file('locks.py'), path, `${path}.lock`], unprivileged)
    await locker.next()
    expect(await locker.next()).toEqual({ locked: path })
    for (let round = 0; round < 20; round++) {
      const pid = await begin(path)
      expect(await locker.next()).toEqual({ locked: path })
      expect(await daemonStatus(path)).toMatchObject({ state: 'running', identity: { pid } })
      expect(await stopDaemon(path)).toMatchObject({ outcome: 'gone', signalled: [pid] })
      expect(readdirSync(join(path, '..'))).toEqual([])
    }
  })

  test('startDaemon: a daemon that is nobody can’t write into it, by whatever it has inherited', async () => {
    const path = join(folderOf(0), 'pid')
    const { pid: bystander } = start('sleep', ['100'])
    const text = join(openFolder(), 'text')
    writeFileSync(text, textOf(bystander))
    const log = join(folderOf(NOBODY), 'log')
    const options = { user: 'nobody', stderr: log, ready: { upFor: 0 } }
    const pid = await begin(path, 'python3', [file('forge.py'), path, text], options)
    await until(() => readFileSync(log, 'utf8').includes('['))
    expect(readFileSync(log, 'utf8')).toBe('[]\n')
    expect(readFileSync(path, 'utf8')).toBe(textOf(pid))
    expect(await stopDaemon(path)).toMatchObject({ outcome: 'gone', signalled: [pid] })
    expect(isLive(bystander)).toBe(true)
    expect(existsSync(path)).toBe(false)
  })

  test.for(['launcher', 'restart'] as const)(
    'daemonize by %s: as nobody it has nothing open by which it could write; what it leaves is stale',
    async (way) => {
      const folder = folderOf(0)
      const path = join(folder, 'pid')
      const daemon = prepareDaemon(way, { options: { pidFile: path, user: 'nobody' } })
      const [command, ...args] = daemon.command
      expect(spawnSync(command, args, { stdio: 'ignore' }).status).toBe(0)
      const pid = await daemon.pid()
      const fds = readdirSync(`/proc/${pid}/fd`).filter((fd) =>
        readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith(folder),
      )
      const flags = fds.map((fd) =>
        /flags:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.[1]?.slice(-1),
      )
      expect(flags).toEqual(['0'])
      process.kill(pid, 'SIGTERM')
      await until(() => !isLive(pid))
      expect((await daemonStatus(path)).state).toBe('stale')
      expect((await stopDaemon(path)).outcome).toBe('stale')
      expect(readdirSync(folder)).toEqual([])
    },
  )

  test('nobody sees whether root’s daemon runs, and stops nothing', async () => {
    const path = join(folderOf(0), 'pid')
    const pid = await begin(path)
    const ask = (action: string) => {
      const args = [sess, action, '--pid-file', path, '--json']
      return spawnSync(node, args, unprivileged)
    }
    const status = () => JSON.parse(ask('status').stdout.toString())
    expect(status()).toMatchObject({ state: 'running', locked: true, identity: { pid } })
    expect(ask('stop').status).toBe(4)
    expect(isLive(pid)).toBe(true)
    process.kill(pid, 'SIGKILL')
    await until(() => !isLive(pid))
    await until(() => status().locked === false)
    expect(status()).toMatchObject({ state: 'stale', locked: false })
    ask('stop')
    expect(existsSync(path)).toBe(true)
  })
})

describe.skipIf(!hasNobody)('a pidfile that nobody could write, and root (need root)', () => {
  /** Where it stands, and who could have written it. */
  const places: Record<string, (text: string) => string> = {
    'in nobody’s folder, nobody’s file': (text) => {
      const path = join(folderOf(NOBODY), 'pid')
      writeFileSync(path, text)
      chownSync(path, NOBODY, NOBODY)
      return path
    },
    'in nobody’s folder, root’s file': (text) => {
      const path = join(folderOf(NOBODY), 'pid')
      writeFileSync(path, text)
      return path
    },
    'in root’s folder below nobody’s': (text) => {
      const folder = join(folderOf(NOBODY), 'run')
      mkdirSync(folder)
      writeFileSync(join(folder, 'pid'), text)
      return join(folder, 'pid')
    },
    'in a folder that all may write to, nobody’s file': (text) => {
      const path = join(openFolder(), 'pid')
      writeFileSync(path, text)
      chownSync(path, NOBODY, NOBODY)
      return path
    },
  }

  test.for(Object.keys(places))('%s: root’s process is not stopped, nobody’s is', async (name) => {
    const make = places[name]
    if (make === undefined) throw new Error(name)
    const { pid: bystander } = start('sleep', ['100'])
    const lie = make(textOf(bystander))
    const untrusted = { reason: 'untrusted-pidfile', pids: [bystander] }
    expect(await daemonStatus(lie)).toMatchObject({ state: 'unknown', ...untrusted })
    await expect(stopDaemon(lie)).rejects.toMatchObject({ code: 'EPERM', ...untrusted })
    await expect(begin(lie)).rejects.toMatchObject({ code: expect.stringMatching(/EPERM|EAGAIN/) })
    expect(isLive(bystander)).toBe(true)

    const { pid } = start('sleep', ['100'], unprivileged)
    await until(() => statSync(`/proc/${pid}`).uid === NOBODY)
    const truth = make(textOf(pid))
    expect(await daemonStatus(truth)).toMatchObject({ state: 'running', identity: { pid } })
    expect(await stopDaemon(truth)).toMatchObject({ outcome: 'gone', signalled: [pid] })
    // Root removes nothing there.
    expect(existsSync(truth)).toBe(true)
  })

  test('a file that all may write to, or of two other users, names nobody', async () => {
    const { pid } = start('sleep', ['100'], unprivileged)
    await until(() => statSync(`/proc/${pid}`).uid === NOBODY)
    const open = join(folderOf(0), 'pid')
    writeFileSync(open, textOf(pid))
    chmodSync(open, 0o666)
    const both = join(folderOf(OTHER), 'pid')
    writeFileSync(both, textOf(pid))
    chownSync(both, NOBODY, NOBODY)
    // The same for the first of the two users.
    const { pid: others } = start('sleep', ['100'], { uid: OTHER, gid: OTHER })
    await until(() => statSync(`/proc/${others}`).uid === OTHER)
    const first = join(folderOf(OTHER), 'pid')
    writeFileSync(first, textOf(others))
    chownSync(first, NOBODY, NOBODY)
    for (const path of [open, both, first]) {
      await expect(stopDaemon(path)).rejects.toMatchObject({ reason: 'untrusted-pidfile' })
    }
    expect([isLive(pid), isLive(others)]).toEqual([true, true])
  })

  test('the session of nobody’s daemon: root’s process in it is left', async () => {
    const path = places['in nobody’s folder, nobody’s file']?.('') ?? ''
    // The leader and one member are nobody's; the other member has stayed root's.
    const script = `sleep 100 & other=$!
      setpriv --reuid ${NOBODY} --clear-groups sleep 100 & echo "[$!, $other]"
      exec setpriv --reuid ${NOBODY} --clear-groups sleep 100`
    const leader = start('sh', ['-c', script], { detached: true })
    const [own, stranger] = (await leader.next()) as [number, number]
    track(own, stranger)
    await until(() => [leader.pid, own].every((pid) => statSync(`/proc/${pid}`).uid === NOBODY))
    writeFileSync(path, textOf(leader.pid))
    const { outcome, signalled } = await stopDaemon(path)
    expect([outcome, signalled.sort()]).toEqual(['gone', [leader.pid, own].sort()])
    expect(isLive(stranger)).toBe(true)
  })

  test('what nobody’s dead daemon has left: nothing is stopped, as root’s process is in its session', async () => {
    const path = places['in nobody’s folder, nobody’s file']?.('') ?? ''
    // A shared lock of byte 1 is that of a daemon, for its life. `env` finds a program that nobody may read.
    const lock = `import fcntl, os, struct, time
file = open(os.open('${path}.lock', os.O_RDWR | os.O_CREAT, 0o600), 'r+')
fcntl.fcntl(file, 37, struct.pack('hhqqi4x', 0, 0, 1, 1, 0))
print(os.getpid(), flush=True)
time.sleep(100)`
    const script = `sleep 100 & echo $!
      setpriv --reuid ${NOBODY} --clear-groups env python3 -c "$0" & wait`
    const leader = start('sh', ['-c', script, lock], { detached: true })
    const stranger = Number(await leader.next())
    track(stranger)
    const holder = Number(await leader.next())
    track(holder)
    writeFileSync(path, textOf(leader.pid))
    process.kill(leader.pid, 'SIGKILL')
    await leader.ended
    const unknown = { reason: 'held-by-another', pids: [holder] }
    expect(await daemonStatus(path)).toMatchObject({ state: 'unknown', ...unknown })
    await expect(stopDaemon(path)).rejects.toMatchObject({ code: 'EBUSY', ...unknown })
    expect([isLive(stranger), isLive(holder), existsSync(path)]).toEqual([true, true, true])
  })

  test('a start: refused in nobody’s folder, by name, and nothing is created', async () => {
    const folder = folderOf(NOBODY)
    const path = join(folder, 'pid')
    const facts = { code: 'EPERM', reason: 'untrusted-folder', uid: NOBODY, folder, path }
    await expect(begin(path)).rejects.toMatchObject(facts)
    await expect(begin(path, 'sleep', ['9'], { user: 'nobody' })).rejects.toMatchObject(facts)
    expect(readdirSync(folder)).toEqual([])
  })

  test('a start: refused through nobody’s link, and over nobody’s file', async () => {
    const folder = openFolder()
    const safe = folderOf(0)
    symlinkSync(safe, join(folder, 'link'))
    expect(await begin(join(folder, 'link', 'pid'))).toBeGreaterThan(1)
    expect((await stopDaemon(join(folder, 'link', 'pid'))).outcome).toBe('gone')
    execFileSync('chown', ['-h', 'nobody', join(folder, 'link')])
    const untrusted = { code: 'ELOOP', reason: 'untrusted-link', uid: NOBODY }
    await expect(begin(join(folder, 'link', 'pid'))).rejects.toMatchObject(untrusted)
    writeFileSync(join(folder, 'pid'), '')
    chownSync(join(folder, 'pid'), NOBODY, NOBODY)
    const taken = { code: 'EPERM', reason: 'untrusted-file', uid: NOBODY }
    await expect(begin(join(folder, 'pid'))).rejects.toMatchObject(taken)
    expect(readdirSync(safe)).toEqual([])
  })

  test('a link in place of a pidfile is named as what it is', async () => {
    const path = join(folderOf(0), 'pid')
    symlinkSync('elsewhere', path)
    await expect(daemonStatus(path)).rejects.toMatchObject({
      code: 'ELOOP',
      reason: 'not-a-pidfile',
      message: expect.stringContaining(`${path} is a symbolic link, and a pidfile is never`),
    })
  })
})

describe.skipIf(!hasNobody)('a folder that is swapped for a link all the time (need root)', () => {
  const bases: Record<string, () => string> = {
    'in nobody’s folder': () => folderOf(NOBODY),
    'in a folder that all may write to': openFolder,
  }
  test.for(Object.keys(bases))(
    '%s: 60 starts and stops by root touch no file of root',
    { timeout: 60_000 },
    async (name) => {
      const base = bases[name]?.() ?? ''
      const safe = folderOf(0)
      const { pid: bystander } = start('sleep', ['100'])
      for (const entry of ['pid', 'log', 'pid.lock', 'pid.new']) {
        writeFileSync(join(safe, entry), entry === 'pid' ? textOf(bystander) : 'precious\n')
      }
      const list = () => execFileSync('ls', ['-lAin', '--time-style=full-iso', safe]).toString()
      const before = list()
      const swap = start('python3', [file('swap.py'), base, safe], unprivileged)
      await swap.next()
      const path = join(base, 'run', 'pid')
      const log = join(base, 'run', 'log')
      const outcomes = new Set<string>()
      for (let round = 0; round < 60; round++) {
        const options = { user: 'nobody', stderr: log, ...(round % 2 === 0 && { pidFile: path }) }
        outcomes.add(await outcomeOf(kill({ ...options, ready: { upFor: 0 } })))
        outcomes.add(await outcomeOf(stopDaemon(path).then(({ outcome }) => outcome)))
      }
      expect(list()).toBe(before)
      expect(isLive(bystander)).toBe(true)
      const known = /^(started|already-gone|stale|E(PERM|LOOP|NOENT|BUSY|EXIST|ACCES|AGAIN))$/
      expect([...outcomes].filter((outcome) => !known.test(outcome))).toEqual([])
    },
  )
})

describe('what a dead daemon has left', () => {
  test('a member of its session that holds the lock: one answer, and a stop ends it', async () => {
    const path = join(openFolder(), 'pid')
    const told = join(path, '..', 'told')
    const leader = await begin(path, 'sh', ['-c', 'sleep 100 & echo $! > "$0"; wait', told])
    await until(() => existsSync(told) && readFileSync(told, 'utf8') !== '')
    const child = Number(readFileSync(told, 'utf8'))
    track(child)
    process.kill(leader, 'SIGKILL')
    await until(() => !isLive(leader))
    const unknown = { reason: 'held-by-another', pids: [child] }
    expect(await daemonStatus(path)).toMatchObject({ state: 'unknown', locked: true, ...unknown })
    await expect(begin(path)).rejects.toMatchObject({ code: 'EAGAIN', ...unknown })
    expect(await stopDaemon(path)).toMatchObject({ outcome: 'gone', signalled: [child] })
    expect(existsSync(path)).toBe(false)
    await begin(path)
    await stopDaemon(path)
  })

  test('members that hand over every few milliseconds: all are gone, with the lock', async () => {
    for (let round = 0; round < 5; round++) {
      const path = join(openFolder(), 'pid')
      const mark = `SETSID_TEST_ORPHANS=${randomUUID()}`
      const [name = '', value] = mark.split('=')
      const env = { ...process.env, [name]: value }
      const words = ['restless', 'child', 'restless', 'fd=3']
      const leader = await begin(path, compile('soakd'), words, { env, ready: { fd: 3 } })
      process.kill(leader, 'SIGKILL')
      await until(() => !isLive(leader))
      expect((await stopDaemon(path)).outcome).toBe('gone')
      const left = marked(mark).map(Number).filter(isLive)
      for (const pid of left) process.kill(pid, 'SIGKILL')
      expect([left, existsSync(path)]).toEqual([[], false])
    }
  })

  test('the daemon ends between the look at its pidfile and the stop: what it has left is stopped', async () => {
    const path = join(openFolder(), 'pid')
    const script = 'sleep 100 & echo $! > "$0"; exec sleep 100'
    const told = join(path, '..', 'told')
    const leader = await begin(path, 'sh', ['-c', script, told], { ready: { upFor: 50 } })
    await until(() => existsSync(told) && readFileSync(told, 'utf8') !== '')
    const child = Number(readFileSync(told, 'utf8'))
    // Its first look is taken at once, and the rest when we wait for it.
    const stop = stopDaemon(path)
    process.kill(leader, 'SIGKILL')
    while (existsSync(`/proc/${leader}`)) spawnSync('sleep', ['0.01'])
    const { outcome } = await stop
    const left = [child].filter(isLive)
    for (const pid of left) process.kill(pid, 'SIGKILL')
    expect([outcome, left, existsSync(path)]).toEqual(['gone', [], false])
  })

  test('one that has left its session is named and not signalled', async () => {
    const path = join(openFolder(), 'pid')
    const told = join(path, '..', 'told')
    const script = `setsid sh -c 'echo $$ > "$0"; exec sleep 100' "$0" & exec sleep 100`
    const leader = await begin(path, 'sh', ['-c', script, told], { ready: { upFor: 50 } })
    await until(() => existsSync(told) && readFileSync(told, 'utf8') !== '')
    const orphan = Number(readFileSync(told, 'utf8'))
    track(orphan)
    process.kill(leader, 'SIGKILL')
    await until(() => !isLive(leader))
    const unknown = { reason: 'held-by-another', pids: [orphan] }
    await until(async () => (await daemonStatus(path)).pids?.length === 1)
    await expect(stopDaemon(path)).rejects.toMatchObject({ code: 'EBUSY', ...unknown })
    expect([isLive(orphan), existsSync(path)]).toEqual([true, true])
    await expect(begin(path)).rejects.toMatchObject({ code: 'EAGAIN', ...unknown })
  })

  test('one that has left its session, and one that has not: both are named, none is signalled', async () => {
    const path = join(openFolder(), 'pid')
    const told = join(path, '..', 'told')
    const script = `sleep 100 & echo $! > "$0"
      setsid sh -c 'echo $$ >> "$0"; exec sleep 100' "$0" & exec sleep 100`
    const leader = await begin(path, 'sh', ['-c', script, told], { ready: { upFor: 50 } })
    const left = () => (existsSync(told) ? readFileSync(told, 'utf8').split('\n', 2) : [])
    await until(() => left().length === 2 && !left().includes(''))
    const both = left().map(Number)
    track(...both)
    process.kill(leader, 'SIGKILL')
    await until(() => !isLive(leader))
    await until(async () => (await daemonStatus(path)).pids?.length === 2)
    const pids = expect.arrayContaining(both) as number[]
    const unknown = { code: 'EBUSY', reason: 'held-by-another', pids }
    await expect(stopDaemon(path)).rejects.toMatchObject(unknown)
    expect([...both.map(isLive), existsSync(path)]).toEqual([true, true, true])
  })

  test('a start that is killed at any moment leaves no half pidfile, and the next one works', async () => {
    const folder = openFolder()
    const path = join(folder, 'pid')
    const args = [sess, 'start', '--pid-file', path, '--up-for', '1', '--', 'sleep', '100']
    for (let round = 0; round < 25; round++) {
      const starting = start(node, args)
      const delay = 40 + round * 4
      await new Promise((resolve) => setTimeout(resolve, delay))
      starting.child.kill('SIGKILL')
      await starting.ended
      if (existsSync(path)) expect(readFileSync(path, 'utf8')).toMatch(/^\d+\n\{.*\}\n$/)
      await until(async () => {
        const { state, identity, pids = [] } = await daemonStatus(path)
        if (state === 'running' && identity !== null) track(identity.pid)
        // Killed after the daemon was ready and before it was named: it is told, and left to whoever knows it.
        if (state === 'unknown' && !existsSync(path))
          for (const pid of pids) process.kill(pid, 'SIGKILL')
        return state !== 'unknown'
      })
      const { outcome } = await stopDaemon(path, { killSignal: 'SIGKILL' })
      expect(['gone', 'already-gone', 'stale']).toContain(outcome)
      await begin(path)
      expect((await stopDaemon(path, { killSignal: 'SIGKILL' })).outcome).toBe('gone')
      expect(readdirSync(folder)).toEqual([])
    }
  }, 60_000)
})

describe.skipIf(!isRoot)('what can’t be seen (needs root)', () => {
  const inNamespace = (script: string, path: string, options = {}) =>
    start(
      'unshare',
      ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', script, 'sh', path, node, sess],
      options,
    )

  test('a daemon in another pid namespace, by its lock: unknown; without a lock: stale', async () => {
    const path = join(openFolder(), 'pid')
    const script = `mount -t proc proc /proc && "$2" "$3" start --pid-file "$1" --up-for 1 -- sleep 100 >/dev/null &&
      echo '{}' && sleep 100`
    const namespace = inNamespace(script, path)
    await namespace.next()
    const unknown = { state: 'unknown', identity: null, locked: true, reason: 'other-namespace' }
    expect(await daemonStatus(path)).toMatchObject(unknown)
    await expect(stopDaemon(path)).rejects.toMatchObject({
      code: 'EBUSY',
      reason: 'other-namespace',
    })
    await expect(begin(path)).rejects.toMatchObject({ code: 'EAGAIN', reason: 'other-namespace' })
    expect(existsSync(path)).toBe(true)
    namespace.child.kill('SIGKILL')
    await namespace.ended
    await until(async () => (await daemonStatus(path)).state === 'stale')
    expect((await stopDaemon(path)).outcome).toBe('stale')
  })

  const views: Record<string, [mount: string, who: string]> = {
    'hidepid=1': [
      'mount -t proc -o hidepid=1 proc /proc',
      'setpriv --reuid 65534 --regid 65534 --clear-groups',
    ],
    'hidepid=2': [
      'mount -t proc -o hidepid=2 proc /proc',
      'setpriv --reuid 65534 --regid 65534 --clear-groups',
    ],
    'no /proc': ['mount -t proc proc /proc', 'umount -l /proc; umount -l /proc;'],
  }
  test.for(hasNobody ? Object.keys(views) : ['no /proc'])(
    'with %s a daemon that lives is unknown, one that is gone is stale',
    async (name) => {
      const [mount, who] = views[name] ?? ['', '']
      const folder = folderOf(0)
      const script = `${mount} && "$2" "$3" start --pid-file "$1" --up-for 1 -- sleep 100 >/dev/null || exit 1
        sleep 100 & echo $! > ${folder}/other
        echo 999999 > ${folder}/gone
        for name in pid other gone; do
          (${who} "$2" "$3" status --json --pid-file ${folder}/$name)
        done`
      const namespace = inNamespace(script, join(folder, 'pid'))
      const hidden = { state: 'unknown', identity: null, reason: 'hidden' }
      expect(await namespace.next()).toMatchObject(hidden)
      expect(await namespace.next()).toMatchObject(hidden)
      expect(await namespace.next()).toMatchObject({ state: 'stale' })
    },
  )
})

describe.skipIf(!hasNobody)('logs that root opens (need root)', () => {
  const log = async (path: string) => {
    const options = { stderr: path, ready: { upFor: 0 }, user: 'nobody' }
    const { pid } = await startDaemon('sleep', ['100'], options)
    track(pid)
    return readlinkSync(`/proc/${pid}/fd/2`)
  }

  test('in the folder of the daemon’s own user: created for it, and opened again', async () => {
    const path = join(folderOf(NOBODY), 'log')
    expect(await log(path)).toBe(path)
    expect([statSync(path).uid, statSync(path).gid]).toEqual([NOBODY, NOBODY])
    expect(await log(path)).toBe(path)
  })

  const planted: Record<string, (path: string) => unknown> = {
    'a file of root': (path) => writeFileSync(path, ''),
    'a file of a third user': (path) => {
      writeFileSync(path, '')
      chownSync(path, OTHER, OTHER)
    },
    'a second name of a file': (path) => {
      writeFileSync(`${path}-other`, '')
      chownSync(`${path}-other`, NOBODY, NOBODY)
      execFileSync('ln', [`${path}-other`, path])
    },
    'a FIFO, without waiting for its reader': (path) => {
      execFileSync('mkfifo', [path])
      chownSync(path, NOBODY, NOBODY)
    },
    'a device': (path) => execFileSync('mknod', [path, 'c', '1', '3']),
  }
  test.for(Object.keys(planted))('%s in that folder is refused', async (name) => {
    const path = join(folderOf(NOBODY), 'log')
    planted[name]?.(path)
    const before = lstatSync(path)
    await expect(log(path)).rejects.toMatchObject({ code: 'EPERM', reason: 'untrusted-file', path })
    const { uid, gid, mode } = lstatSync(path)
    expect({ uid, gid, mode }).toEqual({ uid: before.uid, gid: before.gid, mode: before.mode })
  })

  test('in the folder of any other user: refused, whoever the daemon is', async () => {
    const folder = folderOf(OTHER)
    mkdirSync(join(folder, 'root'))
    const refused = { code: 'EPERM', reason: 'untrusted-folder', uid: OTHER, folder }
    await expect(log(join(folder, 'log'))).rejects.toMatchObject(refused)
    await expect(log(join(folder, 'root', 'log'))).rejects.toMatchObject(refused)
    const asRoot = startDaemon('sleep', ['9'], { stderr: join(folder, 'log'), ...up })
    await expect(asRoot).rejects.toMatchObject(refused)
    expect(readdirSync(folder)).toEqual(['root'])
  })

  test('a link of root to a log is followed for root; one of nobody never', async () => {
    const safe = folderOf(0)
    const link = join(folderOf(0), 'log')
    symlinkSync(join(safe, 'log'), link)
    const options = { stderr: link, ready: { upFor: 0 } }
    const { pid } = await startDaemon('sleep', ['100'], options)
    track(pid)
    expect(readlinkSync(`/proc/${pid}/fd/2`)).toBe(join(safe, 'log'))
    execFileSync('chown', ['-h', 'nobody', link])
    const refused = { code: 'ELOOP', reason: 'untrusted-link', path: link, uid: NOBODY }
    await expect(startDaemon('sleep', ['9'], options)).rejects.toMatchObject(refused)
  })

  test('detach() by root: no log through another user’s folder or link', () => {
    const code = `import('setsid').then(({ detachSync }) => {
      try { detachSync({ stdout: process.argv[1] }) } catch (error) { process.stderr.write(error.reason) }
    })`
    const run = (path: string) => spawnSync(node, ['-e', code, path]).stderr.toString()
    const log = join(folderOf(NOBODY), 'log')
    expect(run(log)).toBe('untrusted-folder')
    expect(existsSync(log)).toBe(false)
    const link = join(folderOf(0), 'link')
    symlinkSync('/etc/hostname', link)
    execFileSync('chown', ['-h', 'nobody', link])
    expect(run(link)).toBe('untrusted-link')
  })

  test('a descriptor by its name in /proc is a log like any other', async () => {
    const path = join(folderOf(0), 'log')
    const script = `exec 5>>"$1"; exec "$2" "$3" start --pid-file "$1.pid" --log /proc/self/fd/5 --up-for 0 -- sleep 100`
    const result = spawnSync('sh', ['-c', script, 'sh', path, node, sess])
    const pid = Number(/pid (\d+)/.exec(result.stdout.toString())?.[1])
    track(pid)
    expect(readlinkSync(`/proc/${pid}/fd/1`)).toBe(path)
  })
})

describe.skipIf(!hasNobody)('daemonize() as another user (needs root)', () => {
  const tryAs = async (setpriv: string[], user: string, env = process.env) => {
    const daemon = prepareDaemon('launcher', { options: { user }, then: 'serve' })
    // Not to a pipe, which the daemon would hold.
    const errors = join(openFolder(), 'stderr')
    const fd = openSync(errors, 'w')
    const args = [...setpriv, '--', ...daemon.command]
    const { status } = spawnSync('setpriv', args, { stdio: ['ignore', 'ignore', fd], env })
    closeSync(fd)
    const pid = await daemon.pid()
    return { status, stderr: readFileSync(errors, 'utf8'), pid }
  }
  const groups = (pid: number) =>
    /^Groups:[\t ]*(.*?) *$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]

  test('who is that user already but for the groups: they are set, or it fails', async () => {
    const nobody = ['--reuid', 'nobody', '--regid', 'nogroup']
    const more = await tryAs([...nobody, '--groups', '0,4'], 'nobody')
    expect([more.status, more.stderr]).toEqual([1, expect.stringContaining('EPERM')])
    expect(isLive(more.pid)).toBe(false)
    const same = await tryAs([...nobody, '--clear-groups'], 'nobody')
    expect([same.status, same.stderr]).toEqual([0, ''])
    const root = await tryAs(['--groups', '0,4,65534'], 'root')
    expect(root).toMatchObject({ status: 0, stderr: '' })
    expect(groups(root.pid)).toBe(spawnSync('id', ['-G', 'root']).stdout.toString().trim())
  })

  test('a thread that libc does not know stays root: privileges-kept', async () => {
    const { LD_PRELOAD = '' } = process.env
    const preload = `${LD_PRELOAD} ${compile('stray-thread', '-shared', '-fPIC')}`
    const kept = await tryAs([], 'nobody', { ...process.env, LD_PRELOAD: preload })
    expect([kept.status, kept.stderr]).toEqual([1, expect.stringContaining('privileges-kept')])
    expect(isLive(kept.pid)).toBe(false)
  })

  const capabilities = ['--inh-caps', '+setuid,+setgid', '--ambient-caps', '+setuid,+setgid']

  test('a capability that would bring root back, startDaemon(): privileges-kept', () => {
    const nobody = ['--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups']
    const code = `import('setsid').then(({ startDaemon }) => startDaemon('sleep', ['100'], { user: 'nobody' })
      .catch(({ code, reason }) => console.log(code, reason)))`
    const { stdout } = spawnSync('setpriv', [...nobody, ...capabilities, '--', node, '-e', code])
    expect(stdout.toString()).toBe('EPERM privileges-kept\n')
  })

  test('a capability that would bring root back: privileges-kept', async () => {
    const nobody = ['--reuid', 'nobody', '--regid', 'nogroup', '--groups', '0,4']
    const kept = await tryAs([...nobody, ...capabilities], 'nobody')
    expect([kept.status, kept.stderr]).toEqual([1, expect.stringContaining('privileges-kept')])
    expect(isLive(kept.pid)).toBe(false)
  })
})

test.skipIf(!hasNobody)(
  'the file that is renamed away by another is not removed by a stop',
  async () => {
    const folder = openFolder()
    const path = join(folder, 'pid')
    const pid = await begin(path)
    renameSync(path, `${path}-mine`)
    writeFileSync(path, 'precious\n')
    process.kill(pid, 'SIGKILL')
    await until(() => !isLive(pid))
    await expect(stopDaemon(path)).rejects.toMatchObject({ reason: 'not-a-pidfile' })
    expect(readFileSync(path, 'utf8')).toBe('precious\n')
  },
)
