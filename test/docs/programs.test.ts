// Every program and every command of README.md and the guides is run as it stands there, in a process of its own. What
// a page promises behind `console.log(…) //` must be printed. A comment before a block says what is special about it:
//
//   <!-- run: it stays -->      it goes on until it is stopped
//   <!-- run: NAME -->          special.test.ts has a test of that name
//   <!-- not run: REASON -->    and the reason is printed
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { type Block, guides, readPage, root } from '../helpers/pages.ts'
import { until } from '../helpers/process.ts'
import { broken, keeps, languages, openProject, runProgram, write } from '../helpers/program.ts'
import { need } from '../helpers/tools.ts'

/** Pages whose programs other tests run, each with the folder of these. */
const elsewhere: Readonly<Record<string, string>> = {
  'docs/systemd.md': 'test/systemd',
  'docs/command.md': 'test/cli',
}

const CAP = 50_000
const blocks = guides
  .filter(({ path }) => !(path in elsewhere))
  .flatMap((page) => page.blocks)
  .filter(({ language }) => languages.includes(language))
const specials = [
  ...readFileSync(join(root, 'test/docs/special.test.ts'), 'utf8').matchAll(/^special\('(.*)'/gm),
].map(([, name = '']) => name)
const isPlain = ({ mark }: Block) => mark === '' || mark === 'run: it stays'

/** A daemon of a pidfile must run. */
function expectDaemons(folder: string): void {
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.pid'))) {
    const { stdout, status } = spawnSync(join(root, 'bin/sess'), [
      ...['status', '--pid-file', join(folder, name)],
    ])
    expect([status, stdout.toString()]).toEqual([0, expect.stringContaining('running')])
  }
}

test.for(blocks.filter(isPlain))('$place', { timeout: CAP + 10_000 }, async (block) => {
  const { language, text, mark } = block
  // It asks ps for children.
  if (text.includes("'tree-kill'")) need('ps')
  const program = runProgram(language, text)
  if (mark === 'run: it stays') {
    await until(() => broken(text, program.output()).length === 0 && program.output() !== '', CAP)
    expect(program.child.exitCode, program.output()).toBe(null)
    process.kill(-(program.child.pid ?? 0), 'SIGKILL')
    await program.ended
    return
  }
  expect(await program.ended, program.output()).toBe(0)
  await until(() => broken(text, program.output()).length === 0, 2000).catch(() => {
    expect(broken(text, program.output()), program.output()).toEqual([])
  })
  expectDaemons(program.folder)
})

test('a block that is not run says why, and one that is special has its test', () => {
  for (const { place, mark } of blocks.filter((block) => !isPlain(block))) {
    const [, not, name = ''] = /^(not )?run: (.+)$/s.exec(mark) ?? []
    expect(name, `${place}: <!-- ${mark} -->`).not.toBe('')
    if (not === undefined) expect(specials, place).toContain(name)
    else console.log(`not run: ${place}: ${name}`)
  }
  const asked = blocks.map(({ mark }) => mark.replace('run: ', ''))
  for (const name of specials) expect(asked, 'a test without its block').toContain(name)
})

test('what this test does not run is no program, or another test runs it', () => {
  const here = guides.filter(({ path }) => !(path in elsewhere))
  for (const { language, place } of here.flatMap((page) => page.blocks)) {
    expect(['', 'text', 'ini', ...languages], place).toContain(language)
  }
  for (const [path, folder] of Object.entries(elsewhere)) {
    if (!existsSync(join(root, path))) continue
    const files = [folder, 'test/helpers'].flatMap((name) =>
      readdirSync(join(root, name)).map((file) => join(root, name, file)),
    )
    const texts = files.map((file) => readFileSync(file, 'utf8'))
    expect(
      texts.some((text) => text.includes(basename(path, '.md'))),
      path,
    ).toBe(true)
  }
})

test('the compiler finds nothing wrong with them', { timeout: 240_000 }, () => {
  const folder = openProject()
  const files = new Map<string, string>()
  for (const [i, { language, text, place, mark }] of blocks.entries()) {
    if (!['js', 'ts'].includes(language) || mark.startsWith('not run')) continue
    files.set(basename(write(folder, language, text, `block${i}`)), place)
  }
  const compilerOptions = {
    ...{ allowJs: true, checkJs: true, noEmit: true, skipLibCheck: true, strict: false },
    ...{ module: 'nodenext', target: 'es2023', lib: ['es2023'], types: ['node'] },
    preserveSymlinks: false,
  }
  const include = [...files.keys()]
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include }))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'])
  const said = stdout.toString().replace(/block\d+\.m[jt]s/g, (name) => files.get(name) ?? name)
  // In JavaScript the text 'stop' of an options object that has a name is any text.
  const faults = said.split(/\n(?=\S)/).filter((fault) => !fault.includes(': error TS2769:'))
  expect(faults.filter((fault) => fault.trim() !== '')).toEqual([])
})

test('a promise is kept by that line alone', () => {
  expect(keeps('gone true []', 'gone true []')).toBe(true)
  expect(keeps('gone: nobody is left', 'gone')).toBe(true)
  expect(keeps('gone, proven', 'gon')).toBe(false)
  expect(keeps('done 12', 'done 7')).toBe(true)
  expect(keeps('EPERM: no, group 812 …', 'EPERM: no, group 9 (members 9)')).toBe(true)
  expect(keeps('gone', 'survivors')).toBe(false)
  expect(keeps('gone', '')).toBe(false)
  const text =
    "console.log('a') // a\nconsole.log('b') // b, and more\nconsole.log(1) // such as 2\n"
  expect(broken(text, 'a\nb\n1\n')).toEqual([])
  expect(broken(text, 'b\na\n1\n')).toEqual(['b, and more'])
})

test('a mark belongs to the block right after it', () => {
  const page = '<!-- run: it stays -->\n\n```js\n1\n```\n\n```js\n2\n```\n'
  expect(readPage('page.md', page).blocks.map(({ mark }) => mark)).toEqual(['run: it stays', ''])
})
