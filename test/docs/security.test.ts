// docs/security.md: each row of its tables names a test that is there.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { root } from '../helpers/pages.ts'

/** The titles of a file: `test('…')`, `describe.skipIf(…)('…')`, `test.each(…)('…')`. */
function titlesOf(path: string): string[] {
  const titles: string[] = []
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest)
  const nameOf = (node: ts.Expression): string => {
    if (ts.isIdentifier(node)) return node.text
    return ts.isCallExpression(node) || ts.isPropertyAccessExpression(node)
      ? nameOf(node.expression)
      : ''
  }
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ['test', 'describe'].includes(nameOf(node.expression))) {
      const [title] = node.arguments
      if (title !== undefined && ts.isStringLiteralLike(title)) titles.push(title.text)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return titles
}

const rows = readFileSync(join(root, 'docs/security.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.endsWith('| test |'))
  .map((line) => line.slice(2, -2).split(' | '))

test('there are rows', () => {
  expect(rows.length).toBeGreaterThan(40)
})

test.each(rows)('%s: %s', (...cells) => {
  expect(cells).toHaveLength(3)
  const [, file = '', title = ''] = /^`([\w/-]+)`: (.+)$/.exec(cells[2] ?? '') ?? []
  const path = join(root, `test/${file}.test.ts`)
  expect(existsSync(path), path).toBe(true)
  expect(titlesOf(path)).toContain(title)
})
