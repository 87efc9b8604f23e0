// npm run endure -- [--rounds N] [--workers N] [--any-memory] [CALL]
//
// Every call of the addon a million times, where it succeeds and where it fails, in the main thread; and all of them in
// 200 workers that are terminated in the middle. Memory, descriptors and threads are to be as before, and nothing aborts.
// calls.mjs has a row for each, and says which are called less often, and why. CALL, a regular expression, chooses some. With `--any-memory` the
// process may grow, as a sanitizer makes it.
//
// Where it may, it runs in a pid namespace of its own: with few processes, a look at the process table is short.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import pty from '@lydell/node-pty'

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1000000' },
    workers: { type: 'string', default: '200' },
    'any-memory': { type: 'boolean', default: false },
    terminal: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
for (const value of [values.rounds, values.workers])
  if (!/^\d+$/.test(value)) throw new RangeError(`${value} is no count`)

const quote = (word) => `'${word.replaceAll("'", `'\\''`)}'`
const line = (...words) => `${words.map(quote).join(' ')}; exit $?`
const script = (name) => fileURLToPath(new URL(name, import.meta.url))

if (values.terminal) {
  // A shell leads the session of the terminal, so that the process below it leads nothing.
  const { rounds, workers } = values
  const words = [process.execPath, '--expose-gc', script('main.mjs'), rounds, workers]
  const shell = ['-c', line(...words, positionals[0] ?? '', values['any-memory'] ? 'any' : '')]
  const terminal = pty.spawn('sh', shell, { cols: 250, rows: 50 })
  terminal.onData((text) => process.stdout.write(text.replaceAll('\r', '')))
  terminal.onExit(({ exitCode, signal }) => process.exit(signal ? 128 + signal : exitCode))
} else {
  const apart = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const may = spawnSync('unshare', [...apart, 'true']).status === 0
  const shell = [
    'sh',
    '-c',
    line(process.execPath, process.argv[1], '--terminal', ...process.argv.slice(2)),
  ]
  const [file, ...args] = may ? ['unshare', ...apart, ...shell] : shell
  const { status, signal } = spawnSync(file, args, { stdio: 'inherit' })
  if (signal !== null) console.error(`it was ended by ${signal}`)
  process.exit(status ?? 1)
}
