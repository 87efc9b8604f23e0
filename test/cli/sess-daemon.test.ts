import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sess } from '../helpers/daemon.ts'
import {
  gonePid,
  hasNobody,
  isLive,
  isRoot,
  node,
  start,
  track,
  unprivileged,
} from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(node, [sess, ...args])
  return { status, out: stdout.toString().trim(), err: stderr.toString().trim() }
}

describe('sess start, status, stop: the exit codes of init scripts', () => {
  test('a life: 3, 0, 0 again, 0, 0, 3', () => {
    const file = ['--pid-file', join(openFolder(), 'pid')]
    const begin = ['start', ...file, '--up-for', '50', '--', 'sleep', '100']
    expect(run('status', ...file)).toMatchObject({ status: 3, out: 'not running' })
    const started = run(...begin)
    const pid = Number(/^started, pid (\d+)$/.exec(started.out)?.[1])
    track(pid)
    expect(started.status).toBe(0)
    expect(run(...begin)).toMatchObject({ status: 0, out: expect.stringContaining(`${pid}`) })
    expect(run('status', ...file)).toEqual({ status: 0, out: `running, pid ${pid}`, err: '' })
    expect(run('stop', ...file)).toEqual({ status: 0, out: `stopped ${pid}`, err: '' })
    expect(isLive(pid)).toBe(false)
    expect(run('stop', ...file)).toMatchObject({ status: 0, out: 'not running' })
    expect(run('status', ...file).status).toBe(3)
  })

  test('a lock that is held, and no daemon named: 1, not "it runs already"', () => {
    const path = join(openFolder(), 'pid')
    const begin = ['start', '--pid-file', path, '--up-for', '50', '--', 'sleep', '100']
    const pid = Number(/^started, pid (\d+)$/.exec(run(...begin).out)?.[1])
    track(pid)
    rmSync(path)
    expect(run(...begin)).toMatchObject({
      status: 1,
      out: '',
      err: expect.stringContaining(`${pid}`),
    })
  })

  test('a pidfile that is left: 1; a folder in its place: 4', () => {
    const folder = openFolder()
    writeFileSync(join(folder, 'pid'), `${gonePid}\n`)
    expect(run('status', '--pid-file', join(folder, 'pid')).status).toBe(1)
    expect(run('status', '--pid-file', folder).status).toBe(4)
  })

  test('what it can’t tell it says in words, and why', () => {
    const path = join(openFolder(), 'pid')
    writeFileSync(path, `${process.pid}\n`)
    const who = `process ${process.pid}`
    expect(run('status', '--pid-file', path)).toEqual({
      status: 4,
      out: `it can't be told whether it runs: ${path} names a process that lives, and may be another program's: ${who}`,
      err: '',
    })
  })

  test('where the working folder is gone (ENOENT), nothing is told of a relative path', () => {
    const line = 'rmdir "$1" && exec "$2" "$3" status --pid-file pid'
    const folder = join(openFolder(), 'gone')
    mkdirSync(folder)
    const told = spawnSync('sh', ['-c', line, 'sh', folder, node, sess], { cwd: folder })
    expect(told.status).toBe(4)
    expect(told.stdout.toString()).toBe('')
    expect(told.stderr.toString()).toBe('sess: the working folder is gone\n')
  })

  test('what a daemon has written moves no cursor', () => {
    const folder = openFolder()
    const file = ['--pid-file', join(folder, 'pid'), '--log', join(folder, 'log')]
    const script = 'printf "\\033[2Ja\\tb\\nc\\n" >&2; exit 9'
    const { err } = run('start', ...file, '--', 'sh', '-c', script)
    expect(err).toMatch(/ready:\n\\u\{1b\}\[2Ja\tb\nc$/)
  })

  test('a start that fails: 1 with its stderr; no such program: 5; nothing to run: 2', () => {
    const folder = openFolder()
    const file = ['--pid-file', join(folder, 'pid'), '--log', join(folder, 'log')]
    const failed = run('start', ...file, '--', 'sh', '-c', 'echo no config >&2; exit 9')
    expect(failed).toMatchObject({
      status: 1,
      out: '',
      err: expect.stringMatching(/code 9[^]*no config$/),
    })
    expect(run('start', ...file, '--', 'no-such-program').status).toBe(5)
    expect(run('start', ...file).status).toBe(2)
    expect(existsSync(join(folder, 'pid'))).toBe(false)
  })

  test('restart: another daemon with another pid; one that did not run is started', () => {
    const file = ['--pid-file', join(openFolder(), 'pid'), '--up-for', '50']
    const begin = (action: string) => {
      const { status, out } = run(action, ...file, '--', 'sleep', '100')
      const pid = Number(/^started, pid (\d+)$/.exec(out)?.[1])
      track(pid)
      return { status, pid }
    }
    const first = begin('restart')
    expect(first.status).toBe(0)
    expect(isLive(first.pid)).toBe(true)
    const second = begin('restart')
    expect(second.status).toBe(0)
    expect(second.pid).not.toBe(first.pid)
    expect(isLive(first.pid)).toBe(false)
    expect(run('status', ...file.slice(0, 2)).out).toBe(`running, pid ${second.pid}`)
    expect(run('stop', ...file.slice(0, 2)).status).toBe(0)
  })

  test('restart: what is seen to be wrong is said before anything is stopped', () => {
    const file = ['--pid-file', join(openFolder(), 'pid')]
    const started = run('start', ...file, '--up-for', '50', '--', 'sleep', '100')
    const pid = Number(/^started, pid (\d+)$/.exec(started.out)?.[1])
    track(pid)
    const wrong: [string[], number, string][] = [
      [['--', 'no-such-program'], 5, "there is no program 'no-such-program'"],
      [['--', './sleep'], 5, "there is no program './sleep'"],
      [['--user', 'no-such-user', '--', 'sleep'], 2, "there is no user 'no-such-user'"],
      [['--cwd', '/no/such', '--', 'sleep'], 1, '/no/such: no such file or directory'],
      [['--signal', 'CONT', '--', 'sleep'], 2, 'SIGCONT ends no process'],
      [[], 2, 'restart needs a command'],
    ]
    for (const [words, status, line] of wrong) {
      const told = run('restart', ...file, ...words)
      expect(told.err, words.join(' ')).toMatch(`sess: ${line}`)
      expect(told.status, words.join(' ')).toBe(status)
      expect(isLive(pid)).toBe(true)
    }
    // What fails later leaves nothing.
    const failed = run('restart', ...file, '--', 'sh', '-c', 'exit 9')
    expect(failed).toMatchObject({ status: 1, err: expect.stringContaining('code 9') })
    expect(run('status', ...file).status).toBe(3)
  })

  test('restart: a daemon that does not end keeps its place, and no other is started', () => {
    const file = ['--pid-file', join(openFolder(), 'pid')]
    const script = 'trap "" TERM; while :; do sleep 0.05; done'
    const started = run('start', ...file, '--up-for', '50', '--', 'sh', '-c', script)
    const pid = Number(/^started, pid (\d+)$/.exec(started.out)?.[1])
    track(pid)
    const told = run('restart', ...file, '--no-kill', '--grace', '100', '--', 'sleep', '100')
    expect(told).toMatchObject({ status: 1, out: expect.stringContaining(`${pid} sh is left`) })
    expect(run('status', ...file).out).toBe(`running, pid ${pid}`)
    expect(run('stop', ...file, '--grace', '10').status).toBe(0)
  })

  test.skipIf(!isRoot)('--name as root (needs root): the pidfile is in /run', () => {
    const name = ['--name', `setsid-test-${process.pid}`]
    const { status, out } = run('start', ...name, '--up-for', '50', '--', 'sleep', '100')
    track(Number(/^started, pid (\d+)$/.exec(out)?.[1]))
    onTestFinished(() => rmSync(`/run/setsid-test-${process.pid}.pid.lock`, { force: true }))
    expect(status).toBe(0)
    expect(existsSync(`/run/setsid-test-${process.pid}.pid`)).toBe(true)
    expect(run('status', ...name).status).toBe(0)
    expect(run('stop', ...name).status).toBe(0)
    expect(existsSync(`/run/setsid-test-${process.pid}.pid`)).toBe(false)
  })

  test.skipIf(!hasNobody)('--name as another user (needs root): in XDG_RUNTIME_DIR', () => {
    const folder = openFolder()
    chownSync(folder, unprivileged.uid ?? 0, unprivileged.gid ?? 0)
    chmodSync(folder, 0o700)
    const as = (env: NodeJS.ProcessEnv, ...args: string[]) => {
      const { status, stdout, stderr } = spawnSync(node, [sess, ...args], { ...unprivileged, env })
      return { status, out: stdout.toString().trim(), err: stderr.toString().trim() }
    }
    const env = { PATH: process.env['PATH'], XDG_RUNTIME_DIR: folder }
    const begin = ['start', '--name', 'web', '--up-for', '50', '--', 'sleep', '100']
    const { status, out } = as(env, ...begin)
    track(Number(/^started, pid (\d+)$/.exec(out)?.[1]))
    expect(status).toBe(0)
    expect(existsSync(join(folder, 'web.pid'))).toBe(true)
    expect(as(env, 'stop', '--name', 'web').status).toBe(0)
    for (const value of [undefined, 'relative']) {
      const told = as({ ...env, XDG_RUNTIME_DIR: value }, ...begin)
      expect(told).toMatchObject({
        status: 2,
        err: expect.stringMatching(/^sess: --name needs XDG_RUNTIME_DIR, .*\(see sess --help\)$/),
      })
    }
  })

  test('launch passes the exit code on, and 127 for no such program', () => {
    expect(run('launch', '--', 'sh', '-c', 'exit 5').status).toBe(5)
    expect(run('launch', '--', 'no-such-program').status).toBe(127)
    expect(run('launch').status).toBe(2)
  })

  test('kill ends a group and refuses the caller’s own', () => {
    const { pid } = start('sleep', ['100'], { detached: true })
    expect(run('kill', String(pid))).toMatchObject({
      ...{ status: 0, out: expect.stringMatching(`${pid} .* sleep +ended\n`) },
    })
    expect(isLive(pid)).toBe(false)
    expect(run('kill', '1').status).toBe(1)
  })
})
