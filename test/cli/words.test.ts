// What `sess` says of wrong words and of what fails: one line, in the user's words.
import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { nearest, survivorInWords } from '../../lib/cli/words.ts'
import { gonePid, hasNobody, unprivileged } from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'
import { type Front, fronts, sess } from '../helpers/sess.ts'

const both = Object.keys(fronts) as Front[]

describe('wrong usage: exit code 2', () => {
  test.each([
    ['lss', "unknown command 'lss'; did you mean 'ls'?"],
    ['statsu --pid-file x', "unknown command 'statsu'; did you mean 'status'?"],
    ['frobnicate', "unknown command 'frobnicate'"],
    ['--versoin', "unknown option '--versoin'; did you mean '--version'?"],
    ['run --wiat true', "unknown option '--wiat'; did you mean '--wait'?"],
    ['run --wait=yes true', '--wait takes no value'],
    ['run --wait', 'run takes a command'],
    ['run -x true', "unknown option '-x'"],
    ['launch', 'launch needs a command'],
    ['launch --wait true', "unknown option '--wait'"],
    ['start --pid-file p --', 'start needs a command'],
    ['start true', 'start needs --pid-file FILE or --name NAME'],
    ['start --pid-file p --ready-fd 12 true', "--ready-fd takes a number from 3 to 9, not '12'"],
    ['start --pid-file p --timeout 0 true', "--timeout takes a number from 1 up, not '0'"],
    [
      'start --pid-file p --up-for 1 --notify true',
      '--ready-fd, --notify and --up-for exclude each other',
    ],
    ['start --pid-file p --user no-such-user true', "there is no user 'no-such-user'"],
    ['start --pid-file', '--pid-file needs a value: F'],
    ['ls --tty=', '--tty needs a value: TTY'],
    ['restart --pid-file p', 'restart needs a command'],
    ['restart --name a --pid-file p true', '--pid-file and --name exclude each other'],
    ['stop --name ../web', "'../web' can't be a name: it has letters, digits and _@:+.- in it"],
    ['stop', 'stop needs --pid-file FILE or --name NAME'],
    ['status web', 'status needs --pid-file FILE or --name NAME'],
    ['status --pid-file p web', 'status takes no words, only options'],
    ['stop --pid-file p --grace soon', "--grace takes a number, not 'soon'"],
    ['kill', 'kill takes one ID'],
    ['kill 4 5', 'kill takes one ID'],
    ['kill web', "'web' is not a process group ID"],
    ['kill --session 0', "'0' is not a session ID"],
    ['wait --group -- -1', "'-1' is not a process group ID"],
    ['tree web', "'web' is not a session ID"],
    ['ls\u001b[31m', "unknown command 'ls\\u{1b}[31m'"],
    ['stop --name a\nb', "'a\\nb' can't be a name: it has letters, digits and _@:+.- in it"],
    ['kill --signal TREM 4', "there is no signal 'TREM'; did you mean 'SIGTERM'?"],
    ['kill --signal cont 4', 'SIGCONT ends no process'],
    ['ls all', 'ls takes no words, only options'],
    ['ls --ttyy pts/3', "unknown option '--ttyy'; did you mean '--tty'?"],
    ['show 1 2', 'show takes one PID'],
    ['ls -json', "unknown option '-json'; did you mean '--json'?"],
    ['ls -jx', "unknown option '-j'"],
    ['kill --sig TERM 4', "unknown option '--sig'; did you mean '--signal'?"],
    ['complet bash', "unknown command 'complet'; did you mean 'completion'?"],
    ['version', "unknown command 'version'; did you mean '--version'?"],
    ['kill -9 4', "unknown option '-9'; did you mean '--signal 9'?"],
    ['kill -KILL 4', "unknown option '-KILL'; did you mean '--signal KILL'?"],
    ['ls -9', "unknown option '-9'"],
    ['help me', "unknown command 'me'"],
    ['help kill wait', 'help takes one COMMAND'],
    ['completion', 'completion takes one of: bash, zsh, fish'],
    ['completion fihs', "there is no completion for 'fihs'; did you mean 'fish'?"],
    ['completion --values pids', '--values takes one of: pid, group, session, tty'],
    ['watch now', 'watch takes no words, only options'],
    ['watch --interval 0', "--interval takes seconds, more than 0 and up to 2000000, not '0'"],
    ['ids x', "'x' is not a process ID"],
  ])('sess %s', (line, words) => {
    const folder = openFolder()
    for (const front of both) {
      expect(sess(front, line.split(' '), { cwd: folder })).toEqual({
        ...{ status: 2, signal: null, out: '' },
        err: `sess: ${words} (see sess --help)\n`,
      })
    }
  })
})

test('bytes that are not UTF-8 are refused where Node would make other words of them', () => {
  const folder = openFolder()
  const told = (front: Front, ...words: string[]) => {
    const line = 'exec "$@" "$(printf "a\\377")"'
    const options = { cwd: folder, stdio: 'pipe' } as const
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', line, 'sh', ...fronts[front], ...words],
      options,
    )
    return [status, stderr.toString()]
  }
  const words = "sess: 'a\ufffd' has bytes that are not UTF-8 (see sess --help)\n"
  for (const front of both) {
    for (const line of ['run --contain -- rm', 'status --pid-file', 'start --pid-file p -- rm']) {
      expect(told(front, ...line.split(' ')), line).toEqual([2, words])
    }
    expect(told(front, 'launch', '--', 'test', 'a\ufffd', '!='), 'launch').toEqual([0, ''])
  }
  expect(told('bin/sess', 'run', '--wait', '--', 'test', 'a\ufffd', '!=')).toEqual([0, ''])
})

describe('what fails', () => {
  const prepare = () => {
    const folder = openFolder()
    mkdirSync(join(folder, 'folder'))
    writeFileSync(join(folder, 'text'), 'hello\n')
    writeFileSync(join(folder, 'no-interpreter'), '#!/no/such/interpreter\n', { mode: 0o755 })
    symlinkSync('text', join(folder, 'link'))
    return folder
  }

  test.each([
    [`show ${gonePid}`, 1, `there is no process ${gonePid}`],
    [`ids ${gonePid}`, 1, `there is no process ${gonePid}`],
    [`tree ${gonePid}`, 1, `there is no session ${gonePid}`],
    [`ls --pid ${gonePid}`, 1, `there is no process ${gonePid}`],
    ['kill 1', 1, "process group 1 is that of the system's first process"],
    ['run no-such-program', 127, "there is no program 'no-such-program'"],
    ['launch no-such-program', 127, "there is no program 'no-such-program'"],
    ['launch ./no-interpreter', 127, "'./no-interpreter' can't be run: its interpreter is missing"],
    ['launch -- ./folder', 126, "'./folder' can't be run: it is a folder"],
    ['launch ./text', 126, "'./text' can't be run: Permission denied"],
    ['run ./no-interpreter', 127, "'./no-interpreter' can't be run: its interpreter is missing"],
    ['run ./folder', 126, "'./folder' can't be run: it is a folder"],
    ['run ./text', 126, "'./text' can't be run: Permission denied"],
    ['start --pid-file p no-such-program', 5, "there is no program 'no-such-program'"],
    ['start --pid-file no/p true', 1, /^\S+\/no\/p: no such file or directory$/],
    ['start --pid-file folder true', 1, /folder/],
    ['start --pid-file text true', 1, /^\S+text holds something else than a pid$/],
    ['start --pid-file p --cwd nowhere true', 1, 'nowhere: no such file or directory'],
    ['start --pid-file p --log no/log true', 1, /no\/log: no such file or directory$/],
    ['status --pid-file folder', 4, /\/folder is no regular file$/],
  ])('sess %s', (line, code, words) => {
    const folder = prepare()
    for (const front of both) {
      const { status, out, err } = sess(front, line.split(' '), { cwd: folder })
      expect({ status, out }, front).toEqual({ status: code, out: '' })
      expect(err).toMatch(/^sess: .*\n$/)
      expect(err.slice(6, -1)).toEqual(
        typeof words === 'string' ? words : expect.stringMatching(words),
      )
      expect(err).not.toMatch(/\bE[A-Z]{3,}\b|pidfile:|spawn |setpgid|ioctl|\(\)/)
    }
  })

  test('start as another user, in a folder that is root’s: 4', ({ skip }) => {
    if (!hasNobody) skip('needs root, to be another user')
    const args = ['start', '--pid-file', '/p', 'true']
    for (const front of both) {
      expect(sess(front, args, unprivileged)).toMatchObject({
        status: 4,
        err: 'sess: /p.lock: permission denied\n',
      })
    }
  })

  test('a start without a log that fails by its exit code says so', () => {
    const folder = openFolder()
    const args = ['start', '--pid-file', join(folder, 'pid'), '--', 'sh', '-c']
    const ended = sess('bin/sess', [...args, 'exit 9'])
    expect(ended).toMatchObject({
      status: 1,
      err: 'sess: sh exited with code 9 before it was ready\n',
    })
    const killed = sess('bin/sess', [...args, 'kill -ABRT $$'])
    expect(killed.err).toBe('sess: sh was killed by SIGABRT before it was ready\n')
  })
})

test('nearest: letters that were left out, added, changed, swapped; nothing far', () => {
  const known = ['status', 'start', 'stop', 'show']
  expect(nearest('statu', known)).toBe("; did you mean 'status'?")
  expect(nearest('sttart', known)).toBe("; did you mean 'start'?")
  expect(nearest('shaw', known)).toBe("; did you mean 'show'?")
  expect(nearest('satrt', known)).toBe("; did you mean 'start'?")
  expect(nearest('wait', known, '--')).toBe('')
  expect(nearest('', known)).toBe('')
})

test('survivors: why each is left, in words', () => {
  const process = {
    pid: 7,
    command: 'a\u001b[31m',
    ppid: 1,
    pgid: 7,
    sid: 7,
    tty: null,
    tpgid: null,
  }
  const rest = { state: 'S', uid: 0, startedAt: new Date(0) }
  const say = (reason: string) =>
    survivorInWords({ ...process, ...rest, reason } as Parameters<typeof survivorInWords>[0])
  for (const reason of [
    'EPERM',
    'uninterruptible',
    'traced',
    'frozen',
    'ignored',
    'not-signalled',
  ]) {
    expect(say(reason)).toMatch(/^7 a\\u\{1b\}\[31m is left: \w.* .*$/)
    expect(say(reason)).not.toContain(`: ${reason}`)
  }
})

test('help: of all, of a command by two ways; nothing is started', () => {
  for (const front of both) {
    const overview = sess(front, ['help']).out
    expect(overview).toContain('sess kill')
    expect(sess(front, ['--help']).out).toBe(overview)
    expect(sess(front, []).out).toBe(overview)
    const { status, out } = sess(front, ['run', '--wait', '--help', '--', 'false'])
    expect({ status, out }).toEqual({ status: 0, out: sess(front, ['help', 'run']).out })
    expect(sess(front, ['--version']).out).toMatch(/^\d+\.\d+\.\d+\S*\n$/)
  }
})
