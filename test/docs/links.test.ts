// Every link of every page leads somewhere. Nothing is fetched: of an address outside only its form is looked at.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { guides, pages, readPage, root } from '../helpers/pages.ts'

/** What is wrong with a link; '' is nothing. */
function fault(from: string, target: string): string {
  if (/^[a-z]+:/.test(target)) {
    return URL.canParse(target) && target.startsWith('https://') ? '' : 'no address by https'
  }
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? from : relative(root, join(root, dirname(from), path))
  if (file.startsWith('..')) return 'outside of the repository'
  if (!existsSync(join(root, file))) return `no file ${file}`
  if (anchor === undefined) return ''
  if (!file.endsWith('.md')) return 'an anchor in what is no page'
  return readPage(file).anchors.includes(anchor) ? '' : `no heading #${anchor} in ${file}`
}

describe.each(pages)('$path', ({ path, links }) => {
  test('has links that lead somewhere', () => {
    const faults = links.map(({ place, target }) => [place, target, fault(path, target)])
    expect(faults.filter(([, , text]) => text !== '')).toEqual([])
  })
})

test.each([
  ['guide.md', 'no file docs/guide.md'],
  ['running.md#no-such-heading', 'no heading #no-such-heading in docs/running.md'],
  ['../../README.md', 'outside of the repository'],
  ['http://example.com', 'no address by https'],
  ['https://', 'no address by https'],
  ['spawning.md#contained-children', ''],
  ['../README.md', ''],
])('a link to %s: %s', (target, text) => {
  expect(fault('docs/stopping.md', target)).toBe(text)
})

test('docs/README.md and README.md lead to every guide', () => {
  for (const index of ['README.md', 'docs/README.md']) {
    const found = readPage(index).links.map(({ target }) => join(dirname(index), target))
    for (const { path } of guides) {
      if (path.startsWith('docs/') && path !== 'docs/README.md') {
        expect(found, `${path} in ${index}`).toContain(path)
      }
    }
  }
})

test('README.md is read in a few minutes: at most 200 lines', () => {
  expect(readFileSync(join(root, 'README.md'), 'utf8').trimEnd().split('\n').length).toBeLessThan(
    201,
  )
})
