// The programs of the guides that want more than to be started: a terminal, a key, an argument. See programs.test.ts.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { guides } from '../helpers/pages.ts'
import { isLive, node, ps, track, until } from '../helpers/process.ts'
import { broken, openProject, projectEnv, runProgram, write } from '../helpers/program.ts'
import { openTerminal, type Terminal } from '../helpers/pty.ts'
import { need } from '../helpers/tools.ts'

/** A test of the block with this mark. */
function special(name: string, run: (text: string, language: string) => Promise<void>): void {
  test(name, async () => {
    const found = guides
      .flatMap((page) => page.blocks)
      .filter(({ mark }) => mark === `run: ${name}`)
    expect(found).toHaveLength(1)
    const [{ text, language } = { text: '', language: '' }] = found
    await run(text, language)
  })
}

/** A program on a terminal, below an interactive bash. */
async function atPrompt(text: string, folder = openProject()): Promise<Terminal> {
  const env = projectEnv(folder) as Record<string, string>
  const args = ['--norc', '--noprofile', '-i']
  const terminal = openTerminal('bash', args, { cwd: folder, env: { ...env, PS1: 'prompt> ' } })
  await terminal.expect(/prompt> /)
  terminal.type(`node ${write(folder, 'js', text)}\r`)
  return terminal
}

/** What a program prints on its terminal, by line. */
const printed = (terminal: Terminal) => terminal.output().replaceAll('\r\n', '\n')

special('at a prompt', async (text) => {
  const folder = openProject()
  const terminal = await atPrompt(text, folder)
  const log = join(folder, 'app.log')
  // The prompt may have come before, and has no end of a line.
  const all = () => `${printed(terminal)}\n${existsSync(log) ? readFileSync(log, 'utf8') : ''}`
  await until(() => broken(text, all()).length === 0).catch(() => {
    expect(broken(text, all()), all()).toEqual([])
  })
})

special('a pipeline with less, and q', async (text) => {
  need('less')
  need('ps')
  const terminal = await atPrompt(text)
  await terminal.expect(/PID.*CMD/)
  terminal.type('q')
  await terminal.expect(/prompt> /)
})

special('cat, and the end of its input', async (text) => {
  const terminal = await atPrompt(text)
  await until(() => ps(ps(terminal.pid).tpgid).comm === 'cat')
  terminal.type('typed\r')
  await terminal.expect(/typed\r\ntyped/)
  terminal.type('\x04')
  await terminal.expect(/prompt> /)
})

special('an editor', async (text) => {
  expect(text.split('\n').length).toBeLessThan(16)
  const folder = openProject()
  const editor = join(folder, 'editor')
  writeFileSync(editor, '#!/bin/sh\nread line\necho "$line" > "$1"\n', { mode: 0o755 })
  const env = { ...projectEnv(folder), EDITOR: editor, TMPDIR: folder } as Record<string, string>
  const terminal = openTerminal(node, [write(folder, 'js', text)], { cwd: folder, env })
  await until(() => ps(terminal.pid).tpgid !== terminal.pid)
  terminal.type('edited\n')
  await terminal.expect(/Message: edited/)
  expect((await terminal.ended).exitCode).toBe(0)
})

special('an agent’s shell tool', async (text, language) => {
  const tell = async (command: string) => {
    const { ended, output } = runProgram(language, text, { args: [command] })
    await ended
    return output()
  }
  expect(await tell('echo x; exit 3')).toBe('x\n\n(ended by exit code 3)\n')
  expect(await tell('sleep 100 & echo $!')).toMatch(
    /^(\d+)\n\n\(ended by exit code 0\)\n\(still running: \1 sleep\)\n$/,
  )
  expect(await tell('head -c 100000 /dev/zero; kill -9 $$')).toMatch(
    /\n\(70000 bytes in the middle are left out\)\n\(ended by SIGKILL\)\n$/,
  )
})

special('a test runner with a limit', async (text, language) => {
  const folder = openProject()
  mkdirSync(join(folder, 'tests'))
  const programs = [
    'console.log(1)',
    'throw new Error("bad")',
    'setInterval(() => undefined, 1000)',
    `import { spawn } from 'node:child_process'
    spawn('sleep', ['100'], { detached: true, stdio: 'ignore' }).unref()`,
  ]
  const args = programs.map((program, i) => write(folder, 'js', program, `tests/${i}`))
  const { ended, output } = runProgram(language, text, { args, folder })
  expect(await ended).toBe(1)
  const lines = output().split('\n')
  const told = args.map((file) => lines.find((line) => line.startsWith(`${file}:`)))
  expect(told.map((line) => line?.split(': ')[1]?.trim())).toEqual([
    ...['passed', 'failed', 'timed out', 'left 1 running'],
  ])
})

special('a dev runner of three servers', async (text, language) => {
  const server = 'echo up $$; sleep 100 & wait'
  for (const end of ['Ctrl-C', 'one that ends', 'SIGKILL']) {
    const args = [server, server, end === 'one that ends' ? 'sleep 3' : server]
    const { child, ended, output } = runProgram(language, text, { args })
    const pids = () => [...output().matchAll(/^\d \| up (\d+)$/gm)].map(([, pid]) => Number(pid))
    await until(() => pids().length === (end === 'one that ends' ? 2 : 3))
    track(...pids())
    if (end === 'Ctrl-C') child.kill('SIGINT')
    if (end === 'SIGKILL') child.kill('SIGKILL')
    await ended
    await until(() => !pids().some(isLive))
    if (end === 'Ctrl-C') expect(output()).toMatch(/^1 has ended: SIGTERM$/m)
    if (end === 'one that ends') expect(output()).toMatch(/^3 has ended: 0$/m)
  }
})
