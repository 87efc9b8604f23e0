import { expect, test } from 'vitest'
import { fixturePath, node, start } from '../helpers/process.ts'

// Once a worker is being terminated, Node refuses what could run JavaScript: native code must take that.
test.each([
  'values',
  'processRowsAsync',
  'watcher',
  'sessionMembers',
  'listProcessesSync',
  'listProcesses',
  'processInfo',
  'explain',
  'waitForExit',
  'signalGroup',
  'spawn',
])('50 workers terminated in the middle of %s end alone', { timeout: 120_000 }, async (call) => {
  const running = start(node, [fixturePath('terminate.mjs'), call, '50'], { detached: true })
  expect(await running.next()).toBe('lives')
  expect(await running.ended).toBe(0)
})
