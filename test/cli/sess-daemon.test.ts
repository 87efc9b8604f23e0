import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { sess } from '../helpers/daemon.ts'
import { gonePid, isLive, node, start, track } from '../helpers/process.ts'
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
