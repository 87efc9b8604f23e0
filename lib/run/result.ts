import { inspect, type InspectOptions } from 'node:util'
import type { RunResult } from './types.ts'

/** The characters of a text that are printed of its beginning, and of its end. */
const SHOWN = 100

/** Prints what is long in short. */
class Result {
  constructor(fields: RunResult<string | Buffer>) {
    Object.assign(this, fields)
  }

  [inspect.custom](depth: number, options: InspectOptions, print = inspect): string {
    const fields = Object.entries(this).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === 'string' ? shortened(value) : value,
    ])
    return `RunResult ${print(Object.fromEntries(fields), { ...options, depth: depth + 1 })}`
  }
}

Object.defineProperty(Result, 'name', { value: 'RunResult' })

const shortened = (text: string): string =>
  text.length <= 5 * SHOWN
    ? text
    : `${text.slice(0, SHOWN)} … ${text.length - 2 * SHOWN} more … ${text.slice(-SHOWN)}`

export const resultOf = <T extends string | Buffer>(fields: RunResult<T>): RunResult<T> =>
  new Result(fields) as unknown as RunResult<T>
