// npm run soak -- [--stops N] [--daemons N] [--seed S] [--first I]
//
// What stops and daemons promise, tried thousands of times, each in a pid namespace of its own whose numbers rotate
// within 2,000: no bystander is hit, nothing is left, nothing hangs. Without options 10,000 stops and 3,000 daemons. What is
// random comes of the seed; `--first` begins with operation I of that seed, which repeats the plan of one that went wrong.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname } from 'node:path'
import { release } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compile } from '../helpers/compile.ts'

const number = { type: 'string' }
const { values } = parseArgs({
  options: { stops: number, daemons: number, seed: number, first: number },
})
const chosen = values.stops !== undefined || values.daemons !== undefined
const counts = {
  stops: Number(values.stops ?? (chosen ? 0 : 10_000)),
  daemons: Number(values.daemons ?? (chosen ? 0 : 3000)),
}
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const first = Number(values.first ?? 0)
for (const value of [...Object.values(counts), seed, first]) {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no count`)
}

const programs = ['restless', 'bystanders', 'hunter', 'soakd'].map(compile)
const folder = dirname(programs[0])

// Before Linux 6.14 the limit is the whole machine's, and stays.
const [major = 0, minor = 0] = release().split('.').map(Number)
const rotate =
  major > 6 || (major === 6 && minor >= 14) ? 'echo 2000 > /proc/sys/kernel/pid_max; ' : ''

/** Runs one of both in its namespace, whose first process reaps. */
async function apart(name) {
  const script = fileURLToPath(new URL(`${name}.mjs`, import.meta.url))
  const words = [process.execPath, script, counts[name], seed, first, folder]
  const line = `${rotate}${words.map((word) => `'${word}'`).join(' ')}; exit $?`
  const ways = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const child = spawn('unshare', [...ways, 'bash', '-c', line], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (data) => (text += data))
  const [code] = await once(child, 'close')
  try {
    return JSON.parse(text)
  } catch {
    return { done: 0, outcomes: {}, faults: { [`ended with ${code}: ${text}`]: 1 } }
  }
}

console.log(`seed ${seed}`)
const rows = []
let failed = false
for (const [name, count] of Object.entries(counts)) {
  if (count === 0) continue
  const { done, outcomes, shots = {}, bystanders = {}, faults } = await apart(name)
  const isClean = Object.keys(faults).length === 0 && done === count
  failed ||= !isClean
  const sorted = (table) => Object.entries(table).sort(([, a], [, b]) => b - a)
  for (const [what, times] of sorted(outcomes)) rows.push([name, what, times])
  for (const [what, times] of sorted(shots)) rows.push([name, what, times])
  rows.push([name, 'bystanders', bystanders.all])
  rows.push([
    name,
    'bystanders with the number of a process that was stopped or shot',
    bystanders.claimed,
  ])
  rows.push([name, 'bystanders hit', bystanders.hits])
  for (const [what, times] of sorted(faults)) rows.push([name, `FAULT: ${what}`, times])
  rows.push([name, isClean ? 'done, without a fault' : 'done', `${done} of ${count}`])
}
const width = Math.max(...rows.map(([, what]) => what.length))
for (const [name, what, times] of rows)
  console.log(`${name.padEnd(8)} ${what.padEnd(width)} ${String(times).padStart(8)}`)
process.exit(failed ? 1 : 0)
