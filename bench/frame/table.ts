// Measures rows of one table.
import { roundsOf, measure, type Mode } from './measure.ts'
import type { Figure, Measured, Table } from './types.ts'

/** Measures the rows in `names`. A row that fails is told of, and the others go on. */
export async function measureTable(
  table: Table,
  names: readonly string[],
  mode: Mode,
): Promise<Measured> {
  const figures: Figure[] = []
  const failed: Record<string, string> = {}
  for (const row of table.rows) {
    const rounds = roundsOf(row, mode)
    if (!names.includes(row.name) || rounds === 0) continue
    const began = performance.now()
    process.stderr.write(`${row.name}: ${rounds} rounds …`)
    try {
      figures.push(await measure(row, mode))
    } catch (error) {
      failed[row.name] = error instanceof Error ? error.message : String(error)
    }
    process.stderr.write(` ${((performance.now() - began) / 1000).toFixed(1)} s\n`)
  }
  return { table: table.name, figures, failed }
}
