// SIGHUP comes when the terminal closes, and to a daemon that is to read its configuration again.
import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isLive, type Running, startFixture, until } from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'

const libraries = [
  'signal-exit',
  'a listener that goes',
  'removeAllListeners of the signal',
  'removeAllListeners of everything',
]
const cases = libraries.flatMap((name) => ['before', 'after'].map((when) => [name, when] as const))

/** Sends SIGHUP, twice, and sees it handled: an answer shows one turn of the event loop, two show that it was. */
async function expectSpared(running: Running): Promise<void> {
  for (let i = 0; i < 2; i++) {
    process.kill(running.pid, 'SIGHUP')
    for (let turn = 0; turn < 3; turn++) {
      running.tell('are you there?')
      expect(await running.next()).toEqual({ alive: true })
    }
  }
  expect(isLive(running.pid)).toBe(true)
}

describe('a SIGHUP that nobody asked for ends nothing', () => {
  test.for(cases)('%s, %s detach()', async ([library, when]) => {
    const running = startFixture('hangup.mjs', [library, when])
    expect(await running.next()).toEqual({ complete: true })
    await expectSpared(running)
  })

  test('signal-exit with reopenOn: SIGHUP: the log is opened anew', async () => {
    const log = join(openFolder(), 'log')
    const running = startFixture('hangup.mjs', ['signal-exit', 'before', log])
    await running.next()
    renameSync(log, `${log}.1`)
    await expectSpared(running)
    await until(() => existsSync(log))
  })

  test.for(['before', 'after'])(
    "the program's own listener, %s detach(), hears it",
    async (when) => {
      const running = startFixture('hangup.mjs', ["the program's own", when])
      await running.next()
      process.kill(running.pid, 'SIGHUP')
      expect(await running.next()).toEqual({ heard: 'SIGHUP' })
    },
  )
})
