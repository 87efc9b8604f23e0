// The programs of docs/running.md, run as they stand there.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach, expect, test } from 'vitest'
import { openFolder } from '../helpers/folder.ts'
import { isLive, node, track, until } from '../helpers/process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const guide = readFileSync(join(root, 'docs/running.md'), 'utf8')
const programs = [...guide.matchAll(/^```js\n([^]*?)^```/gm)].map(([, text = '']) => text)
const [first = '', runner = '', shell = '', servers = ''] = programs

let folder: string

/** Writes a file beside the package; its path. */
function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

beforeEach(() => {
  folder = openFolder()
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/setsid'))
})

test('there are four, of at most 15 lines', () => {
  expect(programs).toHaveLength(4)
  for (const text of programs) expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(15)
})

test('the first one', () => {
  const began = performance.now()
  const { stdout } = spawnSync(node, [write('first.mjs', first)])
  expect(stdout.toString()).toBe("0 done\n\nsleep [ 'stdout', 'stderr' ]\n")
  expect(performance.now() - began).toBeLessThan(20_000)
})

test('an agent’s shell tool', () => {
  const tool = write('tool.mjs', shell)
  const tell = (command: string) => spawnSync(node, [tool, command]).stdout.toString()
  expect(tell('echo x; exit 3')).toBe('x\n\n(ended by exit code 3)\n')
  expect(tell('sleep 100 & echo $!')).toMatch(
    /^(\d+)\n\n\(ended by exit code 0\)\n\(still running: \1 sleep\)\n$/,
  )
  expect(tell('head -c 100000 /dev/zero; kill -9 $$')).toMatch(
    /\n\(70000 bytes in the middle are left out\)\n\(ended by SIGKILL\)\n$/,
  )
})

test('a test runner with a limit', () => {
  const files = [
    write('good.mjs', 'console.log(1)'),
    write('bad.mjs', 'throw new Error("bad")'),
    write('endless.mjs', 'setInterval(() => undefined, 1000)'),
    write(
      'leaving.mjs',
      `import { spawn } from 'node:child_process'
      spawn('sleep', ['100'], { detached: true, stdio: 'ignore' }).unref()`,
    ),
  ]
  const { stdout, status } = spawnSync(node, [write('runner.mjs', runner), ...files])
  expect(status).toBe(1)
  const lines = stdout.toString().split('\n')
  const told = files.map(
    (file) => lines.find((line) => line.startsWith(`${file}:`))?.split(': ')[1],
  )
  expect(told.map((text) => text?.trim())).toEqual([
    'passed',
    'failed',
    'timed out',
    'left 1 running',
  ])
})

test('a dev runner of three servers', async () => {
  const dev = write('dev.mjs', servers)
  const server = 'echo up $$; sleep 100 & wait'
  for (const end of ['Ctrl-C', 'one that ends', 'SIGKILL']) {
    const child = spawn(node, [dev, server, server, end === 'one that ends' ? 'sleep 3' : server])
    track(child.pid ?? 0)
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    const pids = () => [...text.matchAll(/^\d \| up (\d+)$/gm)].map(([, pid]) => Number(pid))
    await until(() => pids().length === (end === 'one that ends' ? 2 : 3))
    track(...pids())
    if (end === 'Ctrl-C') child.kill('SIGINT')
    if (end === 'SIGKILL') child.kill('SIGKILL')
    await until(() => child.exitCode !== null || child.signalCode !== null)
    await until(() => !pids().some(isLive))
    if (end === 'Ctrl-C') expect(text).toMatch(/^1 has ended: SIGTERM$/m)
    if (end === 'one that ends') expect(text).toMatch(/^3 has ended: 0$/m)
  }
})
