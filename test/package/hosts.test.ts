import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { openFolder } from '../helpers/folder.ts'
import { foreignNode } from '../helpers/nodes.ts'
import { until } from '../helpers/process.ts'
import { need } from '../helpers/tools.ts'

// docs/hosts.md is the table of these tests.
const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const fixture = join(root, 'test/fixtures/host.mjs')
const page = readFileSync(join(root, 'docs/hosts.md'), 'utf8')
const rows = [...page.matchAll(/^\| (.+) \| (ok|refused) \| (ok|refused) \|$/gm)]
const table = rows.map(([, what = '', Bun = '', Deno = '']) => ({ what, Bun, Deno }))

const hosts = {
  Bun: { from: '@oven/bun-linux-x64@1.4.5', command: ['bin/bun'] },
  Deno: { from: '@deno/linux-x64-glibc@2.9.6', command: ['deno', 'run', '-A', '--no-lock'] },
}
const onTerminal = ['calls on a terminal', 'withForeground of a child', 'detach, from a terminal']

async function commandOf(name: keyof typeof hosts): Promise<string[]> {
  const { from, command } = hosts[name]
  const [program = '', ...rest] = command
  return [join(await foreignNode(from), program), ...rest]
}

/** What came of a case, in a session that has a terminal or none. */
async function outcome(command: string[], what: string): Promise<unknown> {
  const folder = openFolder()
  const line = [...command, fixture, join(root, 'dist/index.cjs'), folder, what]
  const caches = { HOME: folder, DENO_DIR: join(folder, 'deno'), BUN_INSTALL: join(folder, 'bun') }
  const env = { ...process.env, ...caches, DENO_NO_UPDATE_CHECK: '1' }
  const quoted = line.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ')
  const limits = { env, timeout: 30_000, killSignal: 'SIGKILL' } as const
  const ended = onTerminal.includes(what)
    ? run('script', ['-qec', quoted, '/dev/null'], limits)
    : run('setsid', ['--wait', 'sh', '-c', '"$@"; exit $?', 'sh', ...line], limits)
  ended.child.stdin?.end()
  const said = await ended.catch((error: unknown) => error as { stderr: string })
  await until(() => existsSync(join(folder, 'result')), 5000).catch((error: unknown) => {
    throw new Error(`${what} has no result: ${said.stderr}`, { cause: error })
  })
  return JSON.parse(readFileSync(join(folder, 'result'), 'utf8'))
}

test('docs/hosts.md has a row for each case', () => {
  const source = readFileSync(fixture, 'utf8')
  const cases = [...source.matchAll(/^ {2}(?:async )?(?:'([^']+)'|"([^"]+)"|(\w+))\(\) \{$/gm)]
  const names = cases.map(([, one, two, three]) => one ?? two ?? three)
  expect(names.sort()).toEqual(table.map(({ what }) => what).sort())
})

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('under', () => {
  describe.each(['Bun', 'Deno'] as const)('%s', (name) => {
    test.each(table)('$what', { timeout: 60_000 }, async (row) => {
      need('script')
      need('setsid')
      const command = await commandOf(name)
      const code = 'ERR_RUNTIME_UNSUPPORTED'
      const refused = { is: 'refused', code, runtime: name, children: [], same: true }
      expect(await outcome(command, row.what)).toEqual(row[name] === 'ok' ? { is: 'ok' } : refused)
    })
  })

  test('Node, every case', { timeout: 120_000 }, async () => {
    need('script')
    for (const { what } of table) {
      expect([what, await outcome([process.execPath], what)]).toEqual([what, { is: 'ok' }])
    }
  })
})
