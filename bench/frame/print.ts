// A table as Markdown, which a terminal shows as well.
import { judge, say, sayGoal, sayVerdict, times } from './judge.ts'
import type { Figure, Measured, Row, Spread, Table, Unit } from './types.ts'

const ratio = (value: number) => value.toFixed(2)

/** The median, and the quarters to both sides of it. */
function saySpread([low, middle, high]: Spread, say: (value: number) => string, unit = ''): string {
  const [from, at, to] = [low, middle, high].map(say)
  const sides = from === at && to === at ? '' : ` (${from}–${to})`
  return `${at}${unit === '' ? '' : ` ${unit}`}${sides}`
}

const sayValue = (value: Spread, unit: Unit) =>
  saySpread(value, (each) => say(each, '').replace(/^-?0\.00$/, '0'), unit)

/** Where the limit is nothing a ratio to it is none. */
const sayRatio = (spread: Spread) => (Number.isFinite(spread[1]) ? saySpread(spread, ratio) : '')

function cellsOf(row: Row, figure: Figure): string[] {
  const { ours, limit, peers } = figure
  const { goal, unit } = row
  return [
    row.what,
    sayValue(ours, unit),
    limit === undefined ? '' : `${sayValue(limit.value, unit)}, ${limit.name}`,
    limit === undefined ? '' : sayRatio(limit.ratio),
    peers
      .map((peer) => `${peer.name} ${say(peer.value[1], unit)}, ${times(1 / peer.ratio[1])}`)
      .join('; '),
    goal === undefined ? '' : sayGoal(goal, unit),
    sayVerdict(judge(row, figure)),
    limit?.control === undefined ? '' : sayRatio(limit.control),
  ]
}

const head = [
  '',
  'ours',
  'limit',
  'ours : limit',
  'peers, as multiples of ours',
  'goal',
  '',
  'control',
]

export function linesOf(table: Table, { figures, failed }: Measured): string[] {
  const rows = table.rows.flatMap((row) => {
    const figure = figures.find(({ row: name }) => name === row.name)
    if (figure !== undefined) return [cellsOf(row, figure)]
    const why = failed[row.name]
    return why === undefined ? [] : [[row.what, `not measured: ${why}`, '', '', '', '', '', '']]
  })
  // A column that no row fills is left out.
  const kept = head.map((_, i) => rows.some((cells) => cells[i] !== ''))
  const lines = [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...rows]
  const line = (cells: string[]) => `| ${cells.filter((_, i) => kept[i]).join(' | ')} |`
  return lines.map(line)
}
