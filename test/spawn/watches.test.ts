import { expect, test } from 'vitest'
import { runFixture } from '../helpers/process.ts'

test('a watch costs little, and nothing when its child has ended', async () => {
  const { threads, descriptors, kilobytes, clean } = await runFixture('watches.mjs')
  expect({ threads, descriptors }).toEqual({ threads: 1, descriptors: 1 })
  expect(kilobytes).toBeLessThan(1024)
  expect(clean).toBe(true)
})

test('the watches of a worker that is terminated end at the next change, alone', async () => {
  expect(await runFixture('watch-ends.mjs', ['worker'])).toEqual({ asleep: true, ended: true })
})

test('what a listener throws is an uncaught exception, and the watch goes on', async () => {
  expect(await runFixture('watch-ends.mjs', ['throws'])).toEqual({ caught: 'thrown' })
})
