import { expect, test } from 'vitest'
import { fixturePath, node, runFixture, start } from '../helpers/process.ts'

test('the calls work in the main thread and eight workers at once', async () => {
  const lines = await runFixture('workers.mjs', ['use'])
  expect(lines).toHaveLength(9)
  for (const line of lines) {
    expect(line).toMatchObject({ wrong: 0, ctermid: '/dev/tty', processes: true })
  }
})

test('calls that change the process throw in a worker, as process.chdir does', async () => {
  const [, ...workers] = await runFixture('workers.mjs', ['use'])
  for (const { errors } of workers) {
    const messages = ['setsid', 'setpgid', 'detachSync'].map((call) => ({
      name: 'TypeError',
      code: 'ERR_WORKER_UNSUPPORTED_OPERATION',
      message: `${call}() is not supported in workers`,
    }))
    expect(errors).toMatchObject(messages)
  }
})

test('what a worker opens it closes, and Node has nothing to warn of', async () => {
  expect(await runFixture('workers.mjs', ['open'])).toEqual([])
})

test('200 workers that load the addon and end leak no descriptor and no memory', async () => {
  const running = start(node, ['--expose-gc', fixturePath('workers.mjs'), 'churn'])
  const usages = await running.next()
  expect(await running.ended).toBe(0)
  const [first, , , last] = usages
  expect(last.fds).toBe(first.fds)
  // 150 workers between the two: a leak of their heaps would be hundreds of megabytes.
  expect(last.rss - first.rss).toBeLessThan(30 * 2 ** 20)
}, 120_000)

test('a hundred thousand calls of each kind leave memory as it was', async () => {
  const running = start(node, ['--expose-gc', fixturePath('leaks.mjs')])
  const growth = await running.next()
  for (const [call, bytes] of Object.entries(growth)) {
    expect(bytes, call).toBeLessThan(8 * 2 ** 20)
  }
}, 120_000)
