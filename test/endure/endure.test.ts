import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { native } from '../../lib/base/native.ts'
import { node } from '../helpers/process.ts'

interface Row {
  calls: string[]
  kind: 'success' | 'failure'
}
const { rows, infallible } = (await import(
  new URL('calls.mjs', import.meta.url).href
)) as unknown as { rows: Row[]; infallible: Record<string, string> }
const has = (kind: Row['kind'], call: string) =>
  rows.some((row) => row.kind === kind && row.calls.includes(call))

const calls = Object.keys(native).filter((name) => name !== 'errnos')

describe('calls.mjs', () => {
  test.for(calls)('has a row where %s succeeds', (call) => {
    expect(has('success', call)).toBe(true)
  })

  test.for(calls)('has a row where %s fails, or the reason why it never does', (call) => {
    expect(has('failure', call)).toBe(!(call in infallible))
  })

  test('names no call that is not there', () => {
    const named = [...rows.flatMap(({ calls }) => calls), ...Object.keys(infallible)]
    expect(named.filter((call) => !(call in native))).toEqual([])
  })
})

test('every call 10,000 times, and in 20 workers that are terminated: memory, descriptors and threads as before', () => {
  const script = fileURLToPath(new URL('endure.mjs', import.meta.url))
  const args = [script, '--rounds', '10000', '--workers', '20']
  const { status, stdout } = spawnSync(node, args, { encoding: 'utf8', timeout: 580_000 })
  expect(stdout).toMatch(/^done, without a fault$/m)
  expect(status).toBe(0)
}, 600_000)
