// docs/performance.md and what README.md says of speed: both are made of one file of figures.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { judge, times } from './judge.ts'
import { linesOf } from './print.ts'
import { root } from './programs.ts'
import type { Figure, Measured, Row, Table } from './types.ts'
import { tables } from '../tables/all.ts'

const paths = {
  figures: join(root, 'bench/figures.json'),
  page: join(root, 'docs/performance.md'),
  readme: join(root, 'README.md'),
}

export const readFigures = () => JSON.parse(readFileSync(paths.figures, 'utf8')) as Measured[]

/** Lines of at most 120 characters, as all pages have. */
function wrap(text: string, width = 120): string {
  const lines = ['']
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1) ?? ''
    if (last !== '' && last.length + word.length + 1 > width) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines.join('\n')
}

/** Why the limit is where it is; and where the goal is missed, why that. Few rounds are a look, and no verdict. */
function explain(row: Row, figure: Figure, before?: Row): string {
  const isMissed = judge(row, figure)?.isMet === false
  const isLook = figure.rounds < row.rounds
  const rounds = `**Missed** in ${figure.rounds} of ${row.rounds} rounds, which is no verdict.`
  const missed = row.missed ?? 'nobody has looked into it.'
  const more = isLook && row.missed === undefined ? rounds : `**Missed**: ${missed}`
  const why = row.why === before?.why ? 'As before.' : row.why
  const text = `- ${row.what}. ${why}${isMissed ? ` ${more}` : ''}`
  return wrap(text, 118).replaceAll('\n', '\n  ')
}

function section(table: Table, measured: Measured): string {
  const found = table.rows.flatMap((row, i) => {
    const figure = measured.figures.find(({ row: name }) => name === row.name)
    return figure === undefined ? [] : [explain(row, figure, table.rows[i - 1])]
  })
  const rounds = measured.figures.map((figure) => figure.rounds)
  const turns = [...new Set([Math.min(...rounds), Math.max(...rounds)])].join(' to ')
  const places = [...new Set(measured.figures.map(({ when }) => when))].join('; ')
  const where = `Measured in ${turns} ${turns === '1' ? 'round' : 'rounds'} (${places}).`
  return [
    `## ${table.title}`,
    wrap(`${table.how} ${where}`),
    linesOf(table, measured).join('\n'),
    found.join('\n'),
  ].join('\n\n')
}

/** docs/performance.md. */
export function pageOf(all: readonly Measured[]): string {
  const sections = tables.flatMap((table) => {
    const measured = all.find(({ table: name }) => name === table.name)
    return measured === undefined || measured.figures.length === 0 ? [] : [section(table, measured)]
  })
  return `# Performance

${wrap(`What this package costs, beside what can't be done faster and beside what else does it. \`npm run bench -- --write\`
has measured it and has written this page, and the figures of [README.md](../README.md#speed).`)}

<!-- not run: it takes a quarter of an hour -->
\`\`\`sh
npm run bench                        # every table
npm run bench -- import getsid       # a table, or a row
npm run bench -- --help              # all names, and what else it can do
\`\`\`

${wrap(`All that stands in a row was measured in turns: each in every round, and in the opposite order in every other one,
so that what else the machine does falls on all alike. A figure is the median of the rounds, with the quartiles to both
sides of it. A ratio is the median of the ratios of single rounds. The *limit* is the same work without us: in C, or by
Node alone. The *control* is the limit measured a second time, to itself: how far that is from 1 is how far a ratio can
be trusted. A goal is *met* or *missed* by the median. Each table has a process of its own.`)}

${sections.join('\n\n')}
`
}

/** Under "Speed" in README.md. */
export function speedOf(all: readonly Measured[]): string {
  const of = (name: string): Figure => {
    const figure = all.flatMap(({ figures }) => figures).find(({ row }) => row === name)
    if (figure === undefined) throw new Error(`README.md tells of ${name}, which was not measured`)
    return figure
  }
  const limit = (name: string) => (of(name).limit?.ratio[1] ?? NaN).toFixed(2)
  const peer = (name: string, who: string) => {
    const found = of(name).peers.find((each) => each.name.startsWith(who))
    return times(1 / (found?.ratio[1] ?? NaN)).slice(0, -1)
  }
  const ms = (name: string) => of(name).ours[1].toFixed(1)
  return wrap(`Medians of \`npm run bench\`; [performance](docs/performance.md) has every row with its limit, its peers and its
goal, and says which are missed. \`require('setsid')\` takes ${ms('import-ms')} ms and ${ms('import-mb')} MB; koffi takes
${peer('import-ms', 'koffi')} times as long. \`getsid(pid)\` takes ${limit('getsid')} times as long as in a C loop. Of
20,000 processes, the members of a session come ${peer('members-20000', 'ps')} times as fast as by \`ps -s\`, in
${limit('members-20000')} times the time of C, and a full list ${peer('list-20000', 'ps -eo')} times as fast as by \`ps -eo\`.
\`stopGroup()\` of 5,000 takes ${limit('stop-5000')} times as long as \`kill()\` and \`wait()\` in C. \`spawn()\` with our
options takes ${limit('spawn-steps')} times as long as Node's until the child has ended, and a late \`daemonize()\`
${limit('daemonize-prompt')} times as long as a start of Node until the prompt is back. \`sess run -- true\` takes
${limit('sess-run')} times as long as \`true\`. \`detach()\` takes ${limit('detach-heap')} times as long at 1 GB of heap as
at 40 MB.`)
}

const SPEED = /(?<=^## Speed\n\n)[^]*?(?=\n\n(?:MIT\.|## ))/m

/** What README.md has there now. */
export const readSpeed = () => SPEED.exec(readFileSync(paths.readme, 'utf8'))?.[0]
export const readPage = () => readFileSync(paths.page, 'utf8')

/** With four digits, and the numbers of a spread on one line. */
function textOf(all: readonly Measured[]): string {
  const short = (_: string, value: unknown) =>
    typeof value === 'number' ? Number(value.toPrecision(4)) : value
  const lines = JSON.stringify(all, short, 2)
  return `${lines.replace(/\[\s+([^[\]{}]+?)\s+\]/g, (_, list: string) => `[${list.replace(/\s+/g, ' ')}]`)}\n`
}

/** Keeps figures, with those of other tables and rows as they were, and writes the pages of all. */
export function writePages(fresh: readonly Measured[]): void {
  const known = [...fresh, ...readFigures()].flatMap(({ figures }) => figures)
  const all = tables.map(({ name, rows }) => ({
    table: name,
    figures: rows.flatMap((row) => known.find((figure) => figure.row === row.name) ?? []),
    failed: {},
  }))
  writeFileSync(paths.figures, textOf(all))
  writeFileSync(paths.page, pageOf(readFigures()))
  const readme = readFileSync(paths.readme, 'utf8')
  writeFileSync(
    paths.readme,
    readme.replace(SPEED, () => speedOf(readFigures())),
  )
}
