// spawn() where descriptors or calls of the kernel are missing, and of what was never started.
import { describe, expect, test } from 'vitest'
import { compile } from '../helpers/compile.ts'
import { fixturePath, node, start } from '../helpers/process.ts'

const script = fixturePath('spawn-scarce.mjs')

test('kill() of a child that was not started is false, and signals nothing, our own group neither', async () => {
  const running = start(node, [script, 'kill', 'main'], { detached: true })
  const { result } = await running.next()
  const never = { pid: null, result: false, killed: false }
  expect(result).toEqual({ told: [never, never, never, never], signalled: 0 })
})

describe.each(['main', 'worker'])('in a %s thread', (where) => {
  test('0 to 15 descriptors left: it runs or gives EMFILE, and none is lost', async () => {
    const running = start('sh', ['-c', `ulimit -n 128; exec "$0" "$@"`, node, script, 'fds', where])
    const { result } = await running.next()
    const outcomes = new Set(result.filter((each: unknown) => typeof each === 'string'))
    expect(result.filter((each: unknown) => typeof each === 'object')).toEqual([
      { leaked: 0 },
      { leaked: 0 },
      { leaked: 0 },
    ])
    expect([...outcomes].sort()).toEqual(['EMFILE', 'ran'])
  }, 60_000)

  test('none left for the first look for the launcher: EMFILE, and it runs later', async () => {
    const line = 'ulimit -n 128; exec "$0" "$@"'
    const running = start('sh', ['-c', line, node, script, 'first', where])
    const { result } = await running.next()
    expect(result).toEqual([{ code: 'EMFILE', syscall: 'spawn true' }, 'ran'])
  })

  test.each(['ENOSYS', 'EPERM'])('pidfd_open refused by %s: parentDeathSignal', async (code) => {
    const args = [`pidfd_open=${code}`, '--', node, script, 'no pidfd', where]
    const { result } = await start(compile('deny'), args).next()
    // The kernel's own way needs no pidfd.
    expect(result).toEqual(
      where === 'main' ? 'ran' : { code, syscall: 'prctl', reason: 'no-pidfd' },
    )
  })
})
