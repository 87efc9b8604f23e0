import { expect, test } from 'vitest'
import { runFixture } from '../helpers/process.ts'

test('a watch costs little, and nothing when its child has ended', async () => {
  const { threads, kilobytes, clean } = await runFixture('watches.mjs')
  expect(threads).toBe(1)
  expect(kilobytes).toBeLessThan(1024)
  expect(clean).toBe(true)
})
