// What the launcher costs, and how soon a command is back with a service that is
// ready. Ratios of medians, taken in turns in one run.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const launcher = join(here, '../build/Release/launcher')
const folder = mkdtempSync(join(tmpdir(), 'setsid-bench-'))
const told = join(folder, 'pid')
const rounds = Number(process.env['ROUNDS'] ?? 25)
const node = process.execPath

/** The same work in each: a server that listens, told by a file with its pid. */
const service = (imports: string, become: string) => `${imports}
import http from 'node:http'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
const server = http.createServer((_, response) => response.end('x')).listen(0, '127.0.0.1')
await once(server, 'listening')
${become}
writeFileSync(process.argv[2], String(process.pid))`

const programs: Record<string, string> = {
  plain: service('', 'process.exit(0)'),
  late: service("import { daemonize } from 'setsid'", 'await daemonize()'),
  peer: service("import { daemonizeProcess } from 'daemonize-process'", 'daemonizeProcess()'),
}
// Beside this file, where the packages are found by their names.
const path = (name: string) => join(here, `.${name}.mjs`)
for (const [name, text] of Object.entries(programs)) writeFileSync(path(name), text)

function pidTold(): number {
  try {
    return Number(readFileSync(told, 'utf8'))
  } catch {
    return 0
  }
}

/** Milliseconds until the command is back and, for a daemon, the service is there. */
function time(command: string[], daemon: boolean): number {
  rmSync(told, { force: true })
  const [file = '', ...args] = command
  const began = performance.now()
  const { status } = spawnSync(file, [...args, told], { stdio: 'ignore' })
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}`)
  while (daemon && pidTold() < 2);
  const elapsed = performance.now() - began
  if (daemon) process.kill(pidTold(), 'SIGKILL')
  return elapsed
}

const ways: Record<string, [command: string[], daemon: boolean]> = {
  node: [[node, path('plain')], false],
  'launcher, node': [[launcher, 'launch', '--', node, path('plain')], false],
  'launcher, late daemonize()': [[launcher, 'launch', '--', node, path('late')], true],
  'daemonize() by restart': [[node, path('late')], true],
}
const peer = spawnSync(node, ['-e', "import('daemonize-process')"], { cwd: here }).status === 0
if (peer) ways['npm daemonize-process'] = [[node, path('peer')], true]

const times = new Map<string, number[]>(Object.keys(ways).map((name) => [name, []]))
for (let round = -2; round < rounds; round++) {
  for (const [name, [command, daemon]] of Object.entries(ways)) {
    const ms = time(command, daemon)
    if (round >= 0) times.get(name)?.push(ms)
  }
}
for (const name of Object.keys(programs)) rmSync(path(name))
rmSync(folder, { recursive: true })

const median = (list: number[]) => list.sort((a, b) => a - b)[list.length >> 1] ?? 0
const base = median(times.get('node') ?? [])
console.log('| until the command is back and the service is ready | ratio to node |\n|---|--:|')
for (const [name, list] of times) {
  console.log(`| ${name} | ${(median(list) / base).toFixed(2)}x |`)
}
if (!peer) console.log('\nnpm daemonize-process is not installed: not compared')
