// The rows of docs/comparison.md. A cell is a program: it tries the fact with that package, and says yes or no.

/** By column, what a row tries. A package that has no call for a fact has no program, and its cell is empty. */
export interface Row {
  fact: string
  /** What every program of the row begins with. */
  before?: string
  programs: Readonly<Record<string, string>>
  /** It needs a pid namespace, which only root makes everywhere. */
  namespace?: true
  /** It is started as at a prompt: it leads a group, on a terminal. */
  terminal?: true
  /** It becomes a daemon, whose answer comes after the command's end. Where the command fails, there may be none. */
  daemon?: true
}

/** The columns, and the packages that they stand for; `node` is Node itself. */
export const columns = [
  ...['setsid', 'node', 'execa', 'tree-kill', 'terminate', 'daemonize-process', 'daemon'],
  ...['posix', 'koffi'],
] as const

const koffi = (prototype: string) =>
  `const call = (await import('koffi')).default.load('libc.so.6').func('${prototype}')\n`

/** Starts `tree` by sh as each package would, so that it can be ended as a whole. */
const starts: Readonly<Record<string, string>> = {
  setsid: `const child = ours.spawn('sh', ['-c', tree], { contain: true, stdio: 'ignore' })`,
  node: `const child = spawn('sh', ['-c', tree], { detached: true, stdio: 'ignore' })`,
  execa: `const { execa } = await import('execa')
    const child = execa('sh', ['-c', tree], { stdio: 'ignore', reject: false })`,
  'tree-kill': `const { default: kill } = await import('tree-kill')
    const child = spawn('sh', ['-c', tree], { stdio: 'ignore' })`,
  terminate: `const { default: terminate } = await import('terminate')
    const child = spawn('sh', ['-c', tree], { stdio: 'ignore' })`,
}

/** Ends it by SIGTERM, and waits for what the package says is the end. */
const stops: Readonly<Record<string, string>> = {
  setsid: `await ours.stopContained(child)`,
  node: `const ended = once(child, 'exit'); process.kill(-child.pid); await ended`,
  execa: `child.kill(); await child`,
  'tree-kill': `await new Promise((done) => kill(child.pid, 'SIGTERM', done))`,
  terminate: `await new Promise((done) => terminate(child.pid, 'SIGTERM', done))`,
}

/** A program for each package that can stop a tree. */
const stopping = (tree: string, after: string) =>
  Object.fromEntries(
    Object.entries(starts).map(([name, start]) => [
      name,
      `const tree = ${JSON.stringify(tree)}
      ${start}
      const pids = await told()
      ${stops[name]}
      ${after}`,
    ]),
  )
const laterGone = `answer(await until(() => !pids.some(alive), 2000))`

/** How each becomes a daemon. The program's text comes after it. */
const become: Readonly<Record<string, string>> = {
  setsid: `const daemon = await ours.daemonize({ waitForReady: true, strategy: 'restart' })`,
  'daemonize-process': `(await import('daemonize-process')).daemonizeProcess()`,
  daemon: `(await import('daemon')).default({ cwd: process.cwd() })`,
}
const daemons = (after: string) =>
  Object.fromEntries(Object.entries(become).map(([name, way]) => [name, `${way}\n${after}`]))

/** A pid that is given again, to a stranger that leads a group, in a namespace of our own. */
const recycled = (start: string, signal: string) => `
  ${start}
  await until(() => !existsSync('/proc/' + child.pid))
  let stranger
  for (let i = 0; i < 200 && stranger?.pid !== child.pid; i++) {
    stranger?.kill('SIGKILL')
    writeFileSync('/proc/sys/kernel/ns_last_pid', String(child.pid - 1))
    stranger = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' })
  }
  if (stranger.pid !== child.pid) throw new Error('the pid was not given again')
  let signalled = false
  stranger.once('exit', () => (signalled = true))
  ${signal}
  answer(!(await until(() => signalled, 1000)))`

export const rows: readonly Row[] = [
  {
    fact: 'tells the session ID of another process',
    before: `const { sid } = stat(process.ppid)\n`,
    programs: {
      setsid: `answer(ours.getsid(process.ppid) === sid)`,
      koffi: `${koffi('int getsid(int)')}answer(call(process.ppid) === sid)`,
    },
  },
  {
    fact: 'tells the process group of a pid that is gone by an error, not by a number',
    before: `const gone = 2 ** 22 + 1\n`,
    programs: {
      setsid: `answer(throws(() => ours.getpgid(gone)))`,
      posix: `const { default: posix } = await import('posix'); answer(throws(() => posix.getpgid(gone)))`,
      koffi: `${koffi('int getpgid(int)')}answer(throws(() => call(gone)))`,
    },
  },
  {
    fact: 'refuses the pid 2^32 + N, and does not take it for N',
    before: `const large = 2 ** 32 + process.pid\n`,
    programs: {
      setsid: `answer(throws(() => ours.getpgid(large)))`,
      posix: `const { default: posix } = await import('posix'); answer(throws(() => posix.getpgid(large)))`,
      koffi: `${koffi('int getpgid(int)')}answer(throws(() => call(large)))`,
    },
  },
  {
    fact: 'says by which cause setsid() has failed',
    programs: {
      setsid: `try { ours.setsid() } catch (error) { answer(error.reason === 'group-leader') }`,
      posix: `const { default: posix } = await import('posix')
        try { posix.setsid() } catch (error) { answer(/group|leader/.test(JSON.stringify(error) + error.message)) }`,
      koffi: `${koffi('int setsid()')}answer(throws(call))`,
    },
  },
  {
    fact: 'works in the main thread and in a worker thread',
    before: `const inBoth = async (body) => {
      const { createRequire } = await import('node:module')
      const { Worker } = await import('node:worker_threads')
      new Function('require', body)(createRequire(import.meta.url))
      const worker = new Worker(body, { eval: true })
      answer(await once(worker, 'exit').then(([code]) => code === 0, () => false))
    }\n`,
    programs: {
      setsid: `await inBoth("require('setsid').getpgid(0)")`,
      posix: `await inBoth("require('posix').getpgid(0)")`,
      koffi: `await inBoth("require('koffi').load('libc.so.6').func('int getpgid(int)')(0)")`,
    },
  },
  {
    fact: 'starts a child in a new process group of the same session, as a `ChildProcess`',
    before: `const inGroup = (child) => {
      const { pgid, sid } = stat(child.pid)
      answer(pgid === child.pid && sid === stat(process.pid).sid && typeof child.kill === 'function')
      child.kill()
    }\n`,
    programs: {
      setsid: `inGroup(ours.spawn('sleep', ['1000'], { group: 'new' }))`,
      node: `const child = spawn('sleep', ['1000'], { detached: true }); await once(child, 'spawn'); inGroup(child)`,
      execa: `const { execa } = await import('execa')
        const child = execa('sleep', ['1000'], { detached: true, reject: false }); await once(child, 'spawn'); inGroup(child)`,
    },
  },
  {
    fact: 'stops what the child has started in its own group',
    programs: stopping('sleep 1000 & echo $! >> pids; wait', laterGone),
  },
  {
    fact: 'stops what has called setsid',
    programs: stopping("setsid sh -c 'echo $$ >> pids; exec sleep 1000' & wait", laterGone),
  },
  {
    fact: 'stops what has lost its parent and called setsid (a daemon)',
    programs: stopping(
      "(setsid sh -c 'echo $$ >> pids; exec sleep 1000' &) ; exec sleep 1000",
      laterGone,
    ),
  },
  {
    fact: 'confirms that all of it has ended: when the stop is done, nobody lives',
    programs: stopping(
      `sh -c 'trap "sleep 1; exit" TERM; echo $$ >> pids; while :; do sleep 0.1; done' & exec sleep 1000`,
      `answer(!pids.some(alive))`,
    ),
  },
  {
    fact: 'does not signal a process that has got the number of a child that has ended',
    namespace: true,
    programs: {
      setsid: recycled(
        `const child = ours.spawn('true', [], { group: 'new', stdio: 'ignore' })`,
        `await ours.stopGroup(child).catch(() => undefined)`,
      ),
      node: recycled(
        `const child = spawn('true', { detached: true, stdio: 'ignore' })`,
        `try { process.kill(-child.pid) } catch {}`,
      ),
      execa: recycled(
        `const child = (await import('execa')).execa('true', { stdio: 'ignore' })`,
        `child.kill()`,
      ),
      'tree-kill': recycled(
        `const child = spawn('true', { stdio: 'ignore' })`,
        `const { default: kill } = await import('tree-kill')
        await new Promise((done) => kill(child.pid, 'SIGTERM', done))`,
      ),
      terminate: recycled(
        `const child = spawn('true', { stdio: 'ignore' })`,
        `const { default: terminate } = await import('terminate')
        await new Promise((done) => terminate(child.pid, 'SIGTERM', done))`,
      ),
    },
  },
  {
    fact: 'ends what a command has started when the caller is killed by SIGKILL',
    before: `const tree = 'sleep 1000 & echo $! >> pids; wait'
      const killed = async (body) => {
        const head = "import { spawn } from 'node:child_process'; const tree = process.argv[1];"
        const caller = spawn(process.execPath, ['--input-type=module', '-e', head + body, tree], { stdio: 'ignore' })
        const pids = await told()
        caller.kill('SIGKILL')
        answer(await until(() => !pids.some(alive), 2000))
      }\n`,
    programs: {
      setsid: `await killed("(await import('setsid')).spawn('sh', ['-c', tree], { contain: true, stdio: 'ignore' })")`,
      node: `await killed("spawn('sh', ['-c', tree], { stdio: 'ignore' })")`,
      execa: `await killed("(await import('execa')).execa('sh', ['-c', tree], { cleanup: true, stdio: 'ignore' })")`,
    },
  },
  {
    fact: 'gives the result of a command that has ended though a background process holds the pipe',
    before: `const began = Date.now(); const command = 'sleep 6 & echo done'
      const inTime = (text) => answer(text.trim() === 'done' && Date.now() - began < 4500)\n`,
    programs: {
      setsid: `inTime((await ours.run('sh', ['-c', command])).stdout)`,
      node: `inTime(await new Promise((done) => exec(command, (error, stdout) => done(stdout))))`,
      execa: `inTime((await (await import('execa')).execa('sh', ['-c', command])).stdout)`,
    },
  },
  {
    fact: 'bounds a command by a timeout though a background process holds the pipe',
    before: `const began = Date.now(); const command = 'sleep 6 & sleep 6'; const timeout = 500
      const bounded = () => answer(Date.now() - began < 4500)\n`,
    programs: {
      setsid: `await ours.run('sh', ['-c', command], { timeout }); bounded()`,
      node: `await new Promise((done) => exec(command, { timeout }, done)); bounded()`,
      execa: `await (await import('execa')).execa('sh', ['-c', command], { timeout, reject: false }); bounded()`,
    },
  },
  {
    fact: 'ends at a timeout all that the command has started',
    before: `const command = 'sleep 1000 & echo $! >> pids; wait'; const timeout = 1500\n`,
    programs: {
      setsid: `ours.run('sh', ['-c', command], { timeout }); const pids = await told(); ${laterGone}`,
      node: `exec(command, { timeout }, () => undefined); const pids = await told(); ${laterGone}`,
      execa: `const { execa } = await import('execa'); execa('sh', ['-c', command], { timeout, reject: false })
        const pids = await told(); ${laterGone}`,
    },
  },
  {
    fact: 'leaves the terminal of the running process, started at a prompt: same pid, no second start',
    terminal: true,
    before: `const { pid } = process
      if (stat(pid).tty === 0 || stat(pid).pgid !== pid) throw new Error('not as at a prompt')
      const left = () => answer(pid === process.pid && stat(pid).sid === pid && stat(pid).tty === 0)\n`,
    programs: {
      setsid: `await ours.detach(); left()`,
      posix: `const { default: posix } = await import('posix'); throws(posix.setsid); left()`,
      koffi: `${koffi('int setsid()')}call(); left()`,
    },
  },
  {
    fact: 'becomes a daemon by its defaults',
    daemon: true,
    programs: {
      setsid: `await ours.daemonize()\nanswer(stat(process.pid).sid === process.pid)`,
      'daemonize-process': `${become['daemonize-process']}\nanswer(stat(process.pid).sid === process.pid)`,
      daemon: `(await import('daemon')).default()\nanswer(stat(process.pid).sid === process.pid)`,
    },
  },
  {
    fact: 'the command fails where the daemon fails before it is ready',
    daemon: true,
    programs: daemons(`answer('fails'); throw new Error('not ready')`),
  },
  {
    fact: 'keeps the options of Node in the daemon (`node --stack-trace-limit=7`)',
    daemon: true,
    programs: daemons(
      `answer(process.execArgv.some((each) => each.includes('=7')))
      if (typeof daemon === 'object') daemon.ready()`,
    ),
  },
]
