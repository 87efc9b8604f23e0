import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import commonjs from '@rollup/plugin-commonjs'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import { nodeFileTrace } from '@vercel/nft'
import { build } from 'esbuild'
import { type Plugin, rollup } from 'rollup'
import { beforeAll, expect, test } from 'vitest'
import webpack from 'webpack'
import { openFolder } from '../helpers/folder.ts'

const require = createRequire(import.meta.url)
const root = fileURLToPath(new URL('../..', import.meta.url))
const target = `${process.platform}-${process.arch}`
let tarball: string

beforeAll(() => {
  const line = ['pack', '--ignore-scripts', '--json', '--pack-destination', join(root, 'build')]
  const said = execFileSync('npm', line, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] })
  const [{ filename }] = JSON.parse(said.toString()) as [{ filename: string }]
  tarball = join(root, 'build', filename)
  return () => rmSync(tarball)
})

/** An app with the package as npm would install it, with the binaries of this build. */
function app(): string {
  const folder = openFolder()
  const setsid = join(folder, 'node_modules/setsid')
  mkdirSync(setsid, { recursive: true })
  execFileSync('tar', ['-xzf', tarball, '-C', setsid, '--strip-components', '1'])
  rmSync(join(setsid, 'prebuilds'), { recursive: true, force: true })
  for (const name of ['setsid.node', 'launcher']) {
    cpSync(join(root, 'build/Release', name), join(setsid, 'prebuilds', target, name))
  }
  const finder = join(root, 'node_modules/node-gyp-build')
  cpSync(finder, join(folder, 'node_modules/node-gyp-build'), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  // A raw call, a feature, and the launcher.
  const use = `
const child = spawn('true', [], { group: 'new' })
child.on('exit', (code) => console.log(code, getsid() === processInfo(process.pid).sid))`
  const names = '{ getsid, processInfo, spawn }'
  writeFileSync(join(folder, 'app.js'), `import ${names} from 'setsid'${use}`)
  writeFileSync(join(folder, 'app.cjs'), `const ${names} = require('setsid')${use}`)
  return folder
}

const works = { status: 0, stdout: '0 true\n', stderr: '' }

function run(file: string, env: NodeJS.ProcessEnv = {}) {
  const options = { env: { ...process.env, ...env }, encoding: 'utf8' } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], options)
  return { status, stdout, stderr }
}

/** A bundle without the binaries says what to do, and what it says works, both ways. */
function expectSentence(folder: string, bundle: string): void {
  const { status, stderr } = run(bundle)
  expect(status, stderr).toBe(1)
  expect(stderr).toContain('setsid has no native addon for platform linux')
  expect(stderr).toContain('The program was bundled. Copy the folder prebuilds of the package')
  expect(stderr).toContain('environment variable SETSID_PREBUILDS')
  expect(stderr).toContain(join(dirname(bundle), 'prebuilds', target))
  const prebuilds = join(folder, 'node_modules/setsid/prebuilds')
  expect(run(bundle, { SETSID_PREBUILDS: prebuilds })).toEqual(works)
  cpSync(prebuilds, join(dirname(bundle), 'prebuilds'), { recursive: true })
  expect(run(bundle)).toEqual(works)
}

const kinds = [
  ['a module', 'app.js', 'esm', 'mjs'],
  ['CommonJS', 'app.cjs', 'cjs', 'cjs'],
] as const

test('the app runs as it is', () => {
  const folder = app()
  for (const name of ['app.js', 'app.cjs']) expect(run(join(folder, name))).toEqual(works)
})

test.each(kinds)('esbuild, into %s', async (_, entry, format, extension) => {
  const folder = app()
  const outfile = join(folder, `out/app.${extension}`)
  const said = await build({
    ...{ entryPoints: [join(folder, entry)], outfile, format },
    ...{ bundle: true, platform: 'node', logLevel: 'silent' },
  })
  expect(said.warnings).toEqual([])
  expectSentence(folder, outfile)
})

test.each(kinds)('rollup, into %s', async (_, entry, format, extension) => {
  const folder = app()
  const file = join(folder, `out/app.${extension}`)
  const warnings: string[] = []
  const plugins = [nodeResolve(), (commonjs as unknown as () => Plugin)()]
  const onwarn = ({ message }: { message: string }) => void warnings.push(message)
  const bundle = await rollup({ input: join(folder, entry), plugins, onwarn, external: /^node:/ })
  await bundle.write({ file, format })
  expect(warnings).toEqual([])
  expectSentence(folder, file)
})

test.each(kinds)('webpack, into %s', async (_, entry, format, extension) => {
  const folder = app()
  const filename = `app.${extension}`
  const module = format === 'esm'
  const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
    const output = { path: join(folder, 'out'), filename, module }
    webpack(
      {
        ...{ mode: 'production', target: 'node', context: folder, entry: `./${entry}` },
        output: module ? { ...output, library: { type: 'module' } } : output,
        experiments: { outputModule: module },
        // Its names would fill the error's page.
        optimization: { minimize: false },
      },
      (error, result) => (error === null ? resolve(result) : reject(error)),
    )
  })
  expect(stats?.compilation.errors).toEqual([])
  expectSentence(folder, join(folder, 'out', filename))
})

test.each(kinds)('ncc, of %s', async (_, entry, __, extension) => {
  interface Output {
    code: string
  }
  const ncc = require('@vercel/ncc') as (file: string, options: object) => Promise<Output>
  const folder = app()
  const { code } = await ncc(join(folder, entry), { quiet: true, cache: false, minify: false })
  mkdirSync(join(folder, 'out'))
  const bundle = join(folder, `out/app.${extension}`)
  writeFileSync(bundle, code)
  expectSentence(folder, bundle)
})

test.each(kinds)('nft, of %s: what it traces runs elsewhere', async (_, entry) => {
  const folder = app()
  const elsewhere = openFolder()
  const { fileList } = await nodeFileTrace([join(folder, entry)], { base: folder })
  for (const name of [...fileList, 'package.json']) {
    mkdirSync(dirname(join(elsewhere, name)), { recursive: true })
    copyFileSync(join(folder, name), join(elsewhere, name))
  }
  expect(run(join(elsewhere, entry))).toEqual(works)
})
