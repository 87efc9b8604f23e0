// Measures a row: everybody in turns, so that what else the machine does falls on all alike.
import { cpus, release, totalmem } from 'node:os'
import type { Beside, Contest, Figure, Row, Spread, Way } from './types.ts'

export interface Mode {
  /** Few rounds, and no peers but the one that a goal is about. */
  quick: boolean
  /** Instead of what the row says. */
  rounds?: number
}

/** The rounds of a row; 0: it is left out. */
export function roundsOf({ rounds, quick = 0 }: Row, mode: Mode): number {
  if (mode.quick && quick === 0) return 0
  return mode.rounds ?? (mode.quick ? quick : rounds)
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number) => {
    const place = (sorted.length - 1) * part
    const [low = NaN, high = low] = [Math.floor(place), Math.ceil(place)].map((i) => sorted[i])
    return low + (high - low) * (place - Math.floor(place))
  }
  return [at(0.25), at(0.5), at(0.75)]
}

/** Each one's samples. Every other round they come in the opposite order. */
async function takeTurns(ways: readonly Way[], rounds: number): Promise<number[][]> {
  const samples = ways.map((): number[] => [])
  const order = [...ways.entries()]
  // The round before the first warms up.
  for (let round = -1; round < rounds; round++) {
    for (const [i, way] of round % 2 === 0 ? order : order.toReversed()) {
      const sample = await way.sample()
      if (round >= 0) samples[i]?.push(sample)
    }
  }
  return samples
}

/** Who takes part: the limit and its control stand beside ours, since the goal is mostly about these. */
function contestants({ goal }: Row, { ours, limit, peers = [] }: Contest, quick: boolean) {
  const to = goal !== undefined && 'ratio' in goal ? goal.to : undefined
  const asked = quick ? peers.filter(({ name }) => name === to) : peers
  const control = quick ? [] : [limit]
  return [...asked, ours, ...[limit, ...control].filter((way) => way !== undefined)]
}

function when(): string {
  const [processor] = cpus()
  const machine = [
    `${cpus().length} cores`,
    processor?.model ?? 'processor unknown',
    `${Math.round(totalmem() / 2 ** 30)} GB`,
    `Linux ${release().split('.', 2).join('.')}`,
    `Node ${process.version.slice(1)}`,
  ]
  return `${new Date().toISOString().slice(0, 10)}, ${machine.join(', ')}`
}

export async function measure(row: Row, mode: Mode): Promise<Figure> {
  const rounds = roundsOf(row, mode)
  const contest = await row.open()
  try {
    const ways = contestants(row, contest, mode.quick)
    const samples = await takeTurns(ways, rounds)
    const of = (way: Way, from: 'first' | 'last' = 'first') =>
      samples[from === 'first' ? ways.indexOf(way) : ways.lastIndexOf(way)] ?? []
    const ours = of(contest.ours)
    const paired = (others: number[], by: (own: number, other: number) => number) =>
      spreadOf(ours.map((own, i) => by(own, others[i] ?? NaN)))
    const beside = (way: Way): Beside => ({
      name: way.name,
      value: spreadOf(of(way)),
      ratio: paired(of(way), (own, other) => own / other),
    })
    const { limit } = contest
    const peers = ways.filter((way) => way !== contest.ours && way !== limit).map(beside)
    const figure: Figure = {
      ...{ row: row.name, rounds, when: when() },
      ...{ ours: spreadOf(ours), peers },
    }
    if (limit === undefined) return figure
    const more = paired(of(limit), (own, other) => own - other)
    const measured = { ...figure, limit: { ...beside(limit), more } }
    if (mode.quick) return measured
    const again = of(limit, 'last')
    const control = spreadOf(of(limit).map((one, i) => (again[i] ?? NaN) / one))
    return { ...figure, limit: { ...measured.limit, control } }
  } finally {
    await contest.end?.()
  }
}
