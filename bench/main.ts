// `npm run bench`: what this package costs, beside its limits and its peers.
import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { judge, WIDE } from './frame/judge.ts'
import { limit } from './frame/limits.ts'
import type { Mode } from './frame/measure.ts'
import { readFigures, writePages } from './frame/page.ts'
import { linesOf } from './frame/print.ts'
import { measureTable } from './frame/table.ts'
import type { Figure, Measured, Row, Table } from './frame/types.ts'
import { tables } from './tables/all.ts'

const names = tables.map(
  ({ name, rows }) => `  ${name.padEnd(10)} ${rows.map((row) => row.name).join(' ')}`,
)
const help = `Usage: npm run bench -- [OPTION]… [NAME]…

Measures this package beside its limits and its peers. A NAME is a table or a
row; without one all are measured, which takes a quarter of an hour. Run it on
a quiet machine: the column "control" tells how quiet it was.

  --quick     few rounds, few rows, no peers; fails where a goal is missed by
              more than twice
  --rounds N  so many rounds for each row
  --json      the figures and verdicts as JSON; progress goes to standard error
  --write     keeps the figures in bench/figures.json, with those of the other
              rows as they were, and writes docs/performance.md and "Speed" in
              README.md
  --pages     writes the pages from the figures that are kept; measures nothing
  --help      this text

Tables and their rows:
${names.join('\n')}

Examples:
  npm run bench                            everything
  npm run bench -- import getsid           one table and one row
  npm run bench -- lists --rounds 3        a short look
  npm run bench -- spawn --json > a.json   for a program
  npm run bench -- --write                 everything, and the pages of it

It returns 0; 1 where a row could not be measured, or --quick fails; 2 for what
it doesn't know.
`

function fail(message: string): never {
  process.stderr.write(`bench: ${message}\nTry: npm run bench -- --help\n`)
  process.exit(2)
}

function readLine() {
  const flag = { type: 'boolean', default: false } as const
  const options = {
    ...{ quick: flag, json: flag, write: flag, pages: flag, help: flag, alone: flag },
    rounds: { type: 'string' },
  } as const
  try {
    return parseArgs({ options, allowPositionals: true })
  } catch (error) {
    return fail((error as Error).message)
  }
}

const { values, positionals } = readLine()
const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
  fail(`--rounds is a number of 1 or more, not ${values.rounds}`)
}
if (values.write && values.quick) fail('--write wants full rounds, not --quick')
for (const name of positionals) {
  const isKnown = tables.some(
    (table) => table.name === name || table.rows.some((row) => row.name === name),
  )
  if (!isKnown) fail(`there is no table or row ${name}`)
}
const mode: Mode = { quick: values.quick, ...(rounds === undefined ? {} : { rounds }) }

/** The rows of a table that were asked for. */
const chosen = ({ name, rows }: Table) =>
  rows
    .map((row) => row.name)
    .filter(
      (row) => positionals.length === 0 || [name, row].some((each) => positionals.includes(each)),
    )

/** Measures a table in a process of its own: one knows nothing of what the others have left in memory. */
async function measureApart(table: Table): Promise<Measured> {
  const line = [...process.execArgv, import.meta.filename, '--json', '--alone', ...chosen(table)]
  if (values.quick) line.push('--quick')
  if (rounds !== undefined) line.push('--rounds', String(rounds))
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  const child = spawn(limit('reap'), [process.execPath, ...line], { stdio: [...stdio] })
  let text = ''
  child.stdout.on('data', (data: Buffer) => (text += data.toString()))
  const code = await new Promise((resolve) => child.on('close', resolve))
  if (code !== 0) throw new Error(`the table ${table.name} ended with ${String(code)}`)
  return JSON.parse(text) as Measured
}

/**
 * Whether a row is so far off that few rounds are enough to say so: twice its goal, or, where we know that it misses its
 * goal, twice the figure in bench/figures.json.
 */
function isFarOff(row: Row, figure: Figure): boolean {
  const verdict = judge(row, figure)
  if (verdict === undefined || verdict.isNear) return false
  const kept = readFigures().flatMap(({ figures }) => figures)
  const before = kept.find((each) => each.row === row.name)
  if (row.missed === undefined || before === undefined) return true
  return verdict.reached > WIDE * (judge(row, before)?.reached ?? 0)
}

/** A figure with all that is said of it. */
const told = (measured: Measured) => ({
  ...measured,
  figures: measured.figures.map((figure) => {
    const row = tables.flatMap((table) => table.rows).find(({ name }) => name === figure.row)
    if (row === undefined) return figure
    const { what, unit, goal } = row
    return { what, unit, goal, verdict: judge(row, figure), ...figure }
  }),
})

async function main(): Promise<number> {
  if (values.help) return (process.stdout.write(help), 0)
  if (values.pages) return (writePages([]), 0)
  const all: Measured[] = []
  const faults: string[] = []
  for (const table of tables.filter((each) => chosen(each).length > 0)) {
    if (values.alone) {
      process.stdout.write(JSON.stringify(await measureTable(table, chosen(table), mode)))
      continue
    }
    const measured = await measureApart(table)
    all.push(measured)
    for (const [row, why] of Object.entries(measured.failed))
      faults.push(`${row}: not measured: ${why}`)
    for (const row of table.rows) {
      const figure = measured.figures.find(({ row: name }) => name === row.name)
      if (figure === undefined || !values.quick || !isFarOff(row, figure)) continue
      faults.push(`${row.name}: more than twice its goal, or the figure that is kept`)
    }
    if (values.json || measured.figures.length + Object.keys(measured.failed).length === 0) continue
    console.log(`\n${table.title} (${table.name})\n\n${linesOf(table, measured).join('\n')}`)
  }
  if (values.alone) return 0
  if (values.json) console.log(JSON.stringify(all.map(told), null, 2))
  if (values.write) writePages(all)
  for (const fault of faults) console.error(`bench: ${fault}`)
  return faults.length > 0 ? 1 : 0
}

process.exitCode = await main()
