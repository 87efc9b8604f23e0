import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const folder = new URL('../.github/workflows/', import.meta.url)

describe.each(readdirSync(folder))('%s', (name) => {
  const text = readFileSync(new URL(name, folder), 'utf8')

  test('each action of others is named by its commit, which nobody can move', () => {
    const used = [...text.matchAll(/uses: (\S+)/g)].map(([, action = '']) => action)
    const movable = used.filter((action) => !/^\.\/|@[0-9a-f]{40}$/.test(action))
    expect(movable).toEqual([])
  })

  test('it may read, and only the release may prove who it is', () => {
    expect(text).toMatch(/^permissions:\n {2}contents: read$/m)
    const more = [...text.matchAll(/^ +([\w-]+): write$/gm)].map(([, right]) => right)
    expect(more).toEqual(name === 'release.yml' ? ['id-token'] : [])
  })

  test('each job has a time limit, or is another file', () => {
    const jobs =
      text
        .split(/^jobs:$/m)[1]
        ?.split(/^ {2}(?=\w)/m)
        .slice(1) ?? []
    expect(jobs.length).toBeGreaterThan(0)
    expect(jobs.filter((job) => !/timeout-minutes: \d|uses: \.\//.test(job))).toEqual([])
  })
})
