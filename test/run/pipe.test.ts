// What is read of the pipes, without a program: what Node tells of a program's exit comes after it has read them.
import { writeSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { native } from '../../lib/base/native.ts'
import { checkRun } from '../../lib/run/options.ts'
import { Output } from '../../lib/run/output.ts'
import type { RunOptions } from '../../lib/run/types.ts'

/** The ends that the program would have. */
const theirs: number[] = []
afterEach(() => theirs.splice(0).forEach((fd) => native.close(fd)))

function open(options: RunOptions = {}) {
  const fds = (['stdout', 'stderr'] as const).map((name) => {
    const pipe = native.pipe()
    if (typeof pipe === 'number') throw new Error(`pipe: ${pipe}`)
    theirs.push(pipe[1])
    return [name, pipe[0]] as const
  })
  const [stdout = 0, stderr = 0] = theirs.slice(-2)
  return { stdout, stderr, output: new Output(checkRun('x', [], options), Object.fromEntries(fds)) }
}

/** As texts. */
const finished = (output: Output) => {
  const { truncated, ...bytes } = output.finish()
  const texts = Object.entries(bytes).map(([name, value]) => [name, value.toString()])
  return { ...Object.fromEntries(texts), truncated }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('finish()', () => {
  test('takes what is in the pipes and Node has not read', () => {
    const { stdout, stderr, output } = open()
    const large = 'x'.repeat(60_000)
    writeSync(stdout, large)
    writeSync(stderr, 'err')
    expect(finished(output)).toEqual({
      ...{ stdout: large, stderr: 'err', output: `${large}err`, truncated: 0 },
    })
  })

  test('goes on where Node has stopped, also within a character', async () => {
    const pieces: string[] = []
    const { stdout, output } = open({ onOutput: (piece) => pieces.push(String(piece)) })
    const bytes = Buffer.from('a€b€')
    writeSync(stdout, bytes.subarray(0, 3))
    for (let i = 0; i < 100 && pieces.length === 0; i++) await turn()
    writeSync(stdout, bytes.subarray(3, 7))
    expect(finished(output)).toMatchObject({ stdout: 'a€b\ufffd', output: 'a€b\ufffd' })
    expect(pieces.join('|')).toBe('a|€b|\ufffd')
  })

  test('what is dropped counts too', () => {
    const { stdout, output } = open({ maxOutput: 4 })
    writeSync(stdout, 'abcdefgh')
    expect(finished(output)).toMatchObject({ stdout: 'abgh', truncated: 4 })
  })
})

describe('drained()', () => {
  const long = 60_000

  test('is fulfilled when the last writer of both has gone', async () => {
    const { stdout, stderr, output } = open()
    let isOver = false
    const drained = output.drained(long).then(() => (isOver = true))
    writeSync(stdout, 'last')
    native.close(stdout)
    for (let i = 0; i < 20; i++) await turn()
    expect(isOver).toBe(false)
    native.close(stderr)
    theirs.length = 0
    await drained
    expect(finished(output)).toMatchObject({ stdout: 'last', stderr: '' })
    await output.drained(long)
  })

  test('or when the time is over', async () => {
    const { output } = open()
    await output.drained(20)
    output.finish()
  })
})
