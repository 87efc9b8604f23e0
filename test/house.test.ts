import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { native } from '../lib/base/native.ts'
import * as api from '../lib/index.ts'

// What has to be in several places is in all of them: the lists of "How to add" in CONTRIBUTING.md. The raw calls are
// held by test/base/errors.test.ts, the options of spawn by test/spawn/options.test.ts, messages by test/protocol/.

const root = fileURLToPath(new URL('..', import.meta.url))
const text = (path: string) => readFileSync(root + path, 'utf8')

describe.each(['README.md', 'CHANGELOG.md'])('%s', (page) => {
  test.for(Object.keys(api))('tells of %s', (name) => {
    expect(text(page)).toMatch(new RegExp(`\`${name}[\`(]`))
  })
})

test('README.md has the commands as sess --help has them', () => {
  const help = execFileSync(`${root}bin/sess`, ['--help']).toString()
  const commands = help.split('\n').filter((line) => /^ {2}sess [a-z]/.test(line))
  expect(commands.length).toBeGreaterThan(8)
  const [, block = ''] = /## The command\n\n```\n([^]*?)```/.exec(text('README.md')) ?? []
  expect(block.trimEnd().split('\n')).toEqual(commands.map((line) => line.trim()))
})

const commandFiles = readdirSync(`${root}lib/cli/commands`).map((file) => file.replace('.ts', ''))
const commandTests = readdirSync(`${root}test/cli`)
  .map((file) => text(`test/cli/${file}`))
  .join()

test.for(commandFiles)('sess %s: is in the help, in CHANGELOG.md, and has a test', (name) => {
  expect(execFileSync(`${root}bin/sess`, ['--help']).toString()).toContain(`  sess ${name} `)
  const help = execFileSync(`${root}bin/sess`, [name, '--help']).toString()
  expect(help).toMatch(/^(Examples?|For example)/m)
  expect(text('CHANGELOG.md')).toContain(`\`${name}\``)
  expect(commandTests).toMatch(new RegExp(`['"\`](sess )?${name}['" ]`))
})

/** The calls that an interface of lib/base/ has. */
function typedIn(file: string): string[] {
  const [, body = ''] = /export interface \w*Native[^{]*\{([^]*?)\n\}/.exec(text(file)) ?? []
  return [...body.matchAll(/^ {2}(\w+)\(/gm)].map(([, name = '']) => name)
}

test('native.ts has the calls that the addon has, and the addon the errors of Node', () => {
  const typed = ['native', 'raw-native'].flatMap((file) => typedIn(`lib/base/${file}.ts`))
  const { errnos, ...calls } = native
  expect(typed.sort()).toEqual(Object.keys(calls).sort())
  for (const [name, number] of Object.entries(errnos)) {
    expect([name, number]).toEqual([name, -constants.errno[name as keyof typeof errnos]])
  }
})

test('raw-native.ts has the calls that an import defines', () => {
  const code = 'console.log(JSON.stringify(Object.keys(require("./build/Release/setsid.node"))))'
  const defined = JSON.parse(
    execFileSync(process.execPath, ['-e', code], { cwd: root }).toString(),
  ) as string[]
  expect(defined.sort()).toEqual([...typedIn('lib/base/raw-native.ts'), 'errnos'].sort())
})

describe('CONTRIBUTING.md', () => {
  const page = text('CONTRIBUTING.md')

  test('names files and folders that are there', () => {
    const paths = [...page.matchAll(/`((?:lib|src|test|scripts|docs|bin)\/[\w./-]*)`/g)]
    expect(paths.length).toBeGreaterThan(30)
    for (const [, path = ''] of paths) expect(existsSync(root + path), path).toBe(true)
  })

  test('has a row for every folder of lib/', () => {
    for (const entry of readdirSync(`${root}lib`, { withFileTypes: true })) {
      if (entry.isDirectory()) expect(page).toContain(`| \`lib/${entry.name}/\` |`)
    }
  })

  test('names scripts that package.json has', () => {
    const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> }
    for (const [, name = ''] of page.matchAll(/`npm run ([\w:]+)/g)) {
      expect(Object.keys(scripts), name).toContain(name)
    }
  })
})
