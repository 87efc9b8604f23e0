// npm run soak -- [--minutes N | --seconds N] [--KIND N]... [--beside N] [--seed S] [--first I]
//
// What the package promises, tried thousands of times, each kind in a pid namespace of its own whose numbers rotate: no
// bystander is hit, nothing is left, nothing hangs, every error is documented. Without options it goes on for ten minutes, in rounds
// of all kinds beside 1,000 processes that come and go. `--stops 400 --launches 50` does these alone, once, beside 40; with
// `--minutes` they are the sizes of a round. What is random comes of the seed; `--first` begins with operation I of that
// seed, which repeats the plan of one that went wrong.
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { compile } from '../helpers/compile.ts'
import { apart } from './apart.mjs'

/** The kinds, and how many operations a round has. */
const ROUND = { stops: 300, daemons: 60, children: 80, detaches: 40, scarce: 40, launches: 40 }
const kinds = Object.keys(ROUND)

const number = { type: 'string' }
const names = ['minutes', 'seconds', 'beside', 'seed', 'first', ...kinds]
const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, number])) })
for (const [name, value] of Object.entries(values)) {
  const isCount = Number.isSafeInteger(Number(value)) && Number(value) >= 0
  if (!isCount && name !== 'minutes') throw new RangeError(`--${name} ${value} is no count`)
}
const chosen = kinds.some((kind) => values[kind] !== undefined)
const timed = values.minutes !== undefined || values.seconds !== undefined || !chosen
const limit = Number(values.minutes ?? (values.seconds === undefined ? 10 : 0)) * 60_000
const deadline = performance.now() + limit + Number(values.seconds ?? 0) * 1000
const counts = Object.fromEntries(
  kinds.map((kind) => [kind, Number(values[kind] ?? (chosen ? 0 : ROUND[kind]))]),
)
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const beside = Number(values.beside ?? (timed ? 1000 : 40))
const folder = dirname(
  ['restless', 'bystanders', 'hunter', 'soakd', 'ttyshell'].map((name) => compile(name)).at(-1),
)

/** What came of each kind, added up. */
const totals = {}
const add = (sum, more) => {
  for (const [what, times] of Object.entries(more)) sum[what] = (sum[what] ?? 0) + times
}

console.log(`seed ${seed}`)
let round = 0
do {
  for (const [kind, count] of Object.entries(counts)) {
    if (count === 0 || (timed && performance.now() > deadline)) continue
    const first = Number(values.first ?? 0) + round * count
    const told = await apart(kind, count, seed, first, folder, beside)
    const total = (totals[kind] ??= {
      ...{ asked: 0, done: 0, outcomes: {}, shots: {}, facts: {}, bystanders: {}, faults: {} },
    })
    total.asked += count
    total.done += told.done
    for (const name of ['outcomes', 'shots', 'facts', 'bystanders', 'faults'])
      add(total[name], told[name] ?? {})
  }
  round++
  if (timed) console.error(`round ${round} is done`)
} while (timed && performance.now() < deadline)

const rows = []
let failed = false
const sorted = (table) => Object.entries(table).sort(([, a], [, b]) => b - a)
for (const [kind, total] of Object.entries(totals)) {
  const { asked, done, outcomes, shots, facts, bystanders, faults } = total
  const isClean = Object.keys(faults).length === 0 && done === asked
  failed ||= !isClean
  for (const table of [outcomes, shots, facts])
    for (const [what, times] of sorted(table)) rows.push([kind, what, times])
  rows.push([kind, 'bystanders', bystanders.all])
  const claimed = 'bystanders with the number of a process that was stopped or shot'
  rows.push([kind, claimed, bystanders.claimed])
  rows.push([kind, 'bystanders hit', bystanders.hits])
  for (const [what, times] of sorted(faults)) rows.push([kind, `FAULT: ${what}`, times])
  rows.push([kind, isClean ? 'done, without a fault' : 'done', `${done} of ${asked}`])
}
const width = Math.max(...rows.map(([, what]) => what.length))
for (const [kind, what, times] of rows)
  console.log(`${kind.padEnd(8)} ${what.padEnd(width)} ${String(times).padStart(8)}`)
process.exit(failed ? 1 : 0)
