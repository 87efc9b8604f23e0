// What run() tells a program, and what it keeps of its output.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { run, type RunOptions } from 'setsid'
import { openFolder } from '../helpers/folder.ts'
import { type Json, runFixture, track } from '../helpers/process.ts'

type TextOptions = RunOptions<string> & { encoding?: BufferEncoding }

const sh = (script: string, options: TextOptions = {}) => run('sh', ['-c', script], options)
const ofFixture = (name: string, ...args: unknown[]): Promise<Json> =>
  runFixture('run.mjs', [name, ...args.map((value) => JSON.stringify(value))])

describe('input', () => {
  test.each([
    ['a text', () => 'héllo'],
    ['bytes', () => new TextEncoder().encode('héllo')],
    ['a stream', () => Readable.from(['hé', 'llo'])],
  ])('%s', async (_, input) => {
    expect((await sh('cat', { input: input() })).stdout).toBe('héllo')
  })

  test('none: end of file', async () => {
    expect(await sh('cat; readlink /proc/self/fd/0')).toMatchObject({ stdout: '/dev/null\n' })
    expect(await sh('cat; echo end', { stdio: 'pipe' })).toMatchObject({ stdout: 'end\n' })
    expect(await sh('cat; echo end', { input: '' })).toMatchObject({ stdout: 'end\n' })
  })

  test('a large one that nobody reads is no failure', async () => {
    const large = Buffer.alloc(10_000_000)
    for (const script of ['true', 'exec <&-; sleep 0.2', 'head -c 1 >/dev/null']) {
      expect(await sh(script, { input: large })).toMatchObject({ code: 0, signal: null })
    }
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(65536))
      },
    })
    expect(await sh('head -c 100000 | wc -c', { input: endless })).toMatchObject({
      ...{ code: 0, stdout: '100000\n' },
    })
    endless.destroy()
  })

  test('a stream that breaks off is the end', async () => {
    const input = new Readable({ read: () => undefined })
    input.on('error', () => undefined).push('x')
    setTimeout(() => input.destroy(new Error('broken')), 200)
    expect(await sh('cat; echo end', { input })).toMatchObject({ stdout: 'xend\n' })
  })

  test('the error of a stream that nobody hears is uncaught, and the end for the program too', async () => {
    expect(await ofFixture('unheard')).toEqual({
      ...{ code: 0, stdout: 'xend\n', caught: ['broken'] },
    })
  })
})

describe('the limit', () => {
  test('1 GB with a limit of 1 MB: both ends, a flat memory, no deadlock', async () => {
    const { code, ends, length, truncated, grown } = await ofFixture('flood', 2 ** 30, 2 ** 20)
    expect(code).toBe(0)
    expect(ends).toEqual([
      ['begin\n', 'end\n'],
      ['begin\n', 'end\n'],
    ])
    expect(length).toBe(2 ** 20)
    expect(truncated).toBe(2 ** 30 + 10 - 2 ** 20)
    expect(grown).toBeLessThan(64)
  })

  test.each([0, 1, 2, 3, 10, 4095, 4096, 99_999, 100_000, 100_001])(
    '%i bytes of 100,000, a few at a time and all at once',
    async (maxOutput) => {
      const all = Array.from({ length: 10_000 }, (_, i) => `${100_000_000 + i}\n`).join('')
      for (const script of ['cat', 'while read x; do echo $x; done']) {
        const { stdout, output, truncated } = await sh(script, { input: all, maxOutput })
        const head = Math.ceil(maxOutput / 2)
        const tail = maxOutput - head
        const kept =
          maxOutput >= all.length ? all : all.slice(0, head) + all.slice(all.length - tail)
        expect(stdout === kept && output === kept).toBe(true)
        expect(truncated).toBe(all.length - kept.length)
      }
    },
  )

  test('is of each stream, and of both together', async () => {
    const script = 'printf aaaa; sleep 0.1; printf bbbb >&2'
    expect(await sh(script, { maxOutput: 4 })).toMatchObject({
      ...{ stdout: 'aaaa', stderr: 'bbbb', output: 'aabb', truncated: 4 },
    })
    expect(await sh(script, { maxOutput: 2 })).toMatchObject({
      ...{ stdout: 'aa', stderr: 'bb', output: 'ab', truncated: 6 },
    })
  })

  test('cuts no character', async () => {
    for (const text of ['äöüßéè', '€…–“”', '😀😁😂', 'a😀b€cä']) {
      const size = Buffer.byteLength(text)
      for (let maxOutput = 0; maxOutput <= size; maxOutput++) {
        for (const encoding of ['utf8', 'utf16le'] as const) {
          const input = Buffer.from(text, encoding)
          const { stdout, output, truncated } = await run('cat', [], { input, encoding, maxOutput })
          expect(output).toBe(stdout)
          expect(stdout).not.toContain('\ufffd')
          expect(Buffer.from(stdout, 'utf8').toString()).toBe(stdout)
          const bytes = Buffer.byteLength(stdout, encoding)
          expect(bytes + truncated).toBe(input.length)
          expect(bytes).toBeLessThanOrEqual(maxOutput)
        }
      }
    }
  }, 300_000)
})

describe('encoding', () => {
  test.each([
    ['utf8', 'héł'],
    ['latin1', 'hÃ©Å\u0082'],
    ['hex', '68c3a9c582'],
    ['base64', 'aMOpxYI='],
    ['base64url', 'aMOpxYI'],
  ] as const)('%s', async (encoding, text) => {
    const { stdout, output } = await run('printf', ['héł'], { encoding })
    expect([stdout, output]).toEqual([text, text])
  })

  test('bytes', async () => {
    const script = `printf '\\377\\0'; printf '\\376' >&2`
    const { stdout, stderr, output } = await run('sh', ['-c', script], { encoding: 'buffer' })
    expect([stdout, stderr]).toEqual([Buffer.from([255, 0]), Buffer.from([254])])
    expect([...output].sort()).toEqual([0, 254, 255])
  })

  test('a character that comes in pieces is whole, also between pieces of the other stream', async () => {
    const script = `printf '\\342\\202'; sleep 0.1; printf x >&2; sleep 0.1; printf '\\254'`
    const pieces: string[] = []
    const onOutput = (chunk: string, stream: string) => pieces.push(`${stream} ${chunk}`)
    const { stdout, output } = await sh(script, { onOutput })
    expect([stdout, output]).toEqual(['€', 'x€'])
    expect(pieces).toEqual(['stderr x', 'stdout €'])
  })
})

describe('onOutput', () => {
  test('gets each piece when it comes, also what is dropped', async () => {
    const pieces: [string, string, number][] = []
    const began = performance.now()
    const { stdout } = await sh('echo a; sleep 0.3; echo b >&2; sleep 0.3; echo c', {
      maxOutput: 2,
      onOutput: (chunk, stream) => pieces.push([chunk, stream, performance.now() - began]),
    })
    expect(stdout).toBe('a\n')
    expect(pieces.map(([chunk, stream]) => [chunk, stream])).toEqual([
      ['a\n', 'stdout'],
      ['b\n', 'stderr'],
      ['c\n', 'stdout'],
    ])
    expect((pieces[1]?.[2] ?? 0) - (pieces[0]?.[2] ?? 0)).toBeGreaterThan(200)
  })

  test('that throws is an uncaught exception, and the run goes on', async () => {
    expect(await ofFixture('throws')).toEqual({
      ...{ code: 0, stdout: 'hello\n', caught: ['of the caller'] },
    })
  })
})

describe('stdio', () => {
  test('only what is a pipe is captured', async () => {
    const options = { stdio: ['ignore', 'pipe', 'ignore'] as ('ignore' | 'pipe')[] }
    expect(await sh('echo a; echo b >&2', options)).toMatchObject({
      ...{ stdout: 'a\n', stderr: '', output: 'a\n' },
    })
    expect(await sh('echo a', { stdio: 'ignore' })).toMatchObject({ code: 0, stdout: '' })
  })

  test('both into one pipe, in their true order', async () => {
    const { output } = await sh('exec 2>&1; for i in 1 2 3; do echo o; echo e >&2; done')
    expect(output).toBe('o\ne\no\ne\no\ne\n')
  })
})

test.each([
  [{ timeouts: 1 }, 'ERR_INVALID_ARG_VALUE', /'options.timeouts' is not an option; there are: /],
  [{ input: 5 }, 'ERR_INVALID_ARG_TYPE', /"options.input" property must be of type string or/],
  [{ input: 'x', stdio: 'ignore' }, 'ERR_INVALID_ARG_VALUE', /'options.input' can't go with/],
  [{ encoding: 'utf9' }, 'ERR_INVALID_ARG_VALUE', /'options.encoding' must be 'buffer' or/],
  [{ encoding: 8 }, 'ERR_INVALID_ARG_TYPE', /"options.encoding"/],
  [{ timeout: -1 }, 'ERR_OUT_OF_RANGE', /"options.timeout"/],
  [{ timeout: '1' }, 'ERR_INVALID_ARG_TYPE', /"options.timeout"/],
  [{ timeout: 2 ** 31 }, 'ERR_OUT_OF_RANGE', /"options.timeout"/],
  [{ grace: -1 }, 'ERR_OUT_OF_RANGE', /"options.grace"/],
  [{ killSignal: 'SIGFOO' }, 'ERR_UNKNOWN_SIGNAL', /SIGFOO/],
  [
    { killSignal: 'SIGCONT' },
    'ERR_INVALID_ARG_VALUE',
    /'options.killSignal' must be a signal that/,
  ],
  [{ killSignal: 0 }, 'ERR_OUT_OF_RANGE', /"options.killSignal"/],
  [{ signal: {} }, 'ERR_INVALID_ARG_TYPE', /"options.signal"/],
  [{ drain: 'x' }, 'ERR_INVALID_ARG_TYPE', /"options.drain"/],
  [{ onSurvivors: 'kill' }, 'ERR_INVALID_ARG_VALUE', /one of: 'report', 'stop', 'wait'/],
  [{ maxOutput: 1.5 }, 'ERR_OUT_OF_RANGE', /"options.maxOutput"/],
  [{ maxOutput: 2 ** 30 }, 'ERR_OUT_OF_RANGE', /"options.maxOutput"/],
  [{ onOutput: 'x' }, 'ERR_INVALID_ARG_TYPE', /"options.onOutput"/],
  [{ stdio: ['ipc'] }, 'ERR_INVALID_ARG_VALUE', /'options.stdio\[0\]' must not be/],
  [{ stdio: ['ignore', 'pipe', 'pipe', 'pipe'] }, 'ERR_INVALID_ARG_VALUE', /stdio\[3\]/],
  [{ stdio: 'bogus' }, 'ERR_INVALID_ARG_VALUE', /stdio/],
  [{ cwd: 5 }, 'ERR_INVALID_ARG_TYPE', /"options.cwd"/],
  [{ session: 'old' }, 'ERR_INVALID_ARG_VALUE', /'options.session'/],
  [{ parentDeathSignal: 'SIGTERM' }, 'ERR_INVALID_ARG_VALUE', /options.parentDeathSignal/],
  [5, 'ERR_INVALID_ARG_TYPE', /"options"/],
])('%j is refused with %s, and nothing is started', async (bad, code, message) => {
  const file = join(openFolder(), 'touched')
  expect(await ofFixture('refused', { file, bad })).toEqual({
    ...{ code, message: expect.stringMatching(message), more: 0 },
  })
  expect(existsSync(file)).toBe(false)
})

test.each([
  [[undefined], 'ERR_INVALID_ARG_TYPE'],
  [[''], 'ERR_INVALID_ARG_VALUE'],
  [['true', 'x'], 'ERR_INVALID_ARG_TYPE'],
  [['true', ['a\0b']], 'ERR_INVALID_ARG_VALUE'],
])('run(...%j) is refused with %s', async (args, code) => {
  const call = run as (...all: unknown[]) => Promise<unknown>
  await expect(call(...args)).rejects.toMatchObject({ code })
})

test('an inherited property is no option, and a getter is read once', async () => {
  let reads = 0
  const options = Object.assign(Object.create({ timeout: 'x' }) as object, {
    get maxOutput() {
      return ++reads === 1 ? 2 : -1
    },
  })
  const { stdout, survivors } = await run('echo', ['abc'], options)
  track(...survivors.map(({ pid }) => pid))
  expect([stdout, reads]).toEqual(['a\n', 1])
})
