import {
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { daemonStatus, identify } from 'setsid'
import { describe, expect, test } from 'vitest'
import { PidFile } from '../../lib/daemon/pidfile.ts'
import { isRoot, ps, start, until } from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'

const NOBODY = 65534
const pathIn = (folder: string) => join(folder, 'pid')

function name(path: string, pid: number): void {
  const namespace = readlinkSync('/proc/self/ns/pid')
  writeFileSync(path, `${pid}\n${JSON.stringify({ ...identify(pid), namespace })}\n`)
}

/** Another program takes the pidfile's lock, byte by byte (lib/daemon/lock.ts): for a start, and then for a daemon. */
async function holdLock(path: string) {
  const script = `import fcntl, os, struct, sys, time
lock = lambda fd, kind, byte: fcntl.fcntl(fd, 37, struct.pack('hhqqi4x', kind, 0, byte, 1, 0))
path = sys.argv[1] + '.lock'
start = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
lock(start, 1, 0)
print('{}', flush=True)
time.sleep(0.3)
life = os.open(path, os.O_RDONLY)
lock(life, 0, 1)
lock(start, 2, 0)
sys.stdin.read()`
  const running = start('python3', ['-c', script, path])
  await running.next()
  return running
}

describe('the lock of a pidfile', () => {
  test('a start that had to wait for another one looks again', async () => {
    const path = pathIn(openFolder())
    const { pid } = await holdLock(path)
    const expected = { code: 'EAGAIN', reason: 'already-running', pids: [pid] }
    expect(() => PidFile.take(path)).toThrow(expect.objectContaining(expected))
  })

  test('is its owner’s alone, also where others could open an older one', () => {
    const path = pathIn(openFolder())
    writeFileSync(`${path}.lock`, '')
    chmodSync(`${path}.lock`, 0o666)
    const file = PidFile.take(path)
    expect(statSync(`${path}.lock`).mode & 0o777).toBe(0o600)
    file.release()
    expect(existsSync(`${path}.lock`)).toBe(false)
  })

  test.skipIf(!isRoot)('another user’s is refused (needs root)', () => {
    const path = pathIn(openFolder())
    writeFileSync(`${path}.lock`, '')
    chownSync(`${path}.lock`, NOBODY, NOBODY)
    expect(() => PidFile.take(path)).toThrow(expect.objectContaining({ reason: 'untrusted-file' }))
    expect(statSync(`${path}.lock`).uid).toBe(NOBODY)
  })
})

describe('a pidfile', () => {
  test('that names another by now is not removed', () => {
    const path = pathIn(openFolder())
    const file = PidFile.take(path)
    file.write(identify())
    writeFileSync(path, 'another\n')
    file.release()
    expect(readFileSync(path, 'utf8')).toBe('another\n')
  })

  test('that names a zombie is stale', async () => {
    const path = pathIn(openFolder())
    const parent = start('sh', ['-c', 'sleep 100 & echo "[$!]"; exec sleep 100'])
    const [pid = 0] = (await parent.next()) as number[]
    await until(() => ps(parent.pid).comm === 'sleep')
    name(path, pid)
    expect((await daemonStatus(path)).state).toBe('running')
    process.kill(pid, 'SIGKILL')
    await until(() => ps(pid).stat.startsWith('Z'))
    expect((await daemonStatus(path)).state).toBe('stale')
  })
})
