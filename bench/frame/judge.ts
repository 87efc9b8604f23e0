// Whether a figure reaches its goal, and how that is said.
import type { Figure, Goal, Row, Spread, Unit } from './types.ts'

/** How far beyond its goal a row may be in `--quick`, which runs on any machine beside anything. */
export const WIDE = 2

const NOTHING: Spread = [NaN, NaN, NaN]

/** Three digits, and the unit. */
export function say(value: number, unit: Unit): string {
  const size = Math.abs(value)
  const digits = size === 0 || size >= 100 ? 0 : size >= 10 ? 1 : 2
  const number = value.toFixed(Number.isInteger(value) ? 0 : digits)
  return unit === '' ? number : `${number} ${unit}`
}

export const times = (ratio: number) => `${ratio.toFixed(ratio >= 10 ? 0 : 2)}x`

export function sayGoal(goal: Goal, unit: Unit): string {
  if ('most' in goal) return `≤ ${say(goal.most, unit)}`
  if ('more' in goal) return `≤ ${say(goal.more, unit)} more`
  return `≤ ${goal.ratio}x${goal.to === undefined ? '' : ` of ${goal.to}`}`
}

export interface Verdict {
  /** What the goal is about: a ratio, or a number in the unit of the row. */
  reached: number
  isMet: boolean
  /** A quarter of the rounds has reached it, or missed it by less than what a busy machine explains. */
  isNear: boolean
}

/** Undefined where a row has no goal. */
export function judge({ goal }: Row, { ours, limit, peers }: Figure): Verdict | undefined {
  if (goal === undefined) return undefined
  const verdict = ([low, reached]: Spread, bound: number) => ({
    reached,
    isMet: reached <= bound,
    isNear: low <= bound * WIDE,
  })
  if ('most' in goal) return verdict(ours, goal.most)
  if ('more' in goal) return verdict(limit?.more ?? NOTHING, goal.more)
  const other = goal.to === undefined ? limit : peers.find(({ name }) => name === goal.to)
  return verdict(other?.ratio ?? NOTHING, goal.ratio)
}

export function sayVerdict(verdict: Verdict | undefined): string {
  if (verdict === undefined) return ''
  return verdict.isMet ? 'met' : '**missed**'
}
