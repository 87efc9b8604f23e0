import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, expect, test } from 'vitest'
import * as api from '../../lib/index.ts'

// docs/errors.md beside the @throws lines of the features, and beside the tests that it names.

const root = new URL('../../', import.meta.url)
const text = (path: string) => readFileSync(new URL(path, root), 'utf8')
const filesOf = (folder: string, end: string) =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .map((name) => `${folder}/${name}`)

/** Said once for all functions, above the tables. */
const general =
  /^ERR_(INVALID_ARG_TYPE|INVALID_ARG_VALUE|OUT_OF_RANGE|UNKNOWN_SIGNAL|WORKER_UNSUPPORTED_OPERATION)$/

interface Documented {
  /** Of its own @throws lines. */
  codes: string[]
  /** The functions that a line refers to: "as `detach()`". */
  as: string[]
  text: string
  /** Whether a line ends in "any other errno of open() likewise". */
  open: boolean
}

function read(comment: string): Documented {
  const lines = comment.split(/@throws /).slice(1)
  const codes = lines.flatMap((line) => {
    const [list = ''] = /^`\w+`(, `\w+`)*/.exec(line) ?? []
    return [...list.matchAll(/`(\w+)`/g)].map(([, code = '']) => code)
  })
  const as = lines.flatMap((line) => {
    const [, list = ''] = /\bas ((?:`\w+\(\)`(?:,| and)? ?)+)/.exec(line) ?? []
    return [...list.matchAll(/`(\w+)\(\)`/g)].map(([, name = '']) => name)
  })
  const open = lines.some((line) => /any other errno|^[^\n]*…/.test(line))
  return { codes: codes.filter((code) => !general.test(code)), as, open, text: comment }
}

const documented = new Map<string, Documented & { file: string }>()
for (const file of filesOf('lib', '.ts')) {
  const pattern = /\/\*\*((?:(?!\*\/)[^])*)\*\/\nexport (?:async )?function (\w+)/g
  for (const [, comment = '', name = ''] of text(file).matchAll(pattern)) {
    if (name in api && !file.startsWith('lib/raw/'))
      documented.set(name, { ...read(comment), file })
  }
}

/** Its own codes and those of the functions that it refers to. */
function throwsOf(
  name: string,
  seen = new Set<string>(),
): { codes: Set<string>; open: boolean; text: string } {
  const it = documented.get(name)
  const codes = new Set(it?.codes)
  let text = it?.text ?? ''
  let open = it?.open ?? false
  if (it !== undefined && !seen.has(name)) {
    for (const other of it.as) {
      const more = throwsOf(other, seen.add(name))
      for (const code of more.codes) codes.add(code)
      text += more.text
      open ||= more.open
    }
  }
  return { codes, open, text }
}

interface Row {
  functions: string[]
  codes: string[]
  reasons: string[]
  tests: string[]
  /** An event, which no function throws. */
  event: boolean
  line: string
}

/** The functions of a folder: the row says "all of inspection", "all of stopping". */
const allOf: Record<string, string> = { inspection: 'lib/inspect/', stopping: 'lib/stop/' }
const rows = (text('docs/errors.md').split('## Features\n')[1] ?? '')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| functions |'))
  .map((line): Row => {
    const cells = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
    const [functions = '', error = '', , reason = '', , , tests = ''] = cells
    const folder = allOf[/^all of (\w+)$/.exec(functions)?.[1] ?? '']
    return {
      functions: folder
        ? [...documented].filter(([, { file }]) => file.startsWith(folder)).map(([name]) => name)
        : functions.split(', ').map((name) => name.replace(/ \(.*/, '')),
      codes: [...error.matchAll(/[A-Za-z]\w+/g)].map(([code]) => code),
      reasons: [...reason.matchAll(/`([a-z-]+)`/g)].map(([, word = '']) => word),
      tests: tests.split(', ').filter(Boolean),
      event: functions.includes('event'),
      line,
    }
  })

const testFiles = new Map(
  filesOf('test', '.test.ts').map((file) => [basename(file, '.test.ts'), file]),
)

describe('the features of docs/errors.md', () => {
  test('are read', () => {
    expect(rows.length).toBeGreaterThan(20)
    expect(documented.size).toBeGreaterThan(20)
  })

  test('each row names functions that there are', () => {
    const unknown = rows.flatMap((row) => row.functions).filter((name) => !(name in api))
    expect([...new Set(unknown)]).toEqual([])
  })

  test.for(rows)('$line', ({ tests, codes, reasons, line }) => {
    // What no test can bring about says why.
    if (/\| none: \w[^|]+\|$/.test(line)) return
    expect(tests, 'names a test, or "none: WHY"').not.toEqual([])
    for (const name of tests) {
      const file = testFiles.get(name)
      expect(file, `there is no test file ${name}`).toBeDefined()
      const source = text(file ?? '')
      const words = [...codes, ...reasons]
      const told = words.filter((word) => source.includes(word))
      expect(told, `${file} mentions none of ${words.join(', ')}`).not.toEqual([])
    }
  })

  test('each @throws line of a feature has a row', () => {
    const missing = [...documented].flatMap(([name, { codes }]) =>
      codes
        .filter(
          (code) => !rows.some((row) => row.functions.includes(name) && row.codes.includes(code)),
        )
        .map((code) => `${name} ${code}`),
    )
    expect(missing).toEqual([])
  })

  test('each reason that is thrown has a row or, for a verdict, a line in its guide', () => {
    const verdicts = ['explain', 'aftermath', 'reaction'].map((name) => `lib/inspect/${name}.ts`)
    const errors = text('docs/errors.md')
    const guide = text('docs/inspection.md')
    const missing = filesOf('lib', '.ts').flatMap((file) => {
      const said = verdicts.includes(file) ? guide : errors
      return [...text(file).matchAll(/^(?! *(?:\/\/|\*)).*\breason: '([a-z-]+)'/gm)]
        .map(([, reason = '']) => reason)
        .filter((reason) => !said.includes(`\`${reason}\``))
        .map((reason) => `${file} ${reason}`)
    })
    expect(missing).toEqual([])
  })

  test('each reason of a row is thrown', () => {
    const code = filesOf('lib', '.ts').map(text).join('')
    const thrown = (word: string) => code.includes(`'${word}'`) || code.includes(`  ${word}: `)
    expect(rows.flatMap(({ reasons }) => reasons).filter((word) => !thrown(word))).toEqual([])
  })

  test('each reason of a row stands in the @throws lines of its functions', () => {
    const missing = rows.flatMap(({ functions, reasons, event }) =>
      event
        ? []
        : functions.flatMap((name) => {
            const { text } = throwsOf(name)
            return reasons.filter((word) => !text.includes(`'${word}'`)).map((w) => `${name} ${w}`)
          }),
    )
    expect([...new Set(missing)]).toEqual([])
  })

  test('each row has its @throws line', () => {
    const missing = rows.flatMap(({ functions, codes, event }) =>
      event
        ? []
        : functions.flatMap((name) => {
            const { codes: known, open } = throwsOf(name)
            return open
              ? []
              : codes.filter((code) => !known.has(code)).map((code) => `${name} ${code}`)
          }),
    )
    expect([...new Set(missing)]).toEqual([])
  })
})
