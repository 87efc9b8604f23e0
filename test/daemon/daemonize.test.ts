import { spawn, spawnSync, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { launcher, type Prepared, prepareDaemon, sess, type Way, ways } from '../helpers/daemon.ts'
import { need } from '../helpers/tools.ts'
import { otherNodes } from '../helpers/nodes.ts'
import { isLive, isRoot, node, ps, until } from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'
import { expectUsable, openShell, type Shell, shells, users } from '../helpers/puppet.ts'
import { openTerminal } from '../helpers/pty.ts'

const names = Object.keys(shells) as Shell[]
const all = Object.keys(ways) as Way[]

/** A daemon keeps a stderr that is a pipe. */
const stdio: StdioOptions = ['ignore', 'pipe', 'ignore']

/** Descriptors of sockets, the standard streams aside. */
function socketsOf(pid: number): string[] {
  const list = ['-l', `/proc/${pid}/fd`]
  return (
    spawnSync('ls', list)
      .stdout.toString()
      .match(/ (?![012] )\d+ -> socket:/g) ?? []
  )
}

/** The daemon as ps and its own server show it: detached, orphaned, and with the state it had. */
async function expectDaemon(daemon: Prepared, way: Way): Promise<number> {
  const { daemon: said, again, counted, port, ppid, env } = await daemon.entry('daemon')
  const pid = await daemon.pid()
  expect(again).toEqual(['called-twice', 'called-twice'])
  expect(said).toEqual({ pid, sid: pid, strategy: way === 'restart' ? 'restart' : 'launcher' })
  // When daemonize() resolves, the command has returned.
  expect([ppid, env]).toEqual([1, null])
  expect(ps(pid)).toMatchObject({ pid, ppid: 1, pgid: pid, sid: pid, tty: '?' })
  expect([0, 1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`)).join()).not.toMatch(/pts/)
  // Its server's: the launcher's is closed.
  expect(socketsOf(pid)).toHaveLength(1)
  const answer = (await (await fetch(`http://127.0.0.1:${port}`)).json()) as Record<string, number>
  expect(answer['pid']).toBe(pid)
  expect(answer['counter']).toBeGreaterThan(counted as number)
  // It counted from its start to daemonize() and went on.
  expect(counted).toBeGreaterThan(5)
  const starts = daemon.told().filter((line) => 'started' in line)
  expect(starts).toHaveLength(way === 'restart' ? 2 : 1)
  return pid
}

const [first, last = first] = users
const rows = names.flatMap((shell) =>
  all.flatMap((way) => [
    [shell, way, first, 'exit'] as const,
    [shell, way, last, 'close'] as const,
  ]),
)

describe('a daemon from a prompt', () => {
  test.for(rows)(
    '%s, %s, as %s: the prompt is back with 0, no job, and its end by %s reaches nothing',
    async ([shell, way, user, end]) => {
      const daemon = prepareDaemon(way, { after: 100 })
      const terminal = await openShell(shell, user, { ...process.env })
      const status = shell === 'fish' ? '$status' : '$?'
      terminal.type(`${daemon.line}; echo "rc="${status}; jobs; echo 'no ''more'\r`)
      const [output] = await terminal.expect(/rc=0[^]*no more/, 20_000)
      expect(output.replaceAll(/\[[?\d;]*[a-zA-Z]/g, '')).toMatch(
        /^rc=0\r\n(jobs: There are no jobs)?[^a-z[]*no more$/,
      )
      const pid = await expectDaemon(daemon, way)
      terminal.type('\x03')
      await expectUsable(terminal)
      // zsh takes it for text, which is cleared away.
      terminal.type('\x1a\x15')
      await expectUsable(terminal)
      if (end === 'exit') {
        terminal.type('exit\r')
        expect(await terminal.ended).toMatchObject({ exitCode: 0 })
      }
      terminal.close()
      await until(() => !isLive(terminal.pid))
      expect(isLive(pid)).toBe(true)
      expect(daemon.told().filter((line) => 'signal' in line)).toEqual([])
      process.kill(pid)
      await until(() => !isLive(pid))
    },
  )
})

describe('a daemon from elsewhere', () => {
  test.for(all)('script, %s: its command ends with 0', async (way) => {
    const daemon = prepareDaemon(way, { after: 100 })
    const terminal = openTerminal('script', ['-qec', daemon.line, '/dev/null'])
    expect(await terminal.ended).toMatchObject({ exitCode: 0 })
    process.kill(await expectDaemon(daemon, way))
  })

  test.for(all)('%s: a terminal in raw mode is left in its usual modes', async (way) => {
    const daemon = prepareDaemon(way, { raw: true })
    const terminal = openTerminal('sh', ['-c', `${daemon.line}; stty -a`])
    await terminal.ended
    expect(terminal.output()).toMatch(/[^-]icanon/)
    process.kill(await daemon.pid())
  })

  test.for(all)('tmux, %s: its pane goes on with 0', async (way) => {
    const daemon = prepareDaemon(way, { after: 100 })
    const file = join(daemon.folder, 'rc')
    need('tmux')
    const tmux = (...args: string[]) =>
      spawnSync('tmux', ['-S', join(daemon.folder, 'tmux'), '-f', '/dev/null', ...args])
    tmux('new-session', '-d', `sh -c '${daemon.line}; echo rc=$? > ${file}; sleep 100'`)
    const pid = await expectDaemon(daemon, way)
    await until(() => spawnSync('cat', [file]).stdout.toString() === 'rc=0\n')
    tmux('kill-server')
    expect(daemon.told().filter((line) => 'signal' in line)).toEqual([])
    process.kill(pid)
  })

  test.for(all)('a shell script, %s: the next line runs when it is ready', async (way) => {
    const daemon = prepareDaemon(way, { after: 100, options: { stdout: 'null', exitCode: 7 } })
    const script = join(daemon.folder, 'script')
    writeFileSync(script, `${daemon.line}\necho rc=$?\n`)
    const { stdout } = spawnSync('sh', [script], { stdio })
    expect(stdout.toString()).toBe('rc=7\n')
    await until(() => daemon.told().some((line) => 'daemon' in line))
    process.kill(await expectDaemon(daemon, way))
  })

  test.for(all)('$(…), %s: it ends when stdout is let go', async (way) => {
    const daemon = prepareDaemon(way, { after: 100, options: { stdout: 'null' } })
    const line = `x=$(${daemon.line}); echo "rc=$? $x"`
    const { stdout } = spawnSync('bash', ['-c', line], { stdio })
    expect(stdout.toString()).toBe('rc=0 \n')
    process.kill(await expectDaemon(daemon, way))
  })
})

/** In a container, and as cron starts it: no terminal, nothing in the environment, stdin from /dev/null. */
const places: Record<string, string[]> = {
  cron: ['env', '-i', 'setsid', '--wait'],
  ...(isRoot && { 'a container': ['unshare', '-pf', '--mount-proc', '--kill-child'] }),
}

describe.for(Object.keys(places))('a daemon in %s', (place) => {
  test.for([...all, 'sess start'] as const)('%s: a life with a pidfile', (way) => {
    const [command = '', ...args] = places[place] ?? []
    need(command)
    const pidFile = join(openFolder(), 'pid')
    const file = `--pid-file ${pidFile}`
    const daemon = prepareDaemon(way === 'sess start' ? 'launcher' : way, {
      options: { stdout: 'null', pidFile },
    })
    const cli = `${node} ${sess}`
    const script = `
      ${way === 'sess start' ? `${cli} start ${file} --up-for 1 -- sleep 100` : daemon.line} > /dev/null
      echo started=$?
      cut -d ' ' -f 1,4-7 /proc/$(head -n 1 ${pidFile})/stat
      ${cli} status ${file} > /dev/null; echo status=$?
      ${cli} stop ${file} > /dev/null; echo stop=$?
      ${cli} status ${file} > /dev/null; echo status=$?`
    const { stdout } = spawnSync(command, [...args, 'sh', '-c', script], { stdio, cwd: '/' })
    // Its pid, parent, group, session and terminal: proc_pid_stat(5).
    const told = /^started=0\n(\d+) 1 \1 \1 0\nstatus=0\nstop=0\nstatus=3\n$/
    expect(stdout.toString()).toMatch(told)
  })
})

test.skipIf(!isRoot).for(all)('%s as pid 1 of a container: it stays (needs root)', async (way) => {
  const daemon = prepareDaemon(way, { then: 'exit-0' })
  const [file = '', ...args] = [...(places['a container'] ?? []), ...daemon.command]
  need(file)
  expect(spawnSync(file, args, { stdio: 'ignore' }).status).toBe(0)
  const { daemon: said, ppid } = await daemon.entry('daemon')
  expect(said).toEqual({ pid: way === 'launcher' ? said.pid : 1, sid: 0, strategy: 'none' })
  expect(ppid).toBe(way === 'launcher' ? 1 : 0)
})

describe('a daemon on another Node', async () => {
  const nodes = await otherNodes()
  test.for(nodes.flatMap(({ version, path }) => all.map((way) => [version, way, path] as const)))(
    '%s, %s: it is one like any other',
    async ([, way, path]) => {
      need('script')
      const daemon = prepareDaemon(way, { after: 100 })
      const command = daemon.command.map((part) => (part === node ? path : part))
      const { status, stderr } = spawnSync('script', ['-qec', command.join(' '), '/dev/null'])
      expect([status, stderr.toString()]).toEqual([0, ''])
      process.kill(await expectDaemon(daemon, way))
    },
  )
})

interface Ending {
  config: object
  code: number
  says: RegExp
}

/** What is said before ready is for the command, wherever it goes later. */
const options = { waitForReady: true, readyTimeout: 15_000, stderr: 'null' }

/** Every error of a tree of them. */
const whole = new RegExp(
  ['all failed', 'root', 'below', 'lowest', 'one', 'two', 'three']
    .map((word) => `(?=[^]*Error: ${word}\\n)`)
    .join(''),
)

/** What a daemon does, and what its command then says. Nothing of it is left but where it says ready. */
const endings: Record<string, Ending> = {
  'throws before daemonize()': { config: { before: 'throw' }, code: 1, says: /no configuration/ },
  'is ready after 300 ms': { config: { then: 'ready', options }, code: 0, says: /^$/ },
  throws: {
    config: { then: 'throw', options },
    code: 1,
    says: /Error: no database\n +at [^]*the daemon exited with code 1 before it was ready\n$/,
  },
  'calls fail()': {
    config: { then: 'fail', options },
    code: 1,
    says: /Error: no licence\n +at [^]*exited with code 1 before/,
  },
  'calls fail() with an error of errors': {
    config: { then: 'fail-deep', options },
    code: 1,
    says: whole,
  },
  'throws an error of errors': { config: { then: 'throw-deep', options }, code: 1, says: whole },
  'leaves a rejection of errors unhandled': {
    config: { then: 'reject-deep', options },
    code: 1,
    says: whole,
  },
  'exits with 0': {
    config: { then: 'exit-0', options },
    code: 1,
    says: /^(?:sess|daemon\.mjs): the daemon exited with code 0 before it was ready\n$/,
  },
  'exits with 3': {
    config: { then: 'exit-3', options },
    code: 3,
    says: /exited with code 3 before/,
  },
  'is killed': {
    config: { then: 'kill', options },
    code: 137,
    says: /^(?:sess|daemon\.mjs): the daemon was killed by SIGKILL before it was ready\n$/,
  },
  'is never ready': {
    config: { then: 'never', options: { ...options, readyTimeout: 400 } },
    code: 1,
    says: /^(?:sess|daemon\.mjs): the daemon was not ready within 400 ms and was stopped\n$/,
  },
  'is never ready and deaf to SIGTERM, with a child': {
    config: { then: 'never', deaf: true, options: { ...options, readyTimeout: 400 } },
    code: 1,
    says: /was not ready within 400 ms and was stopped\n$/,
  },
  'is never ready and stopped': {
    config: { then: 'stop', options: { ...options, readyTimeout: 400 } },
    code: 1,
    says: /was not ready within 400 ms and was stopped\n$/,
  },
  'is ready while its launcher can not hear it, then crashes': {
    config: { then: 'ready-late-crash', options },
    code: 0,
    says: /^$/,
  },
  'is ready, then crashes': { config: { then: 'ready-crash', options }, code: 0, says: /^/ },
}

/** Until the command ends, not until a daemon has closed its stderr. */
async function run([file, ...args]: [string, ...string[]]) {
  const folder = openFolder()
  const stderr = openSync(join(folder, 'stderr'), 'w+')
  const began = performance.now()
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', stderr] })
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  const elapsed = performance.now() - began
  closeSync(stderr)
  return { code: code ?? signal, elapsed, stderr: readFileSync(join(folder, 'stderr'), 'utf8') }
}

describe('a start tells the truth', () => {
  const cases = all.flatMap((way) => Object.keys(endings).map((name) => [way, name] as const))
  test.for(cases.filter(([way, name]) => way === 'launcher' || !name.includes('deaf')))(
    '%s: a daemon that %s',
    async ([way, name]) => {
      const { config, code, says } = endings[name] ?? { config: {}, code: -1, says: /^$/ }
      const daemon = prepareDaemon(way, config)
      // A name may hold what the launcher could take for "ready".
      const pidFile = join(daemon.folder, 'pid\nR0')
      const withFile = {
        ...config,
        options: { ...(config as { options?: object }).options, pidFile },
      }
      const { command, told, pid } = prepareDaemon(way, withFile, daemon.folder)
      const result = await run(command)
      expect(result).toMatchObject({ code, stderr: expect.stringMatching(says) })
      if (name === 'throws before daemonize()') return
      const lives = isLive(await pid())
      if (name === 'is ready after 300 ms') {
        expect([lives, result.elapsed > 300]).toEqual([true, true])
        return
      }
      if (name.includes('crashes')) await until(() => !existsSync(pidFile))
      else expect(lives).toBe(false)
      // One that was stopped is continued: SIGTERM is enough.
      if (name.endsWith('stopped')) expect(result.elapsed).toBeLessThan(4000)
      const child = told().find((line) => 'child' in line) as { child: number } | undefined
      if (child !== undefined) expect(isLive(child.child)).toBe(false)
      expect(spawnSync('ls', [pidFile]).status).toBe(2)
    },
  )

  test('restart: a second run that exits with 0 before daemonize() is a failure', async () => {
    const { command } = prepareDaemon('restart', { before: 'exit-0-again' })
    expect(await run(command)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/exited with code 0 before/),
    })
  })

  test.for(all)('%s: Ctrl-C at the command that waits stops the daemon', async (way) => {
    const daemon = prepareDaemon(way, { then: 'never', options })
    const terminal = openTerminal('sh', ['-c', `${daemon.line}; echo rc=$?`])
    await daemon.entry('daemon')
    const pid = await daemon.pid()
    terminal.type('\x03')
    await until(() => !isLive(pid))
    await terminal.ended
    expect(terminal.output()).not.toContain('rc=0')
  })

  test.for(users)('kill -9 of the launcher before ready ends the daemon, %s', async (name) => {
    // The kernel forgets the parent's death signal when a process becomes another user.
    const user = name === 'nobody' ? { user: name } : {}
    const daemon = prepareDaemon('launcher', { then: 'never', options: { ...options, ...user } })
    const [file, ...args] = daemon.command
    const child = spawn(file, args)
    await daemon.entry('daemon')
    const pid = await daemon.pid()
    child.kill('SIGKILL')
    await until(() => !isLive(pid))
  })

  test('a pidfile that names another by then is left to it', async () => {
    const pidFile = join(openFolder(), 'pid')
    const daemon = prepareDaemon('launcher', { then: 'never', options: { ...options, pidFile } })
    const ended = run(daemon.command)
    await daemon.entry('daemon')
    writeFileSync(pidFile, '1\n')
    process.kill(await daemon.pid(), 'SIGKILL')
    expect(await ended).toMatchObject({ code: 137 })
    expect(readFileSync(pidFile, 'utf8')).toBe('1\n')
  })

  test('Ctrl-Z and fg at the command that waits: the daemon is not meant', async () => {
    const daemon = prepareDaemon('launcher', { then: 'ready-on-SIGUSR2', options })
    const terminal = await openShell('bash', users[0], { ...process.env })
    terminal.type(`${daemon.line}; echo "rc="$?\r`)
    await daemon.entry('daemon')
    const pid = await daemon.pid()
    terminal.type('\x1a')
    await terminal.expect(/Stopped/)
    await expectUsable(terminal)
    terminal.type('fg; echo "rc="$?.\r')
    await until(() => ps(terminal.pid).tpgid !== terminal.pid)
    process.kill(pid, 'SIGUSR2')
    await terminal.expect(/rc=0\./)
    expect(isLive(pid)).toBe(true)
    expect(daemon.told().filter((line) => 'signal' in line)).toEqual([])
  })

  test('folder, umask and logs: paths are the command’s, also after a try that failed', async () => {
    const paths = { cwd: '/', stdout: 'log', stderr: 'log', pidFile: 'pid' }
    const { command, folder, pid, entry } = prepareDaemon('launcher', {
      options: { ...paths, umask: 0o27, waitForReady: true },
      failing: { cwd: '/no/such/folder' },
      then: 'ready',
    })
    const [file, ...args] = command
    expect(spawnSync(file, args, { cwd: folder, stdio: 'ignore' }).status).toBe(0)
    expect(await entry('failed')).toMatchObject({ failed: 'ENOENT' })
    const daemon = await pid()
    expect(readlinkSync(`/proc/${daemon}/cwd`)).toBe('/')
    expect(readFileSync(`/proc/${daemon}/status`, 'utf8')).toContain('Umask:\t0027')
    expect(readlinkSync(`/proc/${daemon}/fd/1`)).toBe(join(folder, 'log'))
    expect(statSync(join(folder, 'log')).mode & 0o777).toBe(0o640)
    expect(readFileSync(join(folder, 'pid'), 'utf8')).toMatch(`${daemon}\n`)
  })

  test('strategy restart below a launcher starts again all the same', async () => {
    const daemon = prepareDaemon('launcher', { after: 100, options: { strategy: 'restart' } })
    expect(await run(daemon.command)).toMatchObject({ code: 0, stderr: '' })
    process.kill(await expectDaemon(daemon, 'restart'))
  })

  test('strategy launcher without one is refused by name', async () => {
    const { command } = prepareDaemon('restart', { options: { strategy: 'launcher' } })
    const result = await run(command)
    expect(result.code).toBe(1)
    expect(result.stderr).toMatch(/ERR_DAEMON_FAILED[^]*There is no launcher[^]*no-launcher/)
  })

  test('a launcher with nothing to run says how it is used', () => {
    expect(spawnSync(launcher, ['launch']).status).toBe(2)
  })
})
