// docs/comparison.md, which `npm run compare` writes: the cells of the packages that are installed are tried again. Those
// of bench/peers are there after `npm run bench`; posix is compiled by `npm run compare`.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { attempt, isBuilt } from '../../bench/compare/attempt.ts'
import { columns, rows } from '../../bench/compare/rows.ts'
import { root } from '../helpers/pages.ts'
import { isRoot } from '../helpers/process.ts'
import { need } from '../helpers/tools.ts'

const [head = [], , ...table] = readFileSync(join(root, 'docs/comparison.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map((line) => line.slice(2, -2).split(/ ?\| ?/))

const ours = columns.filter((name) => name === 'node' || isBuilt(name))

test('the page has the rows and the versions that would be tried', () => {
  expect(table.map(([fact]) => fact)).toEqual(rows.map(({ fact }) => fact))
  const text = (path: string) => readFileSync(join(root, path), 'utf8')
  type Versions = Record<string, Record<string, string>>
  const { devDependencies } = JSON.parse(text('package.json')) as Versions
  const { dependencies } = JSON.parse(text('bench/peers/package.json')) as Versions
  for (const [name, version] of Object.entries({ ...devDependencies, ...dependencies })) {
    if (columns.some((column) => column === name)) expect(head).toContain(`${name} ${version}`)
  }
  expect(head).toHaveLength(columns.length + 1)
})

test('every cell of a package is tried or empty, and ours are all kept', () => {
  for (const [i, [fact, ...cells]] of table.entries()) {
    for (const [j, cell] of cells.entries()) {
      const tried = (columns[j] ?? '') in (rows[i]?.programs ?? {})
      expect(['✓', '✗'].includes(cell), `${fact}: ${columns[j]}`).toBe(tried)
    }
    expect(cells[0], fact).toBe('✓')
  }
})

test.for(rows)('$fact', { timeout: 120_000 }, async (row, context) => {
  if (row.namespace === true) {
    if (!isRoot) context.skip('needs root')
    need('unshare')
  }
  // They ask ps for children.
  if (['tree-kill', 'terminate'].some((name) => name in row.programs)) need('ps')
  const [, ...cells] = table.find(([fact]) => fact === row.fact) ?? []
  for (const [i, column] of columns.entries()) {
    if (!(column in row.programs) || !ours.includes(column)) continue
    expect((await attempt(row, column)) ? '✓' : '✗', column).toBe(cells[i])
  }
})
