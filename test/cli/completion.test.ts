// `sess completion`, in the shells themselves.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openFolder } from '../helpers/folder.ts'
import { node, ps, start, until } from '../helpers/process.ts'
import { openTerminal } from '../helpers/pty.ts'
import { fronts, sess } from '../helpers/sess.ts'
import { need } from '../helpers/tools.ts'

const [front] = fronts['bin/sess']
const env = { ...process.env, PATH: `${dirname(front)}:${dirname(node)}:${process.env['PATH']}` }

/** A script in a file, as the shells load it. */
function scriptOf(shell: string): string {
  const file = join(openFolder(), `completion.${shell}`)
  const { out, err, status } = sess('bin/sess', ['completion', shell])
  expect({ err, status }).toEqual({ err: '', status: 0 })
  writeFileSync(file, out)
  return file
}

function told(shell: string, args: string[]): string[] {
  const { stdout, stderr, status } = spawnSync(shell, args, { env, encoding: 'utf8' })
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  return stdout.split('\n').filter(Boolean)
}

/** What each shell proposes for the last word of a line. */
const shells: Record<string, (line: string) => Promise<string[]>> = {
  async bash(line) {
    need('bash')
    // As readline breaks the line: at blanks and at "=".
    const words = line.replaceAll('=', ' = ').split(/ +/)
    const script = `source "$1"; shift; complete -p sess >/dev/null || exit 9
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sess sess; printf '%s\\n' "\${COMPREPLY[@]}"`
    return told('bash', ['--norc', '-c', script, 'bash', scriptOf('bash'), ...words])
  },
  async fish(line) {
    need('fish')
    const script = `source ${scriptOf('fish')}; complete -C '${line}'`
    return told('fish', ['--no-config', '-c', script]).map((text) => text.split('\t')[0] ?? '')
  },
  async zsh(line) {
    need('zsh')
    const terminal = openTerminal('zsh', ['-f', '-i'], {
      cols: 120,
      rows: 200,
      env: { ...env, PS1: '%% ', HOME: openFolder() },
    })
    const ready = `autoload -U compinit; compinit -u -D; source ${scriptOf('zsh')}; echo RE""ADY`
    terminal.type(`${ready}\r`)
    await terminal.expect(/READY\r\n/)
    // Words of one description each on a line of their own, and all of them printed at once.
    terminal.type('zstyle \':completion:*\' list-grouped no; LISTMAX=1000; echo RE""ADY\r')
    await terminal.expect(/READY\r\n/)
    // Whatever the line becomes: what Tab inserts, and the list of the others, before the next prompt.
    terminal.type(`${line}\t`)
    terminal.type('\u0004\u0004')
    terminal.type('\u0005\u0015echo RE""ADY\r')
    const [text] = await terminal.expect(/[^]*READY\r\n/, 30_000)
    return words(text, line)
  },
}

/** The words that a terminal shows behind what was typed. */
function words(text: string, line: string): string[] {
  const controls = new RegExp(`${String.fromCharCode(27)}(\\[[0-9;?]*[a-zA-Z]|[=>])`, 'g')
  const plain = text.replace(controls, '').replaceAll('\u0007', '')
  const typed = line.split(' ').slice(0, -1).join(' ')
  return plain.replaceAll(typed, '').split(/[\s=]+/)
}

describe.each(Object.keys(shells))('%s', (shell) => {
  const proposed = async (line: string) => (await shells[shell]?.(line)) ?? []

  test.each<[string, string[], string[]]>([
    ['sess ', ['ls', 'run', 'completion', 'help'], ['--tty']],
    ['sess st', ['start', 'stop', 'status'], ['ls']],
    ['sess ls --', ['--tty', '--user', '--json', '--help'], ['--wait', 'tree']],
    ['sess run --', ['--wait', '--timeout'], ['--tty']],
    ['sess run --wait --g', ['--group'], ['--session']],
    ['sess run mkfif', ['mkfifo'], []],
    ['sess run --wait -- mkfif', ['mkfifo'], []],
    ['sess run --timeout 60 mkfif', ['mkfifo'], []],
    ['sess run cat --w', [], ['--wait']],
    ['sess kill --signal T', ['TERM'], ['HUP']],
    ['sess help sta', ['start', 'status'], ['stop']],
    ['sess completion ', ['bash', 'zsh', 'fish'], ['ls']],
    ['sess completion --values ', ['pid', 'group', 'session', 'tty'], []],
    ['sess start --user roo', ['root'], []],
    ['sess start --cwd /us', ['/usr/'], []],
  ])('%s', async (line, some, none) => {
    const found = (await proposed(line)).map((word) => word.replace(/^\/usr$/, '/usr/'))
    for (const word of some) expect(found).toContain(word)
    for (const word of none) expect(found).not.toContain(word)
  })

  test('processes, groups, sessions and terminals that there are', async () => {
    const { pid } = start('sleep', ['1000'], { detached: true })
    const holder = openTerminal('sleep', ['1000'])
    await until(() => ps(holder.pid).tty.startsWith('pts/'))
    const { tty } = ps(holder.pid)
    for (const line of ['show', 'kill', 'tree', 'wait', 'ls --pid']) {
      // All but the last digit: a list of all would be long.
      const begin = String(pid).slice(0, -1)
      expect(await proposed(`sess ${line} ${begin}`), line).toContain(String(pid))
    }
    for (const line of ['holders ', 'ls --tty ', 'ls -t ']) {
      expect(await proposed(`sess ${line}${tty.slice(0, -1)}`), line).toContain(tty)
    }
    expect((await proposed(`sess ls --tty=${tty.slice(0, -1)}`)).join(' ')).toContain(tty)
  })
})

test('bash: Tab completes a command, an option and a value with "="', async () => {
  const terminal = openTerminal('bash', ['--norc', '--noprofile', '-i'], {
    env: { ...env, PS1: '$ ', INPUTRC: '/dev/null' },
  })
  terminal.type(`source ${scriptOf('bash')}; echo RE""ADY\r`)
  await terminal.expect(/READY\r\n/)
  const { tty } = ps(terminal.pid)
  terminal.type('echo sess; sess comp\t')
  await terminal.expect(/sess completion /)
  terminal.type('\u0015sess ls --us\t')
  await terminal.expect(/sess ls --user /)
  terminal.type(`\u0015sess ls --tty=${tty}\t`)
  await terminal.expect(new RegExp(`sess ls --tty=${tty} `))
})

test('completion --values: a word a line, and behind a tab what it stands for', () => {
  const { pid } = start('sleep', ['1000'], { detached: true })
  for (const kind of ['pid', 'group', 'session']) {
    const { out } = sess('bin/sess', ['completion', '--values', kind])
    expect(out.split('\n')).toContain(`${pid}\tsleep 1000`)
  }
})
