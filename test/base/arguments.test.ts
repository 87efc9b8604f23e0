import { spawnSync } from 'node:child_process'
import { getPriority } from 'node:os'
import { expect, test } from 'vitest'
import { getsid, killpg } from '../../lib/index.ts'
import * as session from '../../lib/raw/session.ts'
import * as terminal from '../../lib/raw/terminal.ts'
import { fixturePath, node, runFixture } from '../helpers/process.ts'
import { need } from '../helpers/tools.ts'

test('300 bad values of every argument are refused with typed errors', async () => {
  const { refused, wrong } = await runFixture('arguments.mjs')
  expect(wrong).toEqual([])
  expect(Object.keys(refused).length).toBeGreaterThan(10)
  expect(new Set(Object.values(refused))).toEqual(new Set([300]))
})

test('none of them reaches the kernel', () => {
  need('strace')
  // Those of them that are no system calls are passed over: "?" (strace(1)).
  const raw = [...Object.keys(session), ...Object.keys(terminal)]
  const calls = `trace=kill,tgkill,ioctl,readlink,${raw.map((name) => `?${name}`).join()}`
  const { stderr } = spawnSync(
    'strace',
    ['-f', '-qq', '-e', 'signal=none', '-e', calls, node, fixturePath('arguments.mjs')],
    { maxBuffer: 2 ** 26 },
  )
  const ours = new RegExp(`\\b(kill|tgkill|${raw.join('|')})\\(|TIOC[GS]PGRP|TIOCGSID|self/fd`)
  const seen = stderr
    .toString()
    .split('\n')
    .filter((line) => ours.test(line))
  // The one good call that the fixture makes at its end shows that the tracer sees them.
  expect(seen).toHaveLength(1)
  expect(seen[0]).toContain('getsid(')
})

test('the words are those of Node', () => {
  const thrown = (call: () => unknown) => {
    try {
      call()
    } catch (error) {
      const { name, message, code, stack } = error as NodeJS.ErrnoException
      // Newer Nodes add the code to the first line of the stack.
      return { name, message, code, told: stack?.includes(message) }
    }
    return 'nothing thrown'
  }
  const values = ['12', 12n, null, true, {}, [], new Date(), Date, NaN, 1.5, 2 ** 31, 2 ** 32 + 1]
  const rare = [-(2 ** 33), 'a'.repeat(40), "it's", Symbol('x'), Object.create(null), Infinity]
  for (const value of [...values, ...rare] as number[]) {
    // os.getPriority checks its pid as an int32, by the same name.
    expect(thrown(() => getsid(value))).toEqual(thrown(() => getPriority(value)))
  }
  const unknown = 'SIGFOO' as 'SIGTERM'
  expect(thrown(() => killpg(5, unknown))).toEqual(thrown(() => process.kill(5, unknown)))
})
