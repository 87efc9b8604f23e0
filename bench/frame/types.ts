// What a row of the benchmark is, and what was measured of it.

export type Unit = 'ns' | 'µs' | 'ms' | 'MB' | ''

/** One of those that are measured in turns. A sample is in the unit of its row. */
export interface Way {
  name: string
  sample: () => number | Promise<number>
}

/** What takes part in a row, when it is ready to be measured. */
export interface Contest {
  ours: Way
  /** What can't be done faster, or what it is done without. It is measured twice: the second time is the control. */
  limit?: Way
  peers?: Way[]
  /** Ends what it has started. */
  end?: () => Promise<unknown>
}

/** What ours should be at most: as a ratio to the limit, or to the peer `to`; by itself; more than the limit. */
export type Goal = { ratio: number; to?: string } | { most: number } | { more: number }

export interface Row {
  name: string
  /** What is measured, in Markdown. */
  what: string
  unit: Unit
  goal?: Goal
  rounds: number
  /** The rounds of `--quick`, which leaves the row out where there are none. */
  quick?: number
  /** Why the limit is where it is. */
  why: string
  /** Why the goal is missed, where it is. */
  missed?: string
  open(): Contest | Promise<Contest>
}

export interface Table {
  name: string
  title: string
  /** What was measured, and how. */
  how: string
  rows: readonly Row[]
}

/** The median, and the quartiles to both sides of it. */
export type Spread = readonly [low: number, middle: number, high: number]

/** One of a contest. Ratios and differences are those of one round, by the round. */
export interface Beside {
  name: string
  value: Spread
  /** Ours to it. */
  ratio: Spread
}

/** What was measured of a row. */
export interface Figure {
  row: string
  rounds: number
  /** The day, and the kind of machine. */
  when: string
  ours: Spread
  limit?: Beside & { more: Spread; control?: Spread }
  peers: Beside[]
}

/** What was measured of a table. */
export interface Measured {
  table: string
  figures: Figure[]
  /** By row, why there is no figure. */
  failed: Record<string, string>
}
