// The life of a process after it has detached.
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { Agent, request } from 'node:http'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { otherNodes } from '../helpers/nodes.ts'
import {
  fixturePath,
  hasNobody,
  isLive,
  node,
  ps,
  start,
  track,
  unprivileged,
  until,
} from '../helpers/process.ts'
import { openTerminal, type Terminal } from '../helpers/pty.ts'
import { openFolder } from '../helpers/folder.ts'
import {
  expectJob,
  expectUsable,
  flagsOf,
  openShell,
  openSwitchboard,
  remember,
  type Puppet,
  type Shell,
  shells,
  snapshot,
  stdioOf,
  type Switchboard,
  type User,
  users,
} from '../helpers/puppet.ts'

const remote = `${node} ${fixturePath('puppet.mjs')}`
const allShells = Object.keys(shells) as Shell[]

interface Place extends Switchboard {
  terminal: Terminal
  it: Puppet
}

async function openRemote(shell: Shell = 'bash', user: User = users[0]): Promise<Place> {
  const place = await openBoard(shell, user)
  place.terminal.type(`${remote}\r`)
  const it = await place.next()
  await expectJob(place.terminal)
  return { ...place, it }
}

async function openBoard(shell: Shell = 'bash', user: User = users[0]) {
  const board = await openSwitchboard()
  return { ...board, terminal: await openShell(shell, user, board.env) }
}

const stty = (terminal: Terminal) =>
  execFileSync('stty', ['-a', '-F', `/dev/${ps(terminal.pid).tty}`]).toString()

/** Asks a server that counts its requests, over and over, on one connection and on new ones. */
function steadyClient(port: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const answers: number[] = []
  const client = { going: true }
  const ask = (connection: Agent | false) =>
    new Promise<number>((resolve, reject) => {
      request({ port, host: '127.0.0.1', agent: connection }, (response) => {
        response.on('data', (data) => resolve(Number(String(data)))).on('error', reject)
      })
        .on('error', reject)
        .end()
    })
  const done = (async () => {
    while (client.going) answers.push(await ask(answers.length % 2 === 0 && agent))
  })()
  done.catch(() => undefined)
  return {
    answers,
    async stop() {
      client.going = false
      await done
      agent.destroy()
    },
  }
}

const everywhere = users.flatMap((user) => allShells.map((shell) => ({ user, shell })))

describe.each(everywhere)('after detach, as $user from $shell', ({ user, shell }) => {
  test('every request was answered, keys go to the shell, and no signal comes', async () => {
    const { terminal, it } = await openRemote(shell, user)
    const signals = ['SIGINT', 'SIGQUIT', 'SIGTSTP', 'SIGCONT', 'SIGTTIN', 'SIGTTOU', 'SIGWINCH']
    await it.call('listen', signals)
    await it.call('read')
    const client = steadyClient(await it.call('serve'))
    await until(() => client.answers.length > 20)
    await it.call('detach')
    const during = client.answers.length
    await until(() => client.answers.length > during + 20)

    expect(await it.call('work')).toEqual({
      ...{ timer: true, file: true, address: true, hash: '86f7e437', worker: 42 },
      child: ['from a child', 0],
    })
    expect(ps(it.pid)).toMatchObject({ sid: it.pid, tty: '?' })

    // The shell waits for the process: what is typed now is for its next prompt.
    for (const key of ['\x03', '\x1a', '\x1c']) terminal.type(key)
    terminal.pty.resize(100, 30)
    const later = client.answers.length
    await until(() => client.answers.length > later + 20)

    terminal.close()
    await until(() => !isLive(terminal.pid))
    const closed = client.answers.length
    await until(() => client.answers.length > closed + 20)
    expect(it.events).toEqual([])
    expect(ps(it.pid).stat).not.toMatch(/[TZ]/)
    // The shell sends SIGHUP to the group of its job, which is ours: caught, and nothing comes of it.
    expect(snapshot(it.pid)).toMatchObject({ caught: expect.stringMatching(/[13579bdf]$/) })

    await client.stop()
    expect(client.answers).toEqual(client.answers.map((_, i) => i + 1))
    await it.end()
    await until(() => !isLive(it.pid))
  })

  test('what is typed while it runs is read by the shell', async () => {
    const { terminal, it } = await openRemote(shell, user)
    await it.call('read')
    terminal.type('for it\r')
    await until(() => it.events.length > 0)
    expect(it.events).toEqual([{ event: 'stdin', data: 'for it\n' }])
    await it.call('detach')
    expect(await it.call('stdinState')).toMatchObject({ destroyed: true })
    terminal.type(`echo "not"'.'\r`)
    // A process that still read the terminal would have had the time to take it.
    await it.call('work')
    await it.end()
    await terminal.expect(/not\./)
    expect(it.events).toHaveLength(1)
    await expectUsable(terminal)
  })
})

describe('the terminal closes after the first of five log lines', async () => {
  const nodes = [{ version: process.versions.node, path: node }, ...(await otherNodes())]
  const ways = { setsid: 'bash -c', hop: 'bash -mc' }
  const cases = nodes.flatMap(({ version, path }) =>
    Object.entries(ways).map(([method, bash]) => ({ version, path, method, bash })),
  )

  test.each(cases)('Node $version, by $method', async ({ path, method, bash }) => {
    const folder = openFolder()
    const [log, code] = [join(folder, 'log'), join(folder, 'code')]
    // This shell outlives its terminal to tell the exit code.
    const line = `trap "" HUP; ${path} ${fixturePath('five-lines.mjs')} ${log}; echo $? > ${code}`
    const [file = '', ...args] = bash.split(' ')
    const terminal = openTerminal(file, [...args, line])
    const { pid } = await terminal.json()
    track(pid)
    await until(() => existsSync(log) && readFileSync(log, 'utf8').includes('line 1'))
    const fds = stdioOf(pid)
    terminal.close()
    writeFileSync(`${log}.go`, '')
    await until(() => existsSync(code) && readFileSync(code, 'utf8') !== '')
    expect(readFileSync(code, 'utf8')).toBe('0\n')
    expect(fds).toEqual(['/dev/null', log, log])
    const [first, ...lines] = readFileSync(log, 'utf8').trimEnd().split('\n')
    expect(JSON.parse(first ?? '')).toMatchObject({ pid, sid: pid, method })
    expect(lines.slice(0, 5)).toEqual([1, 2, 3, 4, 5].map((i) => `line ${i}`))
    expect(Number(/^cpu (.*) s$/.exec(lines[5] ?? '')?.[1])).toBeLessThan(1)
  })
})

test('a session leader that gives up the terminal: it and its session get no signal', async () => {
  const { env, next } = await openSwitchboard()
  openTerminal(node, [fixturePath('puppet.mjs')], { env })
  const it = await next()
  await it.call('program', 'child')
  const child = await next()
  const names = ['SIGHUP', 'SIGCONT']
  await Promise.all([it.call('listen', names), child.call('listen', names)])
  expect(ps(it.pid)).toMatchObject({ sid: it.pid, tpgid: it.pid })
  expect(await it.call('detach')).toMatchObject({ method: 'notty', complete: true })
  // A signal would have come before these answers.
  await Promise.all([it.call('work'), child.call('work')])
  expect([...it.events, ...child.events]).toEqual([])
  expect(ps(child.pid)).toMatchObject({ sid: it.pid, pgid: it.pid, tty: '?' })
})

test.each(allShells)('partial, from %s: no key and no closing reaches it', async (shell) => {
  const { terminal, it } = await openRemote(shell)
  const other = await it.call('child', '1000')
  track(other)
  await it.call('listen', ['SIGINT', 'SIGQUIT', 'SIGTSTP', 'SIGCONT', 'SIGHUP'])
  expect(await it.call('detach', { onBlocked: 'partial' })).toMatchObject({ blockedBy: [other] })
  terminal.type('\x03')
  await until(() => !isLive(other))
  for (const key of ['\x1a', '\x1c']) terminal.type(key)
  terminal.close()
  await until(() => !isLive(terminal.pid))
  await it.call('work')
  expect(it.events).toEqual([])
  expect(ps(it.pid)).toMatchObject({ sid: terminal.pid, tty: '?' })
})

// Only an own mount of /proc may hide anything, for as long as its namespace lives.
const canHide = hasNobody && spawnSync('unshare', ['-mpf', 'setpriv', 'true']).status === 0

test.skipIf(!canHide)(
  'a member of its group that /proc hides is waited for as well (needs root, unshare, setpriv)',
  async () => {
    const { uid } = unprivileged
    const user = `setpriv --reuid ${uid} --regid ${uid} --clear-groups`
    // A group of its own, with another user's process in it, whose leader then becomes the program.
    const job = `(sleep 0.5 &) ; exec ${user} ${node} ${fixturePath('hidden.mjs')}`
    const lead = `import os; os.setpgid(0, 0); os.execlp('sh', 'sh', '-c', '${job}')`
    const script = `mount -t proc -o hidepid=2 proc /proc && python3 -c "${lead}"; exit $?`
    const running = start('unshare', ['-mpf', '--propagation', 'private', 'sh', '-c', script])
    expect(await running.next()).toMatchObject({ alone: true, method: 'hop', complete: true })
    expect(await running.ended).toBe(0)
  },
)

describe('the kernel refuses', () => {
  const keep = { stdin: 'keep', stdout: 'keep', stderr: 'keep', cwd: '/', umask: 0 }

  test.each([
    { what: 'the terminal', code: 'EMFILE', limit: 'nofile', options: { ...keep, cwd: undefined } },
    { what: 'the way back from cwd', code: 'EMFILE', limit: 'nofile', options: keep },
    { what: '/dev/null', code: 'EMFILE', limit: 'nofile', options: {} },
    { what: 'the helper', code: 'EAGAIN', limit: 'nproc', options: keep },
  ])('$what: $code, and nothing has changed', async ({ code, limit, options }) => {
    const syscall = code === 'EMFILE' ? 'open' : 'clone'
    // Root may start any number of processes.
    const { it } = await openRemote('bash', users.at(-1))
    await it.call('keepStdout')
    const unchanged = remember(it.pid)
    execFileSync('prlimit', ['--pid', String(it.pid), `--${limit}=1:`], {
      ...unprivileged,
      stdio: 'pipe',
    })
    for (const call of ['detach', 'detachSync']) {
      await expect(it.call(call, options)).rejects.toMatchObject({ code, syscall })
      await unchanged()
    }
  })
})

describe('standard streams', () => {
  test('a terminal in use becomes a log, through old references as well', async () => {
    const { it, folder } = await openRemote()
    const log = join(folder, 'log')
    await it.call('keepStdout')
    await it.call('error', 'before')
    await it.call('detach', { stdout: log, stderr: log })
    await it.call('log', 'new')
    await it.call('logOld', 'old')
    await it.call('error', 'error')
    expect(readFileSync(log, 'utf8')).toBe('new\nold\nerror\n')
    expect(await it.call('streams')).toEqual([false, false, null])
    await it.call('emit', 'SIGWINCH')
    const descriptors = execFileSync('ls', ['-l', `/proc/${it.pid}/fd`]).toString()
    expect(descriptors).not.toMatch(/pts/)
  })

  test('streams of one path share one open file, and what was in it stays', async () => {
    const { it, folder, terminal } = await openRemote()
    const log = join(folder, 'log')
    execFileSync('sh', ['-c', `echo kept > ${log}`])
    await it.call('detach', {
      cwd: '/',
      stdout: log,
      stderr: `${folder}/../${basename(folder)}/log`,
    })
    const inode = (fd: number) =>
      /^ino:.*|^pos:.*/gm.exec(readFileSync(`/proc/${it.pid}/fdinfo/${fd}`, 'latin1'))?.[0]
    await it.call('log', 'out')
    expect(inode(1)).toBe(inode(2))
    await it.call('error', 'err')
    expect(inode(1)).toBe(inode(2))
    expect(readFileSync(log, 'utf8')).toBe('kept\nout\nerr\n')
    expect(flagsOf(it.pid, 1)).toBe(constants.O_WRONLY | constants.O_APPEND)
    await it.end()
    await expectUsable(terminal)
  })

  test('auto keeps a file and a pipe, keep keeps the terminal', async () => {
    const { terminal, next, folder } = await openBoard()
    const log = join(folder, 'log')
    terminal.type(`yes | ${remote} > ${log}\r`)
    const it = await next()
    const before = stdioOf(it.pid)
    await it.call('detach', { stderr: 'keep' })
    expect(stdioOf(it.pid)).toEqual(before)
    await it.call('error', 'seen on the terminal')
    await terminal.expect(/seen on the terminal/)
    await it.call('log', 'line')
    expect(readFileSync(log, 'utf8')).toBe('line\n')
  })

  test('a raw terminal is left as the shell knows it', async () => {
    const { terminal, it } = await openRemote()
    await it.call('raw')
    await it.call('detach')
    await until(() => /(^| )icanon/m.test(stty(terminal)))
    await it.end()
    await expectUsable(terminal)
  })

  test('a terminal that is gone already is replaced too, and the end is no crash', async () => {
    const folder = openFolder()
    const code = join(folder, 'code')
    const { env, next } = await openSwitchboard()
    const line = `trap "" HUP; ${remote}; echo $? > ${code}`
    const terminal = openTerminal('bash', ['-c', line], { env })
    const it = await next()
    await it.call('listen', ['SIGHUP'])
    terminal.close()
    await until(() => stdioOf(it.pid).join().includes('deleted'))
    await it.call('detach')
    expect(stdioOf(it.pid)).toEqual(['/dev/null', '/dev/null', '/dev/null'])
    await it.call('log', 'to nobody')
    await it.end()
    await until(() => existsSync(code) && readFileSync(code, 'utf8') !== '')
    expect(readFileSync(code, 'utf8')).toBe('0\n')
  })

  test('a pipe that was let go in vain carries on', async () => {
    const { terminal, next, folder } = await openBoard()
    const go = join(folder, 'go')
    terminal.type(`${remote} | bash -c 'until [ -e ${go} ]; do sleep 0.05; done; cat'\r`)
    const it = await next()
    await expect(it.call('detach', { stdout: 'null', wait: 50 })).rejects.toMatchObject({
      code: 'EPERM',
    })
    writeFileSync(go, '')
    await it.call('log', `it carries on`)
    await terminal.expect(/it carries on/)
    await it.end()
    await expectUsable(terminal)
  })

  test('a stdin that nobody reads is let go for the one who writes to it', async () => {
    const { terminal, next, folder } = await openBoard()
    const fifo = join(folder, 'fifo')
    execFileSync('mkfifo', ['-m', '666', fifo])
    terminal.type(`${remote} 0<>${fifo}\r`)
    const it = await next()
    track(await it.call('shell', `exec yes >${fifo}`))
    await expect(it.call('detach')).rejects.toMatchObject({ code: 'EPERM' })
    await it.call('detach', { stdin: 'null', wait: 10_000 })
    expect(ps(it.pid)).toMatchObject({ sid: it.pid, pgid: it.pid })
    await it.end()
    await expectUsable(terminal)
  })

  test('a stdin in use is kept until there is nobody to wait for', async () => {
    const { terminal, next, folder } = await openBoard()
    const fifo = join(folder, 'fifo')
    execFileSync('mkfifo', ['-m', '666', fifo])
    terminal.type(`${remote} 0<>${fifo}\r`)
    const it = await next()
    await it.call('read')
    track(await it.call('child', '1000'))
    const unchanged = remember(it.pid)
    const options = { stdin: 'null', wait: 50 }
    await expect(it.call('detach', options)).rejects.toMatchObject({ code: 'EPERM' })
    await unchanged()
    execFileSync('sh', ['-c', `echo still read >${fifo}`])
    await until(() => it.events.length > 0)
    expect(it.events).toEqual([{ event: 'stdin', data: 'still read\n' }])
  })
})

describe('logs', () => {
  test('reopenLogs, called or by signal, goes on in a new file at the old path', async () => {
    const { it, folder } = await openRemote()
    const log = join(folder, 'log')
    await it.call('keepStdout')
    await it.call('detach', { stdout: log, stderr: log, reopenOn: 'SIGUSR2' })
    await it.call('log', 'first')
    renameSync(log, `${log}.1`)
    await it.call('log', 'still first')
    await it.call('reopenLogs')
    await it.call('logOld', 'second')
    renameSync(log, `${log}.2`)
    process.kill(it.pid, 'SIGUSR2')
    await until(() => existsSync(log))
    await it.call('error', 'third')
    const texts = [`${log}.1`, `${log}.2`, log].map((path) => readFileSync(path, 'utf8'))
    expect(texts).toEqual(['first\nstill first\n', 'second\n', 'third\n'])
    expect(statSync(log).ino).not.toBe(statSync(`${log}.1`).ino)
  })

  test('where a log can’t be opened anew, the old ones go on', async () => {
    const { it, folder } = await openRemote()
    const logs = join(folder, 'logs')
    mkdirSync(logs)
    chmodSync(logs, 0o777)
    const options = { stdout: join(folder, 'out'), stderr: join(logs, 'err') }
    await it.call('detach', { ...options, reopenOn: 'SIGUSR2' })
    renameSync(logs, `${logs}.old`)
    renameSync(options.stdout, `${options.stdout}.old`)
    await expect(it.call('reopenLogs')).rejects.toMatchObject({
      ...{ code: 'ENOENT', syscall: 'open', path: options.stderr },
    })
    process.kill(it.pid, 'SIGUSR2')
    await until(() => it.events.length > 0)
    expect(it.events).toEqual([{ event: 'warning', code: 'ENOENT' }])
    await it.call('log', 'out')
    await it.call('error', 'err')
    expect(readFileSync(`${options.stdout}.old`, 'utf8')).toBe('out\n')
    expect(readFileSync(`${logs}.old/err`, 'utf8')).toMatch(/^\(node.*err\n$/s)
  })

  test('without logs, reopenLogs does nothing', async () => {
    const { it } = await openRemote()
    const unchanged = remember(it.pid)
    await it.call('reopenLogs')
    await unchanged()
  })
})

describe('options', () => {
  test('cwd and umask are set, and a log is created by that umask', async () => {
    const { it, folder } = await openRemote()
    const log = join(folder, 'log')
    await it.call('detach', { cwd: folder, umask: 0o027, stdout: log })
    expect(snapshot(it.pid)).toMatchObject({ cwd: folder, umask: '0027' })
    expect(await it.call('cwd')).toBe(folder)
    expect(statSync(log).mode & 0o777).toBe(0o640)
  })

  test('FIFOs that nobody has at their other end: it waits for nobody', async () => {
    const { it, folder } = await openRemote()
    const [stdin = '', stdout = ''] = ['in', 'out'].map((name) => join(folder, name))
    // Root takes none from a folder that others may write to.
    chmodSync(folder, 0o700)
    execFileSync('mkfifo', [stdin, stdout])
    await it.call('detach', { stdin, stdout })
    await it.call('reopenLogs')
    expect(stdioOf(it.pid).slice(0, 2)).toEqual([stdin, stdout])
  })

  test('ignoreHangup: false leaves SIGHUP to end the process', async () => {
    const { it } = await openRemote()
    await it.call('detach', { ignoreHangup: false })
    process.kill(it.pid, 'SIGHUP')
    await until(() => !isLive(it.pid))
  })

  test('a listener of SIGHUP goes on hearing it', async () => {
    const { it } = await openRemote()
    await it.call('listen', ['SIGHUP'])
    await it.call('detach')
    process.kill(it.pid, 'SIGHUP')
    await until(() => it.events.length > 0)
    expect(it.events).toEqual([{ event: 'signal', name: 'SIGHUP' }])
  })

  test('children get the default action of SIGHUP', async () => {
    const { it } = await openRemote()
    await it.call('detach')
    const child = await it.call('child', '1000')
    track(child)
    process.kill(child, 'SIGHUP')
    await until(() => !isLive(child))
  })

  const type = 'ERR_INVALID_ARG_TYPE'
  const value = 'ERR_INVALID_ARG_VALUE'
  const range = 'ERR_OUT_OF_RANGE'
  test.each<[options: unknown, code: string, message?: RegExp]>([
    ['x', type, /"options" argument must be of type object/],
    [null, type],
    [{ ignoreHangups: true }, value, /is not an option; there are: cwd, /],
    [{ cwd: 1 }, type, /"options.cwd" property must be of type string/],
    [{ cwd: '/missing' }, 'ENOENT', /chdir/],
    [{ cwd: '/etc/passwd' }, 'ENOTDIR', /chdir/],
    [{ umask: '022' }, type],
    [{ umask: 0o1000 }, range, />= 0 && <= 511/],
    [{ umask: -1 }, range],
    [{ stdin: 1 }, type],
    [{ stdout: '' }, value],
    [{ stderr: null }, type],
    [{ stdin: '/missing' }, 'ENOENT', /open '\/missing'/],
    [{ stdout: '/missing/log' }, 'ENOENT', /open '\/missing\/log'/],
    [{ stderr: '/etc' }, 'EISDIR'],
    [{ ignoreHangup: 1 }, type],
    [{ wait: '1' }, type],
    [{ wait: -1 }, range],
    [{ onBlocked: 'retry' }, value, /must be one of: 'throw', 'partial'. Received 'retry'/],
    [{ reopenOn: 'SIGNONE' }, 'ERR_UNKNOWN_SIGNAL'],
    [{ reopenOn: 'SIGKILL' }, value],
    [{ reopenOn: 1 }, value],
  ])('%j is refused with %s and changes nothing', async (options, code, message = /./) => {
    const { env, next } = await openSwitchboard()
    start(node, [fixturePath('puppet.mjs')], { env })
    const it = await next()
    const unchanged = remember(it.pid)
    for (const call of ['detach', 'detachSync']) {
      const error = await it.call(call, options).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
    }
    await unchanged()
  })
})
