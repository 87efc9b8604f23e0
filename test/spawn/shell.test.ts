// The example shell, on a real terminal, as somebody at a keyboard would use it.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { openFolder } from '../helpers/folder.ts'
import { forEachKind } from '../helpers/kinds.ts'
import { fixturePath, node, ps, until } from '../helpers/process.ts'
import { openTerminal, type Terminal } from '../helpers/pty.ts'
import { membersOf } from '../helpers/table.ts'

const example = readFileSync(new URL('../../examples/shell.ts', import.meta.url), 'utf8')

/** The example, with children of the kind that is asked for. */
async function startShell(): Promise<Terminal> {
  const shell = join(openFolder(), 'shell.mts')
  const kind = pathToFileURL(fixturePath('kind.mjs')).href
  const text = example
    .replace(/(import \{.*)(\} from) 'setsid'/, `$1, pidOf $2 '${kind}'`)
    .replaceAll('child.pid', 'pidOf(child)')
  writeFileSync(shell, text)
  const terminal = openTerminal(node, ['--import', 'tsx', shell])
  await terminal.expect(/shell\$ /)
  return terminal
}

/** Types a command and waits for its output and the next prompt. */
async function say(terminal: Terminal, command: string, output: RegExp): Promise<string> {
  terminal.type(`${command}\r`)
  const [text] = await terminal.expect(output)
  await terminal.expect(/shell\$ /)
  return text
}

/** The foreground process group of the shell's terminal. */
const holder = (terminal: Terminal) => ps(terminal.pid).tpgid

forEachKind('jobs', () => {
  test('programs, pipelines of five and exit codes', async () => {
    const terminal = await startShell()
    await say(terminal, 'echo hello', /\nhello\r/)
    await say(terminal, "printf 'b\\na\\nb\\n' | sort | uniq | tr a-z A-Z | cat", /\nA\r\nB\r/)
    await say(terminal, 'false', /\n/)
    await say(terminal, 'echo $?', /\n1\r/)
    await say(terminal, "sh -c 'exit 7'", /\n/)
    await say(terminal, 'echo $?', /\n7\r/)
    await say(terminal, 'no-such-command', /no-such-command: command not found/)
    await say(terminal, 'echo $?', /\n127\r/)
    // The writer is ended by its reader's end.
    await say(terminal, 'yes | head -n 1', /\ny\r/)
    terminal.type('exit 5\r')
    expect((await terminal.ended).exitCode).toBe(5)
  })

  test('quotes keep blanks and bars, and what is no command starts nothing', async () => {
    const terminal = await startShell()
    await say(terminal, `echo "a  b" 'c | d'e '' f`, /\na {2}b c \| de {2}f\r/)
    await say(terminal, "echo 'open", /\nsyntax error: no second '/)
    for (const command of ['cat |', '| cat', 'cat | | cat', '&']) {
      await say(terminal, command, /\nsyntax error: a command is missing/)
      expect(holder(terminal)).toBe(terminal.pid)
    }
    // For this one Node throws.
    await say(terminal, 'echo seen | cat | /etc/passwd/x', /ENOTDIR/)
    await say(terminal, 'echo $?', /\n1\r/)
    await say(terminal, '/etc/passwd/x | wc -c', /\n0\r/)
    await say(terminal, 'jobs', /\n/)
    expect(holder(terminal)).toBe(terminal.pid)
  })

  test('a program reads from the terminal, in its usual modes, and the shell reads again', async () => {
    const terminal = await startShell()
    terminal.type('head -n 1\r')
    await until(() => holder(terminal) !== terminal.pid)
    terminal.type('a line\n')
    await terminal.expect(/a line\r\na line\r/)
    await terminal.expect(/shell\$ /)
    expect(holder(terminal)).toBe(terminal.pid)
    await say(terminal, 'echo still here', /\nstill here\r/)
  })

  test('Ctrl-C ends the job and not the shell', async () => {
    const terminal = await startShell()
    terminal.type('sleep 60 | cat\r')
    await until(() => holder(terminal) !== terminal.pid)
    const group = holder(terminal)
    expect(ps(group)).toMatchObject({ pgid: group, sid: terminal.pid })
    terminal.type('\x03')
    await terminal.expect(/shell\$ /)
    await say(terminal, 'echo $?', /\n130\r/)
    expect(holder(terminal)).toBe(terminal.pid)
  })

  test('Ctrl-C right behind a command, in one go: it is not begun', async () => {
    const terminal = await startShell()
    terminal.type('sleep 60\r\x03')
    await terminal.expect(/sleep 60[^$]*shell\$ /)
    await say(terminal, 'echo $?', /\n130\r/)
    expect(terminal.output()).not.toContain('> ')
  })

  test('Ctrl-Z, jobs, bg, fg and Ctrl-C', async () => {
    const terminal = await startShell()
    terminal.type('sleep 60 | cat\r')
    await until(() => holder(terminal) !== terminal.pid)
    const group = holder(terminal)
    // A member that comes after Ctrl-Z is not stopped by it.
    await until(() => membersOf(group).length === 2)
    terminal.type('\x1a')
    await terminal.expect(/\[1\] Stopped {2}sleep 60 \| cat/)
    await terminal.expect(/shell\$ /)
    await say(terminal, 'echo $?', /\n148\r/)
    expect(ps(group).stat).toMatch(/^T/)
    await say(terminal, 'jobs', /\n\[1\] Stopped {2}sleep 60 \| cat/)
    await say(terminal, 'bg', /\n\[1\] sleep 60 \| cat &/)
    await until(() => ps(group).stat.startsWith('S'))
    expect(holder(terminal)).toBe(terminal.pid)
    await say(terminal, 'jobs', /\n\[1\] Running {2}sleep 60 \| cat/)
    terminal.type('fg %1\r')
    await until(() => holder(terminal) === group)
    terminal.type('\x1a')
    await terminal.expect(/\[1\] Stopped/)
    await terminal.expect(/shell\$ /)
    terminal.type('fg\r')
    await until(() => holder(terminal) === group)
    terminal.type('\x03')
    await terminal.expect(/shell\$ /)
    await say(terminal, 'echo $?', /\n130\r/)
    await say(terminal, 'jobs; echo', /\n/)
  })

  test('Ctrl-Z, fg and Ctrl-C of a pipeline whose first member has ended', async () => {
    const terminal = await startShell()
    terminal.type('true | sleep 60\r')
    await until(() => holder(terminal) !== terminal.pid)
    const group = holder(terminal)
    await until(() => membersOf(group).length === 1 && !membersOf(group).includes(group))
    terminal.type('\x1a')
    await terminal.expect(/\[1\] Stopped {2}true \| sleep 60/)
    await terminal.expect(/shell\$ /)
    terminal.type('fg\r')
    await until(() => holder(terminal) === group)
    terminal.type('\x03')
    await terminal.expect(/shell\$ /)
    await say(terminal, 'echo $?', /\n130\r/)
  })

  test('&: the job runs behind the prompt, and its end is told', async () => {
    const terminal = await startShell()
    await say(terminal, 'sleep 0.3 &', /\n\[1\] \d+/)
    await say(terminal, 'echo at once', /\nat once\r/)
    await say(terminal, 'sleep 0.6', /\[1\] Done {5}sleep 0.3/)
  })

  test('a job in the background that reads is stopped, and reads after fg', async () => {
    const terminal = await startShell()
    await say(terminal, 'head -n 1 &', /\n\[1\] \d+/)
    await until(async () => {
      await say(terminal, 'jobs', /\n\[1\] (Running|Stopped)/)
      return terminal.output().includes('Stopped  head -n 1')
    })
    terminal.type('fg\r')
    await until(() => holder(terminal) !== terminal.pid)
    terminal.type('typed\n')
    await terminal.expect(/typed\r\ntyped\r/)
    await terminal.expect(/shell\$ /)
  })

  test('Ctrl-C and Ctrl-Z at the prompt do nothing, Ctrl-D ends the shell', async () => {
    const terminal = await startShell()
    terminal.type('half a command\x03')
    await terminal.expect(/\^C\r\n.*shell\$ /)
    terminal.type('\x1a')
    await say(terminal, 'echo fine', /\nfine\r/)
    terminal.type('\x04')
    expect((await terminal.ended).exitCode).toBe(0)
  })
})
