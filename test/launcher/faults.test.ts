import { PROTOCOL_VERSION } from '../../lib/launcher/protocol.ts'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { createInterface } from 'node:readline'
import { describe, expect, test } from 'vitest'
import { compile } from '../helpers/compile.ts'
import { launcher, prepareDaemon } from '../helpers/daemon.ts'
import { fixturePath, isLive, isRoot, node, ps, start, track, until } from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'
import { childrenOf, childRows } from '../helpers/table.ts'

/** Of our pids: the launcher's name has its number. */
const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0]

// What goes wrong below and around the launcher, one fault a test.

interface Below {
  child: ChildProcess
  pid: number
  /** The next line that the program prints. */
  line(): Promise<string>
  ended: Promise<unknown[]>
}

function launch(command: string[], options: string[] = []): Below {
  const child = spawn(launcher, ['launch', ...options, '--', ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  track(child.pid ?? 0)
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    child,
    pid: child.pid ?? 0,
    line: async () => (await lines.next()).value ?? '',
    ended: once(child, 'exit'),
  }
}

const speak = (...actions: string[]) => ['python3', fixturePath('speak.py'), ...actions]
const deny = (...what: string[]) => [compile('deny'), ...what, '--', launcher, 'launch', '--']

describe('signals', () => {
  test('signal.c alone sends them, in all of the launcher', () => {
    const folder = join(import.meta.dirname, '../../src/launcher')
    const calls =
      /\b(kill|killpg|raise|tgkill|tkill|sigqueue|pthread_kill|SYS_\w*kill|SYS_pidfd_send_signal)\s*[(,]/
    const files = (readdirSync(folder, { recursive: true }) as string[]).filter(
      (name) =>
        /\.[ch]$/.test(name) &&
        calls.test(readFileSync(join(folder, name), 'utf8').replaceAll(/\/\/.*/g, '')),
    )
    expect(files).toEqual(['signal.c'])
  })

  test('no pid of 1 or less is ever signalled, as a failed fork gives one', () => {
    const folder = openFolder()
    const program = join(folder, 'signals')
    const include = join(import.meta.dirname, '../../src/launcher')
    const source = `
      #define _GNU_SOURCE
      #include <errno.h>
      #include <stdio.h>
      #include "${include}/signal.h"
      int main(void) {
        for (pid_t pid = -2; pid <= 1; pid++) {
          int one = SignalChild(pid, 0), why = errno, all = SignalGroupOf(pid, 0);
          printf("%d%d%d%d ", one, why == EINVAL, all, errno == EINVAL);
        }
      }`
    writeFileSync(`${program}.c`, source.replaceAll('\n      ', '\n'))
    execFileSync('cc', ['-o', program, `${program}.c`, join(include, 'signal.c')])
    expect(execFileSync(program).toString()).toBe('-11-11 '.repeat(4))
  })

  test('a canary that was killed: what is sent to the launcher still arrives, and nobody else is hit', async () => {
    const bystander = spawn('python3', [
      '-c',
      `import signal, sys, time
signal.signal(signal.SIGCONT, lambda *_: print('hit', flush=True))
print('up', flush=True)
time.sleep(100)`,
    ])
    track(bystander.pid ?? 0)
    let seen = ''
    bystander.stdout.on('data', (data) => (seen += String(data)))
    await until(() => seen.includes('up'))
    const below = launch([
      'sh',
      '-c',
      'trap "echo usr1" USR1; echo $$; while :; do sleep 0.01; done',
    ])
    const program = Number(await below.line())
    track(program)
    const canary = childrenOf(below.pid).find((pid) => pid !== program) ?? 0
    process.kill(canary, 'SIGKILL')
    process.kill(below.pid, 'SIGUSR1')
    expect(await below.line()).toBe('usr1')
    // The launcher ends it by its number when the program has ended, and so that number must not be free.
    expect(ps(canary)).toMatchObject({ ppid: below.pid, stat: expect.stringMatching(/^Z/) })
    process.kill(below.pid, 'SIGTERM')
    expect(await below.ended).toEqual([null, 'SIGTERM'])
    expect(seen).toBe('up\n')
  })

  test.for([17, 32, 33, 34, 64])(
    'signal %i to its pid reaches the program and does not end the launcher',
    async (number) => {
      // C's signal(2) refuses 32 and 33, so the program blocks it and shows it pending.
      const script = `
import ctypes, os, time
libc = ctypes.CDLL(None)
mask = ctypes.c_uint64(1 << ${number - 1})
libc.syscall(${process.arch === 'x64' ? 14 : 135}, 0, ctypes.byref(mask), None, 8)
print(os.getpid(), flush=True)
while not int([l for l in open('/proc/self/status') if l.startswith(('ShdPnd'))][0].split()[1], 16) & mask.value: time.sleep(0.01)
print('pending', flush=True)`
      const below = launch(['python3', '-c', script])
      track(Number(await below.line()))
      process.kill(below.pid, number)
      expect(await below.line()).toBe('pending')
      expect(await below.ended).toEqual([0, null])
    },
  )
})

describe('a program that is stopped by its own pid', () => {
  const start = async () => {
    const below = launch([
      'sh',
      '-c',
      'echo $$; while test ! -e $0; do sleep 0.01; done; exit 7',
      join(openFolder(), 'go'),
    ])
    const program = Number(await below.line())
    track(program)
    process.kill(program, 'SIGSTOP')
    await until(() => ps(program).stat.startsWith('T') && ps(below.pid).stat.startsWith('T'))
    return { below, program }
  }

  test('and continued by its own pid: the launcher goes on with it and returns', async () => {
    const { below, program } = await start()
    process.kill(program, 'SIGCONT')
    await until(() => !ps(below.pid).stat.startsWith('T'))
    process.kill(program, 'SIGTERM')
    expect(await below.ended).toEqual([null, 'SIGTERM'])
  })

  test('and killed: the launcher ends as it did', async () => {
    const { below, program } = await start()
    process.kill(program, 'SIGKILL')
    expect(await below.ended).toEqual([null, 'SIGKILL'])
  })

  test('and its waker is killed: another one wakes the launcher, which is stopped until then', async () => {
    const { below, program } = await start()
    const waker = () => childRows(below.pid).find(({ pid, pgid }) => pid === pgid)?.pid ?? 0
    for (let round = 0; round < 3; round++) {
      await until(() => waker() > 0)
      const before = waker()
      process.kill(before, 'SIGKILL')
      await until(() => waker() > 0 && waker() !== before)
      await until(() => ps(below.pid).stat.startsWith('T'))
      expect(ps(program).stat).toMatch(/^T/)
    }
    process.kill(program, 'SIGKILL')
    expect(await below.ended).toEqual([null, 'SIGKILL'])
  })

  test('again and again, as cpulimit does: the launcher returns', async () => {
    const below = launch([
      'sh',
      '-c',
      'echo $$; i=0; while test $i -lt 60; do i=$((i+1)); sleep 0.01; done; exit 7',
    ])
    const program = Number(await below.line())
    const state = { runs: true }
    void below.ended.then(() => (state.runs = false))
    while (state.runs) {
      try {
        process.kill(program, 'SIGSTOP')
        await new Promise((resolve) => setTimeout(resolve, 20))
        process.kill(program, 'SIGCONT')
        await new Promise((resolve) => setTimeout(resolve, 40))
      } catch {
        break
      }
    }
    expect(await below.ended).toEqual([7, null])
  })
})

describe('a kernel or a limit that refuses', () => {
  const cases: Record<string, { what: string[]; status: number; stderr?: RegExp }> = {
    'close_range: /proc/self/fd is listed': { what: ['close_range=ENOSYS'], status: 5 },
    'close_range by a filter, and no folder can be listed': {
      what: ['close_range=EPERM', 'getdents64=EACCES'],
      status: 5,
    },
    signalfd: { what: ['signalfd4=EMFILE'], status: 126, stderr: /^sess: sh: .*\n$/ },
    prctl: { what: ['prctl=EPERM'], status: 126, stderr: /^sess: sh: .*\n$/ },
  }
  test.for(Object.keys(cases))('%s', (name) => {
    const { what, status, stderr = /^$/ } = cases[name] ?? { what: [], status: -1 }
    const [file = '', ...rest] = deny(...what)
    const result = spawnSync(file, [...rest, 'sh', '-c', 'exit 5'], { timeout: 10_000 })
    expect([result.status, result.signal]).toEqual([status, null])
    expect(result.stderr.toString()).toMatch(stderr)
  })

  test.for([4, 5, 6, 7, 8, 9, 10, 12, 16])(
    'ulimit -n %i: the exit code of the program, or an error in time',
    (limit) => {
      const result = spawnSync(
        'sh',
        ['-c', `ulimit -n ${limit}; exec ${launcher} launch -- sh -c 'exit 5'`],
        {
          timeout: 10_000,
        },
      )
      expect(result.signal).toBe(null)
      if (result.status !== 5) {
        expect(result.status).toBe(126)
        expect(result.stderr.toString()).toMatch(/^sess: sh: .*\n$/)
      }
    },
  )
})

describe('what is left in the program', () => {
  test('no descriptor and no variable of the launcher', async () => {
    const script = 'echo $(ls /proc/self/fd | wc -l) $(env | grep -c SETSID_LAUNCHER)'
    const alone = execFileSync('sh', ['-c', script]).toString()
    const result = spawnSync(launcher, ['launch', '--', 'sh', '-c', script], {
      stdio: ['inherit', 'pipe', 'inherit'],
    })
    expect(result.stdout.toString()).toBe(
      spawnSync('sh', ['-c', script], { stdio: ['inherit', 'pipe', 'inherit'] }).stdout.toString(),
    )
    expect(alone).toMatch(/ 0\n$/)
  })

  test.for(['by its path', 'by PATH'])('a script without #! runs %s', (way) => {
    const folder = openFolder()
    writeFileSync(join(folder, 'script'), 'exit $#\n', { mode: 0o755 })
    const name = way === 'by PATH' ? 'script' : join(folder, 'script')
    const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` }
    expect(spawnSync(launcher, ['launch', '--', name, 'a', 'b'], { env }).status).toBe(2)
  })
})

describe('a pidfile of a daemon that was not ready', () => {
  const greet = [`hello ${PROTOCOL_VERSION}`, 'answer']
  const run = (actions: string[], options: string[] = []) =>
    spawnSync(launcher, ['launch', ...options, '--', ...speak(...greet, ...actions)], {
      timeout: 20_000,
    })

  // As lib/daemon/lock.ts has it: the lock is created first, and the pidfile appears with its name.
  const create = (path: string) => [`pidfile ${path}`, `create ${path}.lock`]

  test('killed between creation and name: its lock is removed', () => {
    const folder = openFolder()
    expect(run([...create(join(folder, 'pid')), 'detached 0', 'kill']).status).toBe(137)
    expect(readdirSync(folder)).toEqual([])
  })

  test('killed before it has a session of its own: removed', () => {
    const folder = openFolder()
    const path = join(folder, 'pid')
    expect(run([...create(path), `name ${path}`, 'kill']).signal).toBe('SIGKILL')
    expect(readdirSync(folder)).toEqual([])
  })

  test('out of time in that moment: removed', () => {
    const folder = openFolder()
    const path = join(folder, 'pid')
    expect(run([...create(path), `create ${path}.new`, 'detached 100', 'wait']).status).toBe(1)
    expect(readdirSync(folder)).toEqual([])
  })

  test('with its name: removed; with another one, or its lock held by another process: left', () => {
    const folder = openFolder()
    const path = join(folder, 'pid')
    run([...create(path), `name ${path}`, 'detached 0', 'kill'])
    expect(readdirSync(folder)).toEqual([])
    writeFileSync(path, '1\n')
    run([`pidfile ${path}`, 'detached 0', 'kill'])
    expect(readdirSync(folder)).toEqual(['pid'])
    const hold = `import fcntl, struct, subprocess, sys
lock = open('${path}.lock', 'w+')
fcntl.fcntl(lock, 37, struct.pack('hhqqi4x', fcntl.F_RDLCK, 0, 1, 1, 0))
sys.exit(subprocess.call(sys.argv[1:]))`
    const program = speak(...greet, `pidfile ${path}`, `name ${path}`, 'detached 0', 'kill')
    const held = spawnSync('python3', ['-c', hold, launcher, 'launch', '--', ...program])
    expect([held.status, held.stderr.toString()]).toEqual([137, expect.stringContaining('SIGKILL')])
    expect(readdirSync(folder)).toEqual(['pid', 'pid.lock'])
  })

  test('a folder that is swapped after the name was told: the file in the new one is left', async () => {
    const folder = openFolder()
    for (const name of ['ours', 'other']) mkdirSync(join(folder, name))
    symlinkSync('ours', join(folder, 'way'))
    const path = join(folder, 'way/pid')
    const below = launch(
      speak(
        ...greet,
        `pidfile ${path}`,
        `name ${path}`,
        `name ${folder}/other/pid`,
        'detached 0',
        // Its answer comes when all before has been heard.
        'nonsense',
        'answer',
        'wait',
      ),
    )
    expect(await below.line()).toBe(`welcome ${PROTOCOL_VERSION} 0`)
    expect(await below.line()).toBe('bad')
    symlinkSync('other', join(folder, 'new'))
    renameSync(join(folder, 'new'), join(folder, 'way'))
    below.child.kill('SIGTERM')
    await below.ended
    expect(existsSync(join(folder, 'ours/pid'))).toBe(false)
    expect(existsSync(join(folder, 'other/pid'))).toBe(true)
  })

  test.skipIf(!isRoot)(
    'a program of nobody makes root’s launcher remove nothing (needs root)',
    async () => {
      const folder = openFolder()
      const victim = join(folder, 'victim')
      const [uid, gid] = [65534, 65534]
      writeFileSync(victim, '')
      chmodSync(folder, 0o755)
      chownSync(folder, 0, 0)
      // A lock that nobody has would be removed for a program that is root.
      const program = speak(...greet, `pidfile ${victim}`, 'detached 0', 'kill')
      const child = spawn(
        launcher,
        ['launch', '--report=3', '--timeout=5000', `--cred=${uid}:${gid}`, '--', ...program],
        { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] },
      )
      // As its caller answers.
      ;(child.stdio[3] as Duplex).write('\n')
      await once(child, 'exit')
      expect(existsSync(victim)).toBe(true)
    },
  )
})

describe('the line to the launcher', () => {
  const daemon = (path: string) => [
    '--input-type=module',
    '-e',
    `import { daemonize } from '${new URL('../../dist/index.js', import.meta.url).pathname}'
     import { appendFileSync } from 'node:fs'
     const { strategy, fail } = await daemonize({ strategy: 'launcher' }).catch((error) => ({ strategy: error.reason }))
     appendFileSync(${JSON.stringify(path)}, strategy)
     process.exit(0)`,
  ]

  test('a foreign socket at a number in SETSID_LAUNCHER is none', async () => {
    const told = join(openFolder(), 'told')
    const child = spawn(node, daemon(told), {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
      env: { ...process.env, SETSID_LAUNCHER: '3' },
      timeout: 10_000,
    })
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(readFileSync(told, 'utf8')).toBe('no-launcher')
  })

  const listen = `import os, socket, subprocess, sys, time
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind('\\0setsid-launcher-${namespace}-' + sys.argv[1].replace('self', str(os.getpid())))
listener.listen(int(sys.argv[2]))
`

  test.for([0, 4])('a stranger that has taken its name, backlog %i, is none', async (backlog) => {
    const told = join(openFolder(), 'told')
    // The name of the launcher that would be our pid.
    const full = `others = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(${backlog === 0 ? 1 : 0})]
for other in others: other.connect(listener.getsockname())
print('up', flush=True)
time.sleep(100)`
    const squatter = spawn('python3', ['-c', listen + full, String(process.pid), String(backlog)])
    track(squatter.pid ?? 0)
    await once(squatter.stdout, 'data')
    const child = spawn(node, daemon(told), { stdio: 'ignore', timeout: 10_000 })
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(readFileSync(told, 'utf8')).toBe('no-launcher')
  })

  test.skipIf(!isRoot)(
    'containers that share a network: a launcher with the same pid is no hindrance (needs root)',
    async () => {
      const both = [prepareDaemon('launcher', {}), prepareDaemon('launcher', {})]
      for (const { command } of both) {
        start('unshare', ['--pid', '--fork', '--mount-proc', '--kill-child', ...command])
      }
      // As pid 1 the launcher stays, and so does the program that has found it.
      for (const one of both) {
        expect((await one.entry('daemon')).daemon).toMatchObject({ strategy: 'none' })
        expect((await one.entry('daemon')).ppid).toBe(1)
      }
    },
  )

  test('a parent that has that name and does not answer: an error in time', () => {
    const told = join(openFolder(), 'told')
    const wait = `sys.exit(subprocess.call(sys.argv[3:]))`
    const { status } = spawnSync(
      'python3',
      ['-c', listen + wait, 'self', '4', node, ...daemon(told)],
      {
        timeout: 10_000,
      },
    )
    expect(status).toBe(0)
    expect(readFileSync(told, 'utf8')).toBe('no-answer')
  })

  test('a program of another user can not call, nor one that the launcher did not start', async () => {
    const below = launch(['sh', '-c', 'echo $$; exec sleep 100'])
    track(Number(await below.line()))
    const script = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(3)
s.connect('\\0setsid-launcher-${namespace}-${below.pid}')
try:
  s.send(b'hello ${PROTOCOL_VERSION}')
  print(s.recv(100))
except OSError as e: print(type(e).__name__)`
    const { stdout } = spawnSync('python3', ['-c', script])
    expect(stdout.toString()).toMatch(/^(b''|ConnectionResetError|BrokenPipeError)\n$/)
    below.child.kill('SIGTERM')
    expect(await below.ended).toEqual([null, 'SIGTERM'])
    expect(isLive(below.pid)).toBe(false)
  })
})
