// `sess run` and `launch` change nothing that CMD would have had without them.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, openSync, readFileSync, symlinkSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isLive, ps, start, track, until } from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'
import { type Front, fronts, sess } from '../helpers/sess.ts'

const [front] = fronts['bin/sess']

describe('what follows CMD is CMD’s', () => {
  test.each([
    ['run', ['--wait', 'echo', '--wait', '-h', '--'], '--wait -h --\n'],
    ['run', ['--wait', '--', 'echo', '--group'], '--group\n'],
    ['launch', ['echo', '--bogus', '--', 'x'], '--bogus -- x\n'],
    ['launch', ['--', 'echo', '--json'], '--json\n'],
  ])('%s %j', (command, args, out) => {
    for (const name of Object.keys(fronts) as Front[]) {
      expect(sess(name, [command, ...args]), name).toEqual({
        status: 0,
        signal: null,
        out,
        err: '',
      })
    }
  })

  test('start', async () => {
    const folder = openFolder()
    const file = join(folder, 'pid')
    const log = join(folder, 'log')
    const script = 'echo "$0" "$@"; exec sleep 60'
    for (const name of Object.keys(fronts) as Front[]) {
      const options = ['start', '--pid-file', file, '--log', log, '--up-for', '50']
      const { status } = sess(name, [...options, 'sh', '-c', script, '--log', '--json', name])
      expect(status).toBe(0)
      track(Number(readFileSync(file, 'utf8').split('\n')[0]))
      await until(() => readFileSync(log, 'utf8').includes(`--log --json ${name}\n`))
      expect(sess(name, ['stop', '--pid-file', file]).status).toBe(0)
    }
  })
})

/** What a program sees of what its caller left it. */
const look = `
  grep -E '^(SigBlk|SigIgn|Umask)' /proc/self/status
  ulimit -Sn; ulimit -Hn; ulimit -c
  ls -l /proc/self/fd | sed -n 's/.* \\([0-9]*\\) -> \\(\\/dev\\/.*\\)/\\1 \\2/p'`

/** Runs a command line in bash with odd limits, signals, mask, descriptors and environment. */
function oddly(command: string): string[] {
  const script = `
    trap '' HUP USR1 INT TTOU
    ulimit -Sn 300; ulimit -Hn 4000; umask 0137
    exec 5</dev/null 77>/dev/full 200<>/dev/zero
    ${command}`
  const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' })
  expect(stderr).toBe('')
  return stdout.split('\n').filter((line) => !/ \/dev\/(pts|tty)/.test(line))
}

describe('limits, signals, mask, descriptors', () => {
  test.each([
    ...['run --wait', 'run --wait --group', 'launch', 'launch --'],
    ...['run --contain', 'run --contain --session', 'run --timeout 50'],
  ])('sess %s', (words) => {
    const plain = oddly(`sh -c '${look.replaceAll("'", `'\\''`)}'`)
    const ours = oddly(`${front} ${words} sh -c '${look.replaceAll("'", `'\\''`)}'`)
    expect(ours).toEqual(plain)
    expect(plain).toEqual(
      expect.arrayContaining(['300', '5 /dev/null', '77 /dev/full', '200 /dev/zero']),
    )
  })

  test('nohup sess run: SIGHUP stays ignored', () => {
    const program = ['sh', '-c', 'kill -HUP $$; echo lives']
    const { stdout } = spawnSync('nohup', [front, 'run', '--wait', ...program])
    expect(stdout.toString()).toBe('lives\n')
  })

  test('a signal that is blocked stays so, also one that libc keeps for itself', () => {
    const block = `
      import os, signal
      signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2, 34, 40])
      os.execv('${front}', ['sess', 'run', '--wait', 'grep', '^SigBlk', '/proc/self/status'])`
    const { stdout } = spawnSync('python3', ['-c', block.replace(/^ {6}/gm, '')])
    expect(stdout.toString()).toBe('SigBlk:\t0000008200000800\n')
  })

  test('start: the daemon has the soft limit and the ignored signals', async () => {
    const folder = openFolder()
    const file = join(folder, 'pid')
    const begin = ['start', '--pid-file', file, '--up-for', '10', 'sleep', '60']
    const script = `trap '' HUP USR1; ulimit -Sn 300; ${front} ${begin.join(' ')}`
    expect(spawnSync('bash', ['-c', script]).stderr.toString()).toBe('')
    const pid = Number(readFileSync(file, 'utf8').split('\n')[0])
    track(pid)
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const ignored = BigInt(`0x${/^SigIgn:\t(.*)$/m.exec(status)?.[1]}`)
    const { SIGHUP, SIGUSR1, SIGINT } = constants.signals
    const has = (signal: number) => (ignored >> BigInt(signal - 1)) & 1n
    expect([SIGHUP, SIGUSR1, SIGINT].map(has)).toEqual([1n, 1n, 0n])
    expect(readFileSync(`/proc/${pid}/limits`, 'latin1')).toMatch(/^Max open files +300 /m)
    expect(sess('bin/sess', ['stop', '--pid-file', file]).status).toBe(0)
  })
})

describe('the environment', () => {
  const odd = [
    'BASH_FUNC_greet%%=() {  echo hello\n}',
    'with.dot=1',
    'IFS=:',
    'OPTIND=7',
    'PWD=/nowhere',
    'SHLVL=41',
    'sess_self=mine',
    'LINES_ÿ=\\x41',
  ]
  const shells = ['dash', 'bash'].filter((shell) => spawnSync(shell, ['-c', ':']).status === 0)

  test.each(shells)('%s as /bin/sh changes none of it', (shell) => {
    const env = [`PATH=${process.env['PATH']}`, ...odd]
    const read = (...command: string[]) => {
      const rest = ['-i', ...env, ...command, 'env', '-0']
      return spawnSync('env', rest).stdout.toString('latin1').split('\0').sort()
    }
    expect(read(shell, front, 'run', '--wait')).toEqual(read())
    expect(read(shell, front, 'run', '--wait')).toHaveLength(odd.length + 2)
  })

  test('a function that bash exports reaches a bash', () => {
    const script = `greet() { echo hello; }; export -f greet; ${front} run --wait bash -c greet`
    expect(spawnSync('bash', ['-c', script]).stdout.toString()).toBe('hello\n')
  })
})

describe('--wait: the two behave as one', () => {
  const waiting = (...args: string[]) => start(front, ['run', '--wait', ...args])
  const report =
    'trap "echo 1; exit 3" TERM; trap "echo 2" USR1; echo $$; while :; do sleep 0.02; done'

  test.each([[[]], [['--group']]])('%j: what is sent to it reaches CMD', async (options) => {
    const running = waiting(...options, '--', 'sh', '-c', report)
    const pid = await running.next()
    running.child.kill('SIGUSR1')
    expect(await running.next()).toBe(2)
    running.child.kill('SIGTERM')
    expect(await running.next()).toBe(1)
    expect(await running.ended).toBe(3)
    expect(isLive(pid)).toBe(false)
  })

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGKILL', 'SIGABRT', 'SIGPIPE'])(
    'CMD dies of %s: so does sess',
    async (signal) => {
      const running = waiting('--', 'sh', '-c', 'echo $$; exec sleep 60')
      process.kill(await running.next(), signal)
      expect(await running.ended).toBe(signal)
    },
  )

  test('kill -9 of sess ends CMD, to which it could not pass that on', async () => {
    const running = waiting('--', 'sh', '-c', 'echo $$; exec sleep 60')
    const pid = await running.next()
    running.child.kill('SIGKILL')
    await until(() => !isLive(pid))
  })

  test('one that is stopped and continued by its own pid: sess goes on with it', async () => {
    const running = waiting('--', 'sh', '-c', 'echo $$; read line; exit 4')
    const pid = await running.next()
    process.kill(pid, 'SIGSTOP')
    await until(() => ps(running.pid).stat.startsWith('T'))
    process.kill(pid, 'SIGCONT')
    await until(() => !ps(running.pid).stat.startsWith('T'))
    running.tell('done')
    expect(await running.ended).toBe(4)
  })

  test('a stop of sess stops CMD, and a continuation goes on with it', async () => {
    // In a group of its own, as a shell starts it: SIGTSTP stops nobody in an orphaned one, as a test's own may be.
    const ownGroup = 'import os, sys; os.setpgid(0, 0); os.execv(sys.argv[1], sys.argv[1:])'
    const command = [front, 'run', '--wait', '--', 'sh', '-c', 'echo $$; read line; exit 4']
    const running = start('python3', ['-c', ownGroup, ...command])
    const pid = await running.next()
    running.child.kill('SIGTSTP')
    await until(() => ps(pid).stat.startsWith('T') && ps(running.pid).stat.startsWith('T'))
    running.child.kill('SIGCONT')
    await until(() => !ps(pid).stat.startsWith('T'))
    running.tell('done')
    expect(await running.ended).toBe(4)
  })

  test('with SIGCHLD ignored it learns the exit code all the same', () => {
    // dash lets go of it at its own start, and bash keeps it.
    const ignore = `
      import os, signal
      signal.signal(signal.SIGCHLD, signal.SIG_IGN)
      os.execvp('bash', ['bash', '${front}', 'run', '--wait', 'sh', '-c', 'exit 6'])`
    const { status } = spawnSync('python3', ['-c', ignore.replace(/^ {6}/gm, '')])
    expect(status).toBe(6)
  })

  test('it holds no end of a pipe that CMD has closed', async () => {
    const child = spawn(front, ['run', '--wait', 'sh', '-c', 'exec >&-; read line'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    track(child.pid ?? 0)
    await once(child.stdout.resume(), 'end')
    expect(child.exitCode).toBeNull()
    child.stdin.end()
    await once(child, 'exit')
  })
})

describe('bin/sess', () => {
  test('through links, by PATH, and from a folder with blanks', () => {
    const folder = join(openFolder(), 'with blanks')
    mkdirSync(folder)
    symlinkSync(front, join(folder, 'first'))
    symlinkSync('first', join(folder, 'sess'))
    const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` }
    const run = (...args: string[]) => spawnSync('sess', args, { env }).stdout.toString()
    expect(run('run', '--wait', 'echo', 'a  b', '')).toBe('a  b \n')
    expect(run('--version')).toMatch(/^\d+\.\d+\.\d+/)
  })

  test('run, launch and --version start no Node', () => {
    const folder = openFolder()
    symlinkSync('/bin/false', join(folder, 'node'))
    const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` }
    for (const words of [['run', '--wait', 'true'], ['launch', 'true'], ['--version']]) {
      expect(sess('bin/sess', words, { env }).status, words.join(' ')).toBe(0)
    }
    expect(sess('bin/sess', ['ids'], { env }).status).toBe(1)
  })

  test('without a launcher Node does it', () => {
    const root = join(openFolder(), 'package')
    mkdirSync(join(root, 'bin'), { recursive: true })
    mkdirSync(join(root, 'dist'))
    copyFileSync(front, join(root, 'bin/sess'))
    const script = 'console.log(process.argv.slice(2).join())'
    spawnSync('tee', [join(root, 'dist/cli.js')], { input: script })
    const { stdout } = spawnSync(join(root, 'bin/sess'), ['run', 'x'])
    expect(stdout.toString()).toBe('run,x\n')
  })

  test('a closed stdin stays closed', () => {
    const fd = openSync('/dev/null', 'r')
    const script = `exec <&-; ${front} run --wait sh -c '[ -e /proc/self/fd/0 ] && echo open || echo closed'`
    const { stdout } = spawnSync('bash', ['-c', script], { stdio: [fd, 'pipe', 'inherit'] })
    expect(stdout.toString()).toBe('closed\n')
  })
})
