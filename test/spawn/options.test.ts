// The arguments of spawn(): who reads them, how often, and that each option of ours is everywhere it has to be.
import { readFileSync } from 'node:fs'
import { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { exitOrStop, spawn, watchChild, withForeground } from 'setsid'
import { rows } from '../../lib/spawn/options.ts'
import { startFixture } from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'

const text = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

describe.each([
  ['inside', '200'],
  ['around', '100'],
])('spawn by the way %s', (mode, runs) => {
  test('options that mislead: each is read once, and the child is as with child_process', async () => {
    const result = join(openFolder(), 'result')
    const running = startFixture('hostile-options.mjs', [mode, runs, result])
    const ended = await running.ended
    expect(ended, running.stderr()).toBe(0)
    const { wrong, leaked } = JSON.parse(readFileSync(result, 'utf8'))
    expect(wrong).toEqual([])
    expect(leaked).toBe(0)
  }, 60_000)
})

describe.each(Object.entries(rows))('option %s', (name, row) => {
  test('has a row in docs/spawning.md, a place in the tests, and in CHANGELOG.md', () => {
    expect(text('docs/spawning.md')).toMatch(new RegExp(`^\\| .*\`${name}[:\`]`, 'm'))
    expect(text('CHANGELOG.md')).toContain(`\`${name}\``)
    expect(text('test/fixtures/hostile-options.mjs')).toContain(`  '${name}'`)
    expect(text('test/types.test-d.ts')).toContain(`${name}: `)
    const files = ['spawn', 'options', 'contain'].map((file) => text(`test/spawn/${file}.test.ts`))
    const tests = files.join('')
    expect(tests).toContain(`${name}: `)
  })

  test('each call that it can fail by is in the table of errors', () => {
    const { fails } = row
    if (fails === undefined || fails.syscall === 'signal') return
    expect(text('docs/spawning.md')).toContain(`| \`${fails.syscall}\``)
  })
})

test('stealTerminal: true without controllingTerminal is refused by name', () => {
  expect(() => spawn('true', { stealTerminal: true })).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
  )
  expect(() => spawn('true', { stealTerminal: true })).toThrow('needs options.controllingTerminal')
})

test.each([
  ['an object with the fields of a child', { exitCode: null, signalCode: null, pid: 1 }],
  ['an object with the prototype of a child', Object.create(ChildProcess.prototype) as object],
  ['undefined', undefined],
])('%s is no child', async (_, value) => {
  const error = { code: 'ERR_INVALID_ARG_TYPE' }
  expect(() => watchChild(value as never)).toThrow(expect.objectContaining(error))
  await expect(exitOrStop(value as never)).rejects.toMatchObject(error)
  let called = false
  const call = withForeground(0, value as never, () => (called = true))
  await expect(call).rejects.toMatchObject(error)
  expect(called).toBe(false)
})

test('withForeground: an option that it does not know is an error, and fn is not called', async () => {
  let called = false
  const call = withForeground(0, 2, () => (called = true), { waits: true } as never)
  await expect(call).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
  expect(called).toBe(false)
})
