// What the launcher costs, and how soon a command is back with a service that is
// ready: each beside a plain start of Node in the same moment.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const launcher = join(here, '../build/Release/launcher')
const folder = mkdtempSync(join(tmpdir(), 'setsid-bench-'))
const told = join(folder, 'pid')
const ROUNDS = 60
const WARM_UP = 3
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

const ways: Record<string, [command: string[], daemon: boolean, limit?: number]> = {
  // How far from 1 this is, is how far the others can be trusted.
  'node again': [[node, path('plain')], false],
  'launcher, node': [[launcher, 'launch', '--', node, path('plain')], false, 1.05],
  'launcher, late daemonize()': [[launcher, 'launch', '--', node, path('late')], true, 1.15],
  'daemonize() by restart': [[node, path('late')], true],
}
const peer = spawnSync(node, ['-e', "import('daemonize-process')"], { cwd: here }).status === 0
if (peer) ways['npm daemonize-process'] = [[node, path('peer')], true]

const base = () => time([node, path('plain')], false)
const names = Object.keys(ways)
const ratios = new Map(names.map((name) => [name, [] as number[]]))
for (let round = -WARM_UP; round < ROUNDS; round++) {
  for (const name of round & 1 ? names : names.toReversed()) {
    const [command, daemon] = ways[name] ?? [[], false]
    const before = round & 2 ? base() : undefined
    const ms = time(command, daemon)
    if (round >= 0) ratios.get(name)?.push(ms / (before ?? base()))
  }
}
for (const name of Object.keys(programs)) rmSync(path(name))
rmSync(folder, { recursive: true })

const quantile = (values: number[], part: number) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? 0
console.log(
  `Until the command is back and the service is ready, ${ROUNDS} pairs with a start of Node.\n`,
)
console.log('| | ratio (median of pairs) | middle half | at most |\n|---|--:|--:|--:|')
for (const [name, list] of ratios) {
  const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => quantile(list, part).toFixed(2))
  console.log(`| ${name} | ${middle} | ${low}-${high} | ${ways[name]?.[2] ?? ''} |`)
}
if (!peer) console.log('\nnpm daemonize-process is not installed: not compared')
