import { execFile, execFileSync, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compile } from '../helpers/compile.ts'
import { launcher } from '../helpers/daemon.ts'
import { fixturePath, isLive, isRoot, node, ps, track, until } from '../helpers/process.ts'
import type { Terminal } from '../helpers/pty.ts'
import { openFolder } from '../helpers/folder.ts'
import { expectJob, expectUsable, openShell, type Shell, shells, users } from '../helpers/puppet.ts'
import { childRows } from '../helpers/table.ts'
import { fronts } from '../helpers/sess.ts'
import { lacks, need } from '../helpers/tools.ts'

// Everything here is done twice, by Node and by Node below the launcher, and
// must come out the same.

const names = Object.keys(shells) as Shell[]
const plain = `${node} ${fixturePath('plain.mjs')}`
const below = `${launcher} launch -- ${plain}`
const status = (shell: Shell) => (shell === 'fish' ? '$status' : '$?')

const signals = 'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL SEGV ALRM TERM XCPU SYS VTALRM'
const codes = [0, 1, 255]

/** `@` is the program. */
const lines: Record<string, string | ((shell: Shell) => string | undefined)> = {
  ...Object.fromEntries(codes.map((code) => [`exit ${code}`, `@ exit ${code}`])),
  ...Object.fromEntries(signals.split(' ').map((name) => [`death by ${name}`, `@ die SIG${name}`])),
  'an exception': '@ throw',
  'arguments with blanks': `@ print 'a b' '' '$x' '"'`,
  'stdin from a pipe': `printf 'a\\nb\\n' | @ stdin`,
  'stdin from a file': '@ stdin < /etc/hostname',
  'stdin from /dev/null': '@ stdin < /dev/null',
  'stdin from a heredoc': (shell) => (shell === 'fish' ? undefined : '@ stdin <<X\nline\nX'),
  'stdin closed': '@ stdin <&-',
  'stdout closed': '@ exit 3 >&-',
  'all three closed': '@ exit 3 <&- >&- 2>&-',
  'stdout to a file': '@ print x > /dev/null',
  'command substitution': (shell) =>
    shell === 'fish' ? 'echo [(@ print hello)]' : 'echo "[$(@ print hello)]"',
  'descriptor 3': '@ fd3 3>&1',
  'a reader that goes away': '@ many | head -1',
  'between && and ||': '@ exit 0 && @ exit 4 || @ print or',
  'in the background, waited for': (shell) => (shell === 'fish' ? undefined : '@ exit 6 & wait $!'),
  'folder, umask and environment': 'umask 027; cd /; env GIVEN=1 @ where < /dev/null',
  'the middle of a pipeline': 'echo x | @ stdin | cat',
}

async function run(shell: Shell, line: string, command: string) {
  const text = `${line.replaceAll('@', command)}\necho "rc="${status(shell)}\n`
  return new Promise((resolve) => {
    const child = execFile(shell, ['-c', text], (error, stdout) =>
      resolve({ code: error?.code ?? 0, signal: error?.signal, stdout }),
    )
    child.stdin?.end()
  })
}

describe.for(names)('%s: a program and its launcher are as the program alone', (shell) => {
  test.concurrent.for(Object.keys(lines))('%s', async (name, context) => {
    need(shell, {}, context)
    const given = lines[name]
    const line = typeof given === 'function' ? given(shell) : given
    if (line === undefined) return context.skip(`${shell} has no such syntax`)
    const [alone, together] = await Promise.all([run(shell, line, plain), run(shell, line, below)])
    context.expect(together).toEqual(alone)
  })
})

/** Whether a signal to the process waits for it (proc_pid_status(5)). */
function isPending(pid: number, number: number): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const [, set = '0'] = /^ShdPnd:\t(\w+)/m.exec(status) ?? []
  return ((BigInt(`0x${set}`) >> BigInt(number - 1)) & 1n) === 1n
}

type Scene = (terminal: Terminal, command: string, leader: () => number) => Promise<unknown>

const stopped = async (terminal: Terminal, leader: () => number) => {
  await until(() => ps(leader()).stat.startsWith('T'))
  await expectUsable(terminal)
}

/** It runs, and keys go to it. */
const up = async (terminal: Terminal) => {
  await terminal.expect(/up\r/)
  await expectJob(terminal)
}

/** At a prompt, with a person at the keys. What a scene returns is compared. */
const scenes: Record<string, Scene> = {
  async 'Ctrl-C'(terminal, command) {
    terminal.type(`${command} wait\r`)
    await up(terminal)
    terminal.type('\x03')
  },
  async 'Ctrl-C, handled'(terminal, command) {
    terminal.type(`${command} handle SIGINT\r`)
    await up(terminal)
    terminal.type('\x03')
    await terminal.expect(/got SIGINT/)
  },
  async 'Ctrl-\\'(terminal, command) {
    terminal.type(`${command} wait\r`)
    await up(terminal)
    terminal.type('\x1c')
  },
  async 'Ctrl-Z, fg, Ctrl-C'(terminal, command, leader) {
    terminal.type(`${command} wait\r`)
    await up(terminal)
    const pid = leader()
    terminal.type('\x1a')
    await stopped(terminal, () => pid)
    terminal.type('fg\r')
    await until(() => ps(pid).stat.includes('+'))
    await until(() => !ps(pid).stat.startsWith('T'))
    terminal.type('\x03')
  },
  async 'Ctrl-Z, bg, fg, Ctrl-C'(terminal, command, leader) {
    terminal.type(`${command} wait\r`)
    await up(terminal)
    const pid = leader()
    terminal.type('\x1a')
    await stopped(terminal, () => pid)
    terminal.type('bg\r')
    await until(() => !ps(pid).stat.startsWith('T'))
    await expectUsable(terminal)
    terminal.type('fg\r')
    await until(() => ps(pid).stat.includes('+'))
    terminal.type('\x03')
  },
  async 'SIGCONT to a stopped one'(terminal, command, leader) {
    terminal.type(`${command} wait\r`)
    await up(terminal)
    const pid = leader()
    terminal.type('\x1a')
    await stopped(terminal, () => pid)
    process.kill(pid, 'SIGCONT')
    await until(() => !ps(pid).stat.startsWith('T'))
    terminal.type('fg\r')
    await until(() => ps(pid).stat.includes('+'))
    terminal.type('\x03')
  },
  async 'a line that is typed'(terminal, command) {
    terminal.type(`${command} line\r`)
    await terminal.expect(/reading/)
    terminal.type('hello\r')
    const [line] = await terminal.expect(/read \w+/)
    return line
  },
  async 'a read in the background, fg'(terminal, command) {
    terminal.type(`${command} line &\r`)
    await terminal.expect(/reading/)
    await expectUsable(terminal)
    // The job, which the launcher leads: it stops a moment after its program.
    await until(() => childRows(terminal.pid).some(({ stat }) => stat.startsWith('T')))
    terminal.type('fg\r')
    await until(() => ps(terminal.pid).tpgid !== terminal.pid)
    terminal.type('hello\r')
    const [line] = await terminal.expect(/read \w+/)
    return line
  },
  async 'a window of another size'(terminal, command) {
    terminal.type(`${command} winch\r`)
    await up(terminal)
    terminal.pty.resize(101, 31)
    const [size] = await terminal.expect(/\d+x\d+/)
    terminal.pty.resize(200, 50)
    return size
  },
  async 'SIGTERM to its pid, handled'(terminal, command, leader) {
    terminal.type(`${command} handle SIGTERM\r`)
    await up(terminal)
    process.kill(leader(), 'SIGTERM')
    await terminal.expect(/got SIGTERM/)
  },
  async 'SIGHUP to its pid'(terminal, command, leader) {
    terminal.type(`${command} wait\r`)
    await up(terminal)
    process.kill(leader(), 'SIGHUP')
  },
  async 'SIGKILL to its pid'(terminal, command, leader) {
    terminal.type(`${command} wait\r`)
    await up(terminal)
    process.kill(leader(), 'SIGKILL')
  },
  async 'signals to its group and to its pid: each once'(terminal, command, leader) {
    terminal.type(`${command} count\r`)
    await up(terminal)
    const pid = leader()
    for (let i = 1; i <= 40; i++) {
      process.kill(i % 2 === 0 ? pid : -pid, 'SIGUSR2')
      await terminal.expect(new RegExp(`usr2 ${i}\\.`))
      // Two that wait for the same process are one (signal(7)), and the launcher may be later than the program.
      await until(() => !isPending(pid, constants.signals.SIGUSR2))
    }
    terminal.type('\x03')
    const [total] = await terminal.expect(/total \d+/)
    return total
  },
  async 'a stop of its own by SIGTSTP, fg'(terminal, command, leader) {
    terminal.type(`${command} stop SIGTSTP\r`)
    await up(terminal)
    const pid = leader()
    process.kill(pid, 'SIGUSR2')
    await stopped(terminal, () => pid)
    terminal.type('fg\r')
    await terminal.expect(/went on/)
  },
  async 'a stop of its own by SIGSTOP, fg'(terminal, command, leader) {
    terminal.type(`${command} stop SIGSTOP\r`)
    await up(terminal)
    const pid = leader()
    process.kill(pid, 'SIGUSR2')
    await stopped(terminal, () => pid)
    terminal.type('fg\r')
    await terminal.expect(/went on/)
  },
}

async function play(shell: Shell, command: string): Promise<Record<string, unknown>> {
  const terminal = await openShell(shell, users[0], { ...process.env, PAGER: 'cat' })
  const foreground = () => ps(terminal.pid).tpgid
  const seen: Record<string, unknown> = {}
  for (const [name, scene] of Object.entries(scenes)) {
    const value = await scene(terminal, command, foreground).catch((error: unknown) => {
      throw new Error(`${shell}, ${name}, ${command}`, { cause: error })
    })
    await until(() => foreground() === terminal.pid)
    terminal.type(`echo "rc="${status(shell)}.\r`)
    const [rc] = await terminal.expect(/rc=\d+\./)
    seen[name] = { value, rc }
    terminal.type('jobs; echo "no ""more"\r')
    const [jobs] = await terminal.expect(/[^]*no more\r/)
    expect(jobs, name).not.toMatch(/plain\.mjs/)
  }
  return seen
}

describe('at a prompt', () => {
  test.for(names)(
    '%s: keys, jobs and signals, fifteen scenes',
    { timeout: 90_000 },
    async (shell) => {
      const [alone, together] = await Promise.all([play(shell, plain), play(shell, below)])
      expect(together).toEqual(alone)
    },
  )
})

describe('the launcher', () => {
  test('keeps the channel of fork()', async () => {
    const folder = openFolder()
    const file = join(folder, 'child.mjs')
    writeFileSync(
      file,
      "process.on('message', (m) => process.send(m + 1, () => process.disconnect()))",
    )
    const child = fork(file, { execPath: launcher, execArgv: ['launch', '--', node] })
    child.send(41)
    expect(await once(child, 'message')).toEqual([42, undefined])
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('keeps less than 200 kB resident', async () => {
    // By glibc alone it takes ten times the space on disk, and 700 kB in memory.
    if (statSync(launcher).size > 200_000) lacks('musl-gcc')
    const terminal = await openShell('bash', users[0], process.env)
    terminal.type(`${below} wait\r`)
    await terminal.expect(/up\r/)
    const { tpgid } = ps(terminal.pid)
    await until(() => ps(tpgid).stat.startsWith('S'))
    const status = readFileSync(`/proc/${tpgid}/status`, 'utf8')
    expect(Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1])).toBeLessThan(200)
    terminal.type('\x03')
    await until(() => !isLive(tpgid))
  })

  test('keeps nothing open but stderr and its own', async () => {
    const terminal = await openShell('bash', users[0], process.env)
    terminal.type(`${below} wait 3</dev/null\r`)
    await terminal.expect(/up\r/)
    const { tpgid } = ps(terminal.pid)
    await until(() => ps(tpgid).stat.startsWith('S'))
    const open = execFileSync('ls', ['-l', `/proc/${tpgid}/fd`]).toString()
    expect(open.match(/-> .*/g)?.filter((line) => !/socket|anon_inode/.test(line))).toHaveLength(1)
    terminal.type('\x03')
    await until(() => !isLive(tpgid))
  })

  test.skipIf(!isRoot)(
    'in a container, with its group outside: each signal arrives once (needs root)',
    async () => {
      need('unshare')
      const script = `${below} count &
        while read target; do test $target = group && kill -USR2 0 || kill -USR2 $!; done
        kill -INT $!; wait $!`
      // The others of the group ignore it.
      const outside = `trap '' USR2; exec unshare -pf --mount-proc --kill-child sh -c '${script}'`
      const child = spawn('sh', ['-c', outside], {
        detached: true,
        stdio: ['pipe', 'pipe', 'ignore'],
      })
      track(child.pid ?? 0)
      let text = ''
      child.stdout.on('data', (data) => (text += String(data)))
      await until(() => text.includes('up'))
      for (let i = 1; i <= 6; i++) {
        child.stdin.write(i % 2 === 0 ? 'group\n' : 'pid\n')
        await until(() => text.includes(`usr2 ${i}.`))
      }
      child.stdin.end()
      await until(() => text.endsWith('total 6\n'))
    },
  )
})

/** A job on a terminal of its own whose program is between fork and exec: a long PATH makes it search for long. */
async function openSearching(command: string) {
  const folders = Array.from({ length: 40_000 }, () => '/.').join(':')
  const words = ['job', '0', ...fronts['bin/sess'], ...command.split(' '), '--', 'sleep', '0.1']
  const env = { ...process.env, PATH: `${folders}:${process.env['PATH']}` }
  const stdio = ['pipe', 'ignore', 'inherit', 'pipe'] as const
  const shell = spawn(compile('ttyshell'), words, { stdio: [...stdio], env })
  track(shell.pid ?? 0)
  let text = ''
  shell.stdio[3]?.on('data', (data: Buffer) => (text += data.toString()))
  const job = () => Number(/"pid":(\d+)/.exec(text)?.[1] ?? 0)
  const isThere = () => job() > 0 && childRows(job()).some(({ pid }) => isSearching(pid))
  let isFound = false
  await until(() => (isFound = isThere()) || text.includes('"ended"'))
  return { shell, isFound, told: () => text }
}

test.each(['launch', 'run --wait', 'run --group --wait'])(
  'sess %s: Ctrl-Z before the exec stops the job, which goes on and ends',
  { timeout: 60_000 },
  async (command) => {
    // On a busy machine the search may be over before anybody has looked.
    let job = await openSearching(command)
    for (let i = 0; i < 20 && !job.isFound; i++) job = await openSearching(command)
    const { shell, told } = job
    shell.stdin?.write('key 26\n')
    await until(() => told().includes('"stopped":20'))
    await until(() => told().includes('"ended":0,'))
    shell.stdin?.end()
    await once(shell, 'exit')
    expect(told().match(/"modes":true/g)).toHaveLength(2)
  },
)

/** The launcher with all signals let through: after the fork and before the exec. */
function isSearching(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return /^Name:\s*launcher$/m.test(status) && /^SigBlk:\s*0+$/m.test(status)
  } catch {
    return false
  }
}
