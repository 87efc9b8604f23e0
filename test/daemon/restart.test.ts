// A program that is started again is started as the first time, whatever it has changed meanwhile.
import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { launcher, sess } from '../helpers/daemon.ts'
import { fixturePath, type Json, node, until, isLive } from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'

const again = fixturePath('again.mjs')
/** Bytes that are no UTF-8, an empty argument, and a name that is not the program's. */
const odd = `"$(printf 'a\\377b')" '' last`

/** Runs a line of sh, which knows the program as "$@" FILE. */
function run(command: string[], line: string, options: { cwd?: string; env?: object } = {}) {
  const folder = openFolder()
  const file = join(folder, 'told')
  const cwd = options.cwd ?? join(folder, 'first')
  mkdirSync(cwd, { recursive: true })
  const { status, stderr } = spawnSync('bash', ['-c', line, 'bash', file, ...command], {
    cwd,
    env: { ...process.env, ...options.env },
    timeout: 20_000,
  })
  const told: Json[] = existsSync(file)
    ? readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((text) => JSON.parse(text))
    : []
  return { status, stderr: stderr.toString(), told }
}

const withOddEnv = `export AGAIN_BYTES="$(printf '\\303(\\376')" AGAIN_EMPTY=; file=$1; shift`

function expectSame({ status, stderr, told }: ReturnType<typeof run>): void {
  expect([status, stderr]).toEqual([0, ''])
  expect(told).toHaveLength(2)
  const [{ pid: first, ...before }, { pid: second, ...after }] = told as [Json, Json]
  expect(after).toEqual(before)
  expect(first).not.toBe(second)
}

describe('restart', () => {
  test.for(['nothing', 'everything', 'no arguments'])('after a change of %s', (change) => {
    const line = `${withOddEnv}; exec -a a-name "$@" --expose-gc ${again} "$file" '${change}' ${odd}`
    const result = run([node], line)
    expectSame(result)
    expect(result.told[0].command).toBe(
      [
        'a-name',
        '--expose-gc',
        again,
        result.told[0].argv[2],
        change,
        'a\xffb',
        '',
        'last',
        '',
      ].join('\0'),
    )
    expect(result.told[0].env).toContain('AGAIN_BYTES=\xc3(\xfe')
  })

  test('the name is the file: no other name is made of it', () => {
    expectSame(run([node], `file=$1; shift; exec "$@" ${again} "$file" everything`))
  })

  test('a program that came by --eval', () => {
    const code = `process.argv.splice(1, 0, 'eval'); import('${again}')`
    expectSame(run([node], `file=$1; shift; exec "$@" -e "${code}" "$file" nothing x`))
  })

  test('a program that came by stdin is refused', () => {
    const line = `file=$1; shift; echo "import('${again}')" | "$@" - "$file" nothing`
    const { status, stderr, told } = run([node], line)
    expect(told).toHaveLength(1)
    expect(status).toBe(1)
    expect(stderr).toMatch(/ERR_DAEMON_FAILED[^]*no-script/)
  })

  test('a title that was set before the import: the arguments as Node knows them', () => {
    const line = `file=$1; shift; exec "$@" --expose-gc ${again} "$file" nothing 'a b' ''`
    const { status, stderr, told } = run([node], line, { env: { AGAIN_TITLE: 'title' } })
    expect([status, stderr]).toEqual([0, ''])
    const [first, second] = told
    for (const key of ['argv', 'argv0', 'execArgv', 'cwd']) expect(second[key]).toEqual(first[key])
  })

  test.for(['its folder away', 'another folder there'])('%s: ENOENT, by name', (change) => {
    const line = `file=$1; shift; exec "$@" ${again} "$file" '${change}'`
    const { status, stderr, told } = run([node], line)
    expect(told).toHaveLength(1)
    expect(status).toBe(1)
    expect(stderr).toMatch(/ENOENT: [^]*, chdir: [^]*reason: 'first-folder-gone'/)
  })

  test('its folder away, from within: Node itself refuses to start there', () => {
    const line = `file=$1; shift; exec "$@" ${again} "$file" 'its folder away, from within'`
    const { status, told } = run([node], line)
    expect([told.length, status === 0]).toEqual([1, false])
  })

  test('the channel of fork() is kept', async () => {
    const file = join(openFolder(), 'told')
    const child = fork(again, [file, 'everything'])
    const [[{ pid }], ended] = (await Promise.all([
      once(child, 'message'),
      once(child, 'exit'),
    ])) as Json
    expect(ended).toEqual([0, null])
    await until(() => !isLive(pid))
    const [first, second] = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)) as Json
    expect(second.argv).toEqual(first.argv)
    expect(second.pid).toBe(pid)
  })
})

describe('bytes', () => {
  test.for([
    ["import 'setsid/launch'", [node, '--import', import.meta.resolve('setsid/launch')]],
    ['sess launch', [node, sess, 'launch', '--', node]],
    ['the launcher', [launcher, 'launch', '--', node]],
  ] as const)('%s hands on what it was given', ([, command]) => {
    const line = `${withOddEnv}; exec "$@" ${again} "$file" everything ${odd}`
    const { status, stderr, told } = run([...command], line)
    expect([status, stderr]).toEqual([0, ''])
    expect(told).toHaveLength(1)
    expect(told[0].command).toMatch(/\0everything\0a\xffb\0\0last\0$/)
    expect(told[0].env).toEqual(expect.arrayContaining(['AGAIN_BYTES=\xc3(\xfe', 'AGAIN_EMPTY=']))
  })
})
