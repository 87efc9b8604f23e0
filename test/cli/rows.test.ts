// What the pictures of `sess` say of a process in few columns.
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { bytes, commandLine, duration, localTime } from '../../lib/cli/rows.ts'
import type { ProcessInfo } from '../../lib/inspect/types.ts'

const line = (args: string[] | null) =>
  commandLine({ command: 'name', args } as unknown as ProcessInfo)

describe('commandLine', () => {
  test.each([
    [['sh', '-c', 'echo a'], "sh -c 'echo a'"],
    [['grep', '', 'file'], "grep '' file"],
    [['sh', '-c', "echo 'a b'"], `sh -c "echo 'a b'"`],
    [['sh', '-c', `echo 'a' "$b"`], `sh -c 'echo '\\''a'\\'' "$b"'`],
    // setproctitle(): one text, and zeros behind it.
    [['nginx: worker process'], 'nginx: worker process'],
    [['nginx: worker process', '', ''], 'nginx: worker process'],
    [null, '[name]'],
  ])('%j: %s', (args, text) => {
    expect(line(args)).toBe(text)
  })

  test('a shell takes it for what it was', () => {
    for (const args of [
      ['echo', `'a' "b" $c \`d\` \\e !f`, 'g\th'],
      ['echo', "it's", '"', ' '],
    ]) {
      const { stdout } = spawnSync('sh', ['-c', `printf '%s\\n' ${line(args)}`])
      expect(stdout.toString()).toBe(args.map((arg) => `${arg}\n`).join(''))
    }
  })
})

test.each([
  [0, '0.0s'],
  [-5, '0s'],
  [9940, '9.9s'],
  [9999, '9.9s'],
  [10_000, '10s'],
  [59_999, '59s'],
  [60_000, '1m00s'],
  [3_599_999, '59m59s'],
  [3_600_000, '1h00m'],
  [86_399_999, '23h59m'],
  [86_400_000, '1d00h'],
  [99 * 86_400_000 + 3_600_000, '99d01h'],
  [NaN, '-'],
])('duration: %d ms are %s', (ms, text) => {
  expect(duration(ms)).toBe(text)
})

test.each([
  [0, '-'],
  [NaN, '-'],
  [4096, '4.0K'],
  [10_188, '9.9K'],
  [10_240, '10K'],
  [1023 * 1024, '1.0M'],
  [999 * 1024, '999K'],
  [1.25 * 2 ** 30, '1.3G'],
  [2 ** 50, '1.0P'],
])('bytes: %d are %s', (count, text) => {
  expect(bytes(count)).toBe(text)
  expect(bytes(count).length).toBeLessThanOrEqual(5)
})

test('localTime: an hour of this day, where the user is; else with its date', () => {
  const now = new Date(2026, 2, 4, 18, 30)
  expect(localTime(new Date(2026, 2, 4, 7, 5), now)).toBe('07:05')
  expect(localTime(new Date(2026, 2, 3, 23, 59), now)).toBe('2026-03-03 23:59')
})
