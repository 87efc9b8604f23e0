import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

interface Fault {
  file: string
  breaks: string
  sound: string
  fault: string
  tests: { file: string; title?: string }[]
}

const { areas } = (await import(new URL('faults.mjs', import.meta.url).href)) as {
  areas: Record<string, Fault[]>
}

describe('each planted fault of `npm run mutate`', () => {
  const all = Object.values(areas).flat()

  test('has a text that is there once, and another one in its place', () => {
    const rotten = all.filter(
      ({ file, sound, fault }) =>
        sound === fault || readFileSync(file, 'utf8').split(sound).length !== 2,
    )
    expect(rotten.map(({ file, breaks }) => `${file}: ${breaks}`)).toEqual([])
    expect(all.length).toBeGreaterThan(100)
  })

  test('has a name of its own', () => {
    const names = all.map(({ file, breaks }) => `${file}: ${breaks}`)
    expect(new Set(names).size).toBe(names.length)
  })

  test('names tests that there are, with a title each or none', () => {
    const wrong = all.filter(
      ({ tests }) =>
        tests.length === 0 ||
        !tests.every(({ file }) => existsSync(file)) ||
        new Set(tests.map(({ title }) => title === undefined)).size > 1,
    )
    expect(wrong.map(({ file, breaks }) => `${file}: ${breaks}`)).toEqual([])
  })
})
