import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import * as protocol from '../../lib/launcher/protocol.ts'
import { launcher } from '../helpers/daemon.ts'
import { fixturePath } from '../helpers/process.ts'

const folder = join(import.meta.dirname, '../../src/launcher')
const header = readFileSync(join(folder, 'protocol.h'), 'utf8')
const page = readFileSync(join(folder, 'PROTOCOL.md'), 'utf8')

const limits: Record<string, number> = {
  INT_MAX: 2 ** 31 - 1,
  INT_MIN: -(2 ** 31),
  LLONG_MAX: Infinity,
}
const number = (text: string) => limits[text] ?? Number(text)

/** The rows of one table of the header, in their order. */
function rowsOf(table: string): [string, number, number, number][] {
  const text = new RegExp(`#define ${table}\\(ROW\\)([^]*?)\\n\\n`).exec(header)?.[1] ?? ''
  const rows = text.matchAll(/ROW\(\w+, "(\w+)", (-?\w+), (-?\w+), (\w+)\)/g)
  return [...rows].map(([, word = '', values = '', least = '', most = '']) => [
    word,
    number(values),
    number(least),
    number(most),
  ])
}

const tables = {
  PROGRAM_WORDS: protocol.programWords,
  ANSWER_WORDS: protocol.answerWords,
  REPORT_WORDS: protocol.reportWords,
  STEP_WORDS: protocol.stepWords,
  SUPERVISOR_WORDS: protocol.supervisorWords,
  CONTAIN_WORDS: protocol.containWords,
  LAUNCH_OPTIONS: protocol.launchOptions,
  WAY_WORDS: protocol.wayWords,
}

describe('protocol.h and protocol.ts', () => {
  test.for(Object.entries(tables))('%s: the same rows in the same order', ([table, words]) => {
    const rows = rowsOf(table)
    expect(rows.length).toBeGreaterThan(2)
    expect(rows).toEqual(Object.entries(words).map(([word, row]) => [word, ...row]))
  })

  test('the same version and the same length of a message', () => {
    const value = (name: string) => Number(new RegExp(`#define ${name} (\\d+)`).exec(header)?.[1])
    expect(value('PROTOCOL_VERSION')).toBe(protocol.PROTOCOL_VERSION)
    expect(value('PROTOCOL_MESSAGE')).toBe(protocol.PROTOCOL_MESSAGE)
    expect(page).toContain(`Version ${protocol.PROTOCOL_VERSION}`)
  })

  // A launcher of another release must refuse us, not misunderstand us.
  test('whoever changes a row changes the version', () => {
    const rows = createHash('sha256')
      .update(JSON.stringify(Object.values(tables)))
      .digest('hex')
    expect({ version: protocol.PROTOCOL_VERSION, rows: rows.slice(0, 16) }).toEqual({
      version: 5,
      rows: '2fbbecc09b215603',
    })
  })

  test('PROTOCOL.md has a row for every word, for each conversation that has it', () => {
    const words = Object.values(tables).flatMap((table) => {
      const before = table === protocol.launchOptions ? '--' : ''
      return Object.keys(table).map((word) => before + word)
    })
    const rows = [...page.matchAll(/^\| `([\w-]+)/gm)].map(([, word]) => word)
    const count = (list: unknown[], word: string) => list.filter((each) => each === word).length
    for (const word of words) expect(count(rows, word), word).toBe(count(words, word))
  })
})

const version = protocol.PROTOCOL_VERSION
const hello = `hello ${version}`

/** What a program below the launcher gets for its messages, and how the command ends. */
function speak(actions: string[], options: string[] = []) {
  const program = ['python3', fixturePath('speak.py'), ...actions]
  const { status, stdout, stderr } = spawnSync(launcher, ['launch', ...options, '--', ...program], {
    timeout: 10_000,
  })
  return { status, answers: stdout.toString().trim().split('\n'), stderr: stderr.toString() }
}

describe('the launcher alone', () => {
  test('hears every word of the program', () => {
    const values: Record<keyof typeof protocol.programWords, string> = {
      hello: String(protocol.PROTOCOL_VERSION),
      pidfile: '/no/such/folder/file',
      detached: '0',
      ready: '7',
    }
    const words = Object.entries(values).map(([word, value]) => `${word} ${value}`)
    expect(speak(words)).toMatchObject({ status: 7, stderr: '' })
  })

  test('greets its own version and refuses another', () => {
    expect(speak([hello, 'answer', 'hello 1', 'answer']).answers).toEqual([
      `welcome ${version} 0`,
      `refused ${version}`,
    ])
    expect(speak([hello, 'answer', 'ready 0'], ['--mark=restart']).answers).toEqual([
      `welcome ${version} 1`,
    ])
  })

  const bad = [
    'hello',
    'hello ',
    'hello x',
    'hello 3x',
    'hello 3 3',
    'hello 99999999999999999999',
    'pidfile',
    'pidfile ',
    'detached',
    'detached -1',
    'detached 2147483648',
    'ready 256',
    'ready -1',
    'rea',
    'READY 0',
    'nonsense 1',
    ' ',
    'ready 0\\0ready 0',
    `pidfile /${'x'.repeat(5000)}`,
    'x'.repeat(5000),
  ]
  test('refuses each message that is none, and lives', () => {
    const actions = bad.flatMap((message) => [message, 'answer'])
    const { answers, status } = speak([hello, 'answer', ...actions, 'say end'])
    expect(answers).toEqual([`welcome ${version} 0`, ...bad.map(() => 'bad'), 'end'])
    expect(status).toBe(0)
  })

  test('hears nothing before hello', () => {
    const { answers, status } = speak(['ready 7', 'answer', 'detached 1', 'answer'])
    expect([answers, status]).toEqual([['bad', 'bad'], 0])
  })

  test('the end of the line is never taken for ready', () => {
    expect(speak([hello, 'answer', 'detached 0']).status).toBe(1)
    expect(speak([hello, 'answer', 'ready 9']).status).toBe(9)
  })

  test.for([
    '--timeout=99999999999999999999',
    '--timeout=-1',
    '--timeout=',
    '--timeout=1s',
    '--grace=2147483648',
    '--umask=512',
    '--ready=up:x',
    '--ready=fd',
    '--ready=soon',
    '--mark=other',
    '--report=0',
    '--nonsense=1',
    '--timeout',
  ])('the option %s is refused by its name', (option) => {
    const { status, stderr } = spawnSync(launcher, ['launch', option, '--', 'true'])
    expect(status).toBe(2)
    expect(stderr.toString()).toContain(`no such option or value: ${option}\n`)
  })

  test.for([
    'group',
    'group=',
    'group=x',
    'group=1,2',
    'umask=512',
    'umask=-1',
    'ignore=0',
    'ignore=65',
    'death=9',
    'death=9,1,3,4',
    'foreground=0',
    'UMASK=1',
    'umask 18',
    'nonsense=1',
    'contain=4,5',
    'session=1',
    `umask=${'1'.repeat(5000)}`,
  ])('the step %s is told by its index, and no program runs', (step) => {
    const line = ['exec', 'status=3', step, '--', '/bin/echo', 'echo', 'it runs']
    const { output, status } = spawnSync(launcher, line, { stdio: ['ignore', 'pipe', 2, 'pipe'] })
    const report = Buffer.from(output[3] ?? '')
    expect([report.readInt32LE(0), report.readInt32LE(4)]).toEqual([1, constants.errno.EINVAL])
    expect([output[1]?.toString(), status]).toEqual(['', 127])
  })

  test('another version of its caller is refused by a sentence', () => {
    const { status, stderr } = spawnSync(launcher, ['launch', '--protocol=1', '--', 'true'])
    expect(status).toBe(2)
    expect(stderr.toString()).toMatch(/speaks version 5 .* caller version 1: .* different releases/)
  })
})
