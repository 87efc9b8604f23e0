// `sess watch`, on real terminals.
import { execFileSync, spawnSync } from 'node:child_process'
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isLive, node, ps, start, track, until } from '../helpers/process.ts'
import { openTerminal, type Terminal } from '../helpers/pty.ts'
import { fronts, sess } from '../helpers/sess.ts'
import { need } from '../helpers/tools.ts'

const [front] = fronts['bin/sess']
const env = { ...process.env, TERM: 'xterm-256color', NO_COLOR: '1' }
const esc = String.fromCharCode(27)
const ENTER = `${esc}[?1049h${esc}[?25l${esc}[?7l`
const LEAVE = `${esc}[?7h${esc}[?25h${esc}[?1049l`

const literally = (text: string) => new RegExp(text.replace(/[[\]?]/g, '\\$&'))

/** The modes of a terminal, as stty has them. */
const modes = ({ pid }: Terminal) =>
  execFileSync('stty', ['-g', '-F', `/dev/${ps(pid).tty}`]).toString()

const isRaw = (terminal: Terminal) =>
  execFileSync('stty', ['-a', '-F', `/dev/${ps(terminal.pid).tty}`])
    .toString()
    .includes('-icanon')

/** What the screen shows, by the last whole picture. */
function picture(text: string): string[] {
  const whole = text.slice(0, text.lastIndexOf(`${esc}[?2026l`))
  const last = whole.slice(whole.lastIndexOf(`${esc}[?2026h`))
  const controls = new RegExp(`${esc}\\[[0-9;?]*[a-zA-Z]`, 'g')
  return last.replace(controls, '').split(/\r+\n/)
}

/** A shell that runs `line`, says what it ended with, and waits. */
function watching(line = 'watch', options: { cols?: number; rows?: number } = {}): Terminal {
  const script = `sess=$1; echo READY; read go; ${line.replace('watch', '$sess watch')}; echo "ended $?"; read go`
  return openTerminal('bash', ['--norc', '-c', script, 'bash', front], { env, ...options })
}

/** Starts it, and gives its pid when it has drawn. */
async function begin(terminal: Terminal): Promise<number> {
  await terminal.expect(/READY/)
  const before = modes(terminal)
  terminal.type('\r')
  await terminal.expect(literally(ENTER))
  await terminal.expect(/\d+ sessions? /)
  expect(isRaw(terminal)).toBe(true)
  const [pid] = children(terminal.pid)
  if (pid === undefined) throw new Error('no sess')
  track(pid)
  expect(modes(terminal)).not.toBe(before)
  return pid
}

const children = (pid: number): number[] =>
  execFileSync('sh', ['-c', `cat /proc/${pid}/task/${pid}/children`])
    .toString()
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number)

/** That the terminal is as it was. */
async function expectRestored(terminal: Terminal, ended: RegExp): Promise<void> {
  await terminal.expect(literally(LEAVE))
  await terminal.expect(ended)
  expect(isRaw(terminal)).toBe(false)
  const after = terminal.output().slice(terminal.output().lastIndexOf(LEAVE) + LEAVE.length)
  expect(after).not.toContain(`${esc}[?`)
}

describe('sess watch', () => {
  test('draws in place what begins and ends, and q ends it', async () => {
    const { pid: subject, child } = start('sleep', ['1234567'], { detached: true })
    const terminal = watching('watch --interval 0.2', { cols: 80, rows: 2000 })
    await begin(terminal)
    const line = () => picture(terminal.output()).find((text) => text.includes('sleep 1234567'))
    await until(() => (line() ?? '').includes(' 0.0 '))
    expect(line()).toMatch(
      new RegExp(`└─ +${subject} +\\S+ +0\\.0 +\\S+ {2}sleep 1234567 {2}\\(session leader\\)$`),
    )
    child.kill('SIGKILL')
    await until(() => line() === undefined)
    const { pid: other } = start('sleep', ['7654321'], { detached: true })
    await until(() => picture(terminal.output()).some((text) => text.includes(`${other} `)))
    // It has entered once, and scrolled nothing.
    expect(terminal.output().split(ENTER)).toHaveLength(2)
    terminal.type('q')
    await expectRestored(terminal, /ended 0/)
  })

  test('leaves itself out, and a busy process has its share', async () => {
    const { pid: busy } = start('sh', ['-c', 'while :; do :; done'], { detached: true })
    const terminal = watching(`watch --pid ${busy} --interval 0.5`)
    const pid = await begin(terminal)
    const line = () => picture(terminal.output()).find((text) => text.includes('while :;'))
    const share = () => / \d+ +\S+ +([\d.]+) +\S+ {2}sh -c/.exec(line() ?? '')?.[1]
    await until(() => Number(share()) > 5)
    expect(picture(terminal.output())[0]).toMatch(/^sess watch .* 1 session {2}1 process /)
    expect(picture(terminal.output()).join('\n')).not.toContain(String(pid))
    terminal.type('q')
    await expectRestored(terminal, /ended 0/)
  })

  test('Ctrl-C ends it as SIGINT does, Ctrl-\\ as SIGQUIT', async () => {
    for (const [key, code] of [
      ['\u0003', 130],
      ['\u001c', 131],
    ] as const) {
      // A shell that has seen its child die of SIGINT dies too: a subshell does it.
      const terminal = watching('(exec watch)')
      await begin(terminal)
      terminal.type(key)
      await expectRestored(terminal, new RegExp(`ended ${code}`))
    }
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGQUIT', 131],
    ['SIGUSR2', 140],
  ] as const)('%s: the terminal is restored, and it ends by it', async (signal, code) => {
    const terminal = watching('(exec watch)')
    process.kill(await begin(terminal), signal)
    await expectRestored(terminal, new RegExp(`ended ${code}`))
  })

  test('an exception: the terminal is restored, and one line says why', async () => {
    const bug = 'process.on("SIGUSR2", () => { throw new Error("a bug") })'
    const terminal = watching(
      `NODE_OPTIONS='--import=data:text/javascript,${encodeURIComponent(bug)}' watch`,
    )
    process.kill(await begin(terminal), 'SIGUSR2')
    await expectRestored(terminal, /sess: a bug\r\nended 1/)
  })

  test('a look that fails: the terminal is restored, and one line says why', async () => {
    need('prlimit')
    const terminal = watching('watch --interval 0.2')
    const pid = await begin(terminal)
    execFileSync('prlimit', ['--pid', String(pid), '--nofile=3:3'])
    await expectRestored(terminal, /sess: too many open files\r\nended 1/)
  })

  test('a change of size: the picture has it at once', async () => {
    const terminal = watching('watch --interval 1000', { cols: 120, rows: 30 })
    await begin(terminal)
    await until(() => picture(terminal.output()).length > 1)
    const widest = () => Math.max(...picture(terminal.output()).map((line) => line.length))
    expect(widest()).toBe(120)
    terminal.pty.resize(60, 10)
    await until(() => widest() === 60)
    expect(picture(terminal.output()).length).toBeLessThanOrEqual(10)
    terminal.pty.resize(100, 5)
    await until(() => widest() === 100)
    terminal.type('q')
    await expectRestored(terminal, /ended 0/)
  })

  test('keys scroll, up to both ends', async () => {
    const terminal = watching('watch --interval 1000', { cols: 100, rows: 6 })
    await begin(terminal)
    const range = () => {
      const found = /lines (\d+) to (\d+) of (\d+)/.exec(picture(terminal.output())[0] ?? '')
      return found?.slice(1).map(Number) ?? []
    }
    await until(() => range().length === 3)
    const [, , all = 0] = range()
    const at = async (keys: string, first: number) => {
      terminal.type(keys)
      await until(() => range()[0] === first)
      expect(range()[1]).toBe(first + 3)
    }
    await at('j', 2)
    await at(`${esc}[B`, 3)
    await at('k', 2)
    await at(`${esc}[6~`, 6)
    await at(`${esc}[5~${esc}[A`, 1)
    await at('kkk', 1)
    await at('G', all - 3)
    await at('jjj', all - 3)
    await at(`${esc}[H`, 1)
    terminal.type('q')
    await expectRestored(terminal, /ended 0/)
  })

  test('where no terminal is, one line', () => {
    for (const name of Object.keys(fronts) as (keyof typeof fronts)[]) {
      expect(sess(name, ['watch'])).toEqual({
        ...{ status: 1, signal: null, out: '' },
        err: 'sess: watch needs a terminal, as standard input and output\n',
      })
    }
  })

  test.each(['$sess watch </dev/null', '$sess watch | cat', 'TERM=dumb $sess watch'])(
    'on a terminal: %s',
    async (line) => {
      const terminal = openTerminal('bash', ['-c', `sess=$1; ${line}; echo END`, 'bash', front], {
        env,
      })
      const [text] = await terminal.expect(/[^]*END/)
      expect(text).toMatch(/^sess: watch (needs a terminal|can't draw here: ).*\r\nEND$/)
    },
  )
})

describe('sess watch and job control', () => {
  const shell = async () => {
    const path = `${dirname(front)}:${dirname(node)}:${process.env['PATH']}`
    const terminal = openTerminal('bash', ['--norc', '--noprofile', '-i'], {
      env: { ...env, PATH: path, PS1: 'PROMPT ' },
    })
    await terminal.expect(/PROMPT /)
    return terminal
  }
  const job = async (terminal: Terminal) => {
    await until(() => children(terminal.pid).length === 1)
    const [pid = 0] = children(terminal.pid)
    track(pid)
    return pid
  }

  test('Ctrl-Z gives the terminal back, fg draws again', async () => {
    const terminal = await shell()
    const prompt = modes(terminal)
    terminal.type('sess watch\r')
    await terminal.expect(/\d+ sessions? /)
    const pid = await job(terminal)
    terminal.type('\u001a')
    await terminal.expect(literally(LEAVE))
    await terminal.expect(/Stopped[^]*PROMPT /)
    expect(ps(pid).stat).toMatch(/^T/)
    await until(() => modes(terminal) === prompt)
    terminal.type('fg\r')
    await terminal.expect(literally(ENTER))
    await terminal.expect(/\d+ sessions? /)
    expect(isRaw(terminal)).toBe(true)
    // The same by a signal from elsewhere.
    process.kill(pid, 'SIGTSTP')
    await terminal.expect(/Stopped[^]*PROMPT /)
    terminal.type('fg\r')
    await terminal.expect(/\d+ sessions? /)
    terminal.type('q')
    await terminal.expect(/PROMPT /)
    await until(() => modes(terminal) === prompt)
  })

  test('in the background it stops and draws nothing, also after bg', async () => {
    const terminal = await shell()
    terminal.type('sess watch &\r')
    const pid = await job(terminal)
    await until(() => ps(pid).stat.startsWith('T'))
    terminal.type('bg\r')
    await terminal.expect(/sess watch &\r\n/)
    await until(() => ps(pid).stat.startsWith('T'))
    terminal.type('echo AL""L\r')
    const [text] = await terminal.expect(/[^]*ALL/)
    expect(text).not.toContain(ENTER)
    terminal.type('fg\r')
    await terminal.expect(literally(ENTER))
    await terminal.expect(/\d+ sessions? /)
    terminal.type('q')
    await terminal.expect(/PROMPT /)
  })

  test('kill of a stopped job ends it', async () => {
    const terminal = await shell()
    terminal.type('sess watch\r')
    await terminal.expect(/\d+ sessions? /)
    const pid = await job(terminal)
    terminal.type('\u001a')
    await terminal.expect(/Stopped[^]*PROMPT /)
    terminal.type('kill %1\r')
    await until(() => !isLive(pid))
  })

  test('SIGSTOP and fg: the modes that the shell has changed are set again', async () => {
    const terminal = await shell()
    terminal.type('sess watch\r')
    await terminal.expect(/\d+ sessions? /)
    const pid = await job(terminal)
    process.kill(pid, 'SIGSTOP')
    await terminal.expect(/Stopped/)
    terminal.type('fg\r')
    await terminal.expect(literally(ENTER))
    await until(() => isRaw(terminal))
    terminal.type('q')
    await terminal.expect(/PROMPT /)
  })

  test('Ctrl-Z where nobody could continue it: it goes on', async () => {
    // A session leader of its own: its process group is orphaned.
    const terminal = openTerminal(front, ['watch', '--interval', '1000'], { env })
    await terminal.expect(/\d+ sessions? /)
    terminal.type('\u001a')
    await terminal.expect(literally(ENTER))
    await terminal.expect(/\d+ sessions? /)
    terminal.type('q')
    expect(await terminal.ended).toMatchObject({ exitCode: 0 })
  })

  test('the terminal goes away: so does it, also with SIGHUP ignored', async () => {
    for (const trap of ['', `trap '' HUP; `]) {
      const terminal = openTerminal('bash', ['-c', `${trap}exec "$0" watch`, front], { env })
      await terminal.expect(/\d+ sessions? /)
      terminal.close()
      await until(() => !isLive(terminal.pid))
    }
  })

  test('below a program that waits for it, Ctrl-Z stops both', async () => {
    const terminal = await shell()
    terminal.type(`sh -c 'sess watch; echo ended $?'\r`)
    await terminal.expect(/\d+ sessions? /)
    const pid = await job(terminal)
    terminal.type('\u001a')
    await terminal.expect(/Stopped[^]*PROMPT /)
    expect(ps(pid).stat).toMatch(/^T/)
    terminal.type('fg\r')
    await terminal.expect(/\d+ sessions? /)
    terminal.type('q')
    await terminal.expect(/ended 0/)
  })
})

test('in tmux: the screen is as before when it has ended', async () => {
  need('tmux')
  const name = `setsid-watch-${process.pid}`
  const tmux = (...args: string[]) =>
    spawnSync('tmux', ['-L', name, '-f', '/dev/null', ...args], { encoding: 'utf8' }).stdout
  tmux('new-session', '-d', '-x', '80', '-y', '20', `env PS1='$ ' sh`)
  try {
    const screen = () => tmux('capture-pane', '-p')
    track(Number(tmux('display-message', '-p', '#{pid}')))
    await until(() => screen().includes('$'))
    tmux('send-keys', 'echo one; echo two', 'Enter')
    await until(() => screen().includes('two\n$'))
    const before = screen()
    tmux('send-keys', `${front} watch`, 'Enter')
    await until(() => screen().startsWith('sess watch'))
    const lines = screen().split('\n')
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
    tmux('send-keys', 'q')
    await until(() => !screen().startsWith('sess watch'))
    expect(screen().split('\n').slice(0, 3)).toEqual(before.split('\n').slice(0, 3))
    expect(tmux('display-message', '-p', '#{cursor_flag} #{alternate_on}').trim()).toBe('1 0')
  } finally {
    tmux('kill-server')
  }
})
