// lib/ becomes three files in dist/, the library, its launch entry and the command:
// one file loads several times faster than fifteen. The types stay file by file.
import { copyFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { build } from 'esbuild'

const bundle = async (options) => {
  const { metafile } = await build({
    outdir: 'dist',
    bundle: true,
    metafile: true,
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
    // For `npm run coverage`, which tells of lib/ what runs in dist/.
    sourcemap: process.argv.includes('--maps') ? 'inline' : false,
    ...options,
  })
  return Object.values(metafile.outputs)[0].exports
}

const commonjs = {
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  define: { 'import.meta.filename': '__filename' },
}

const exportsOf = (file) => bundle({ entryPoints: [`lib/${file}.ts`], format: 'esm', write: false })

// An import runs the raw calls alone. The features run when the first of them is
// called, but their text is read with the rest: later there may be no descriptor
// left, no right to read, or another version on the disk.
const names = await exportsOf('index')
const owners = {}
for (const file of readdirSync('lib', { recursive: true })) {
  if (!file.endsWith('.ts') || /^(cli|raw)$/.test(dirname(file).split('/')[0])) continue
  if (file === 'index.ts' || file === 'launch.ts') continue
  for (const name of await exportsOf(file.slice(0, -3))) {
    if (names.includes(name)) owners[name] = file
  }
}
const late = Object.entries(owners).map(
  ([name, file]) => `export const ${name} = feature('${name}', () => require('./${file}'))`,
)
const contents = `
import './launcher/started.ts'
export * from './raw/session.ts'
export * from './raw/terminal.ts'
const feature = (name, load) => {
  let file
  return { [name]: (...args) => (file ??= load())[name](...args) }[name]
}
${late.join('\n')}`

rmSync('dist', { recursive: true, force: true })
await bundle({
  ...commonjs,
  stdin: { contents, resolveDir: 'lib' },
  outdir: undefined,
  outfile: 'dist/index.cjs',
})
await bundle({ ...commonjs, entryPoints: ['lib/launch.ts'] })
await bundle({ format: 'esm', entryPoints: { cli: 'lib/cli/main.ts' } })

// import and require() share one instance. An import of it would have Node look
// through the whole text for the names of its exports.
writeFileSync(
  'dist/index.js',
  `import { createRequire } from 'node:module'
export const { ${names.join(', ')} } = createRequire(import.meta.url)('./index.cjs')
`,
)
writeFileSync('dist/launch.js', `import './launch.cjs'\n`)
for (const name of ['index', 'launch']) {
  writeFileSync(`dist/${name}.d.cts`, `export * from './${name}.js'\n`)
}

// What scripts/compile.mjs reads in an installed package. In the root of the tarball yarn and pnpm would run node-gyp
// at the sight of it, whatever package.json says.
copyFileSync('binding.gyp', 'dist/binding.gyp')
