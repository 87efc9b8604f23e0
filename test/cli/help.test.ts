// The pages of the commands (lib/cli/pages/) as help, as manual, and what they say against what is read.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { names, pages } from '../../lib/cli/pages/all.ts'
import type { Page } from '../../lib/cli/pages/page.ts'
import { openFolder } from '../helpers/folder.ts'
import { node } from '../helpers/process.ts'
import { type Front, fronts, sess } from '../helpers/sess.ts'
import { need } from '../helpers/tools.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const manual = join(root, 'man/sess.1')
const told = (...args: string[]) => sess('node dist/cli.js', args)

test('the overview has every command in one line of a terminal', () => {
  const lines = told('help').out.split('\n')
  for (const name of names) expect(lines).toContainEqual(expect.stringMatching(`^  sess ${name} `))
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
})

describe.each(names)('sess %s', (name) => {
  const page: Page = pages[name]
  const { out, status } = told('help', name)

  test('its help has its options, exit codes and examples', () => {
    expect(status).toBe(0)
    expect(out).toMatch(`sess ${name} ${page.synopsis}\n`)
    for (const [option, { short, value }] of Object.entries(page.options)) {
      const letter = short === undefined ? '      ' : `  -${short}, `
      const takes = value === undefined ? '' : ` ${value}`
      expect(out).toContain(`\n${letter}--${option}${takes} `)
    }
    for (const [code] of [['0'], ['1'], ['2'], ...page.exitCodes]) {
      expect(out).toMatch(new RegExp(`^  ${code} +\\w`, 'm'))
    }
    for (const example of page.examples) expect(out).toContain(`\n  ${example}\n`)
    expect(page.examples.length).toBeGreaterThan(0)
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
  })

  test('--help and -h say the same, and start nothing', () => {
    expect(told(name, '--help').out).toBe(out)
    expect(told(name, '-h').out).toBe(out)
  })

  test('no two options have one letter', () => {
    const letters = Object.values(page.options).flatMap(({ short }) => short ?? [])
    expect(new Set(['h', ...letters]).size).toBe(letters.length + 1)
  })
})

describe('man/sess.1', () => {
  test('is what the pages say', () => {
    const { status, stderr } = spawnSync(node, ['--import', 'tsx', 'scripts/man.mjs', '--check'], {
      cwd: root,
      encoding: 'utf8',
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  test('groff has nothing to warn of, and shows every command with its options', () => {
    need('groff')
    const { stdout, stderr } = spawnSync(
      'groff',
      ['-man', '-Tutf8', '-ww', '-rLL=200n', '-P-c', manual],
      { encoding: 'utf8' },
    )
    expect(stderr).toBe('')
    const text = stdout.replaceAll(new RegExp(`.${String.fromCharCode(8)}`, 'g'), '')
    for (const name of names) {
      expect(text).toContain(`sess ${name} ${pages[name].synopsis}`)
      for (const option of Object.keys(pages[name].options)) expect(text).toContain(`--${option}`)
      // What is copied from it can be run.
      for (const example of pages[name].examples) expect(text).toContain(`${example}\n`)
    }
  })

  test('mandoc has nothing to remark', () => {
    need('mandoc')
    const { stdout, status } = spawnSync('mandoc', ['-T', 'lint', manual], { encoding: 'utf8' })
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 })
  })
})

describe('without the addon', () => {
  /** The package with its command, and with nothing that was built from C++. */
  const bare = () => {
    const folder = join(openFolder(), 'package')
    mkdirSync(folder)
    for (const name of ['bin', 'dist', 'scripts', 'package.json']) {
      cpSync(join(root, name), join(folder, name), { recursive: true })
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    return folder
  }

  test.each([
    ['--version'],
    ['--help'],
    ['help', 'kill'],
    ['ls', '--help'],
    ['completion', 'bash'],
    ['completion', 'zsh'],
    ['completion', 'fish'],
  ])('sess %s %s works', (...args) => {
    const folder = bare()
    const { status, stdout, stderr } = spawnSync(join(folder, 'bin/sess'), args, {
      encoding: 'utf8',
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toBe(told(...args).out)
  })

  test('a wrong word is told all the same, and what needs the addon says so in one line', () => {
    const file = join(bare(), 'bin/sess')
    expect(spawnSync(file, ['ls', '--jsno']).stderr.toString()).toBe(
      "sess: unknown option '--jsno'; did you mean '--json'? (see sess --help)\n",
    )
    for (const words of [['ls'], ['kill', '812'], ['run', '--wait', 'true']]) {
      const { status, stdout, stderr } = spawnSync(file, words, { encoding: 'utf8' })
      expect({ status, stdout }, words.join(' ')).toEqual({ status: 1, stdout: '' })
      expect(stderr).toMatch(
        /^sess: setsid has no native addon for platform .*'node .*\/native\.mjs' builds it\n$/,
      )
    }
  })

  test('one that does not load is named in one line', () => {
    const folder = bare()
    mkdirSync(join(folder, 'build/Release'), { recursive: true })
    execFileSync('cp', ['/etc/passwd', join(folder, 'build/Release/setsid.node')])
    const { status, stderr } = spawnSync(node, [join(folder, 'dist/cli.js'), 'ls'], {
      encoding: 'utf8',
    })
    expect(status).toBe(1)
    expect(stderr).toMatch(/^sess: setsid's native addon did not load: .*\n$/)
    rmSync(folder, { recursive: true })
  })
})

test('every command is offered by both ways in which sess runs', () => {
  for (const front of Object.keys(fronts) as Front[]) {
    for (const name of names) {
      expect(sess(front, [name, '--no-such-option']).err, `${front} ${name}`).toMatch(
        /^sess: unknown option '--no-such-option'/,
      )
    }
  }
})
