// lib/ becomes two files in dist/, the library and the command that uses it: one file
// loads several times faster than fifteen. scripts/types.mjs makes one of the types.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { build } from 'esbuild'

/** Bundlers and tracers (ncc, nft) follow literal forms of CommonJS alone to the addon. */
const literal = {
  name: 'literal',
  setup({ onLoad }) {
    onLoad({ filter: /\/lib\/base\/addon\.ts$/ }, ({ path }) => {
      let contents = readFileSync(path, 'utf8')
      for (const [given, wanted] of [
        ['const require = createRequire(import.meta.filename)\n', ''],
        ['const here: string | undefined = import.meta.dirname', DIRNAME],
        ["const PACKAGE = '/../..'", "const PACKAGE = '/..'"],
        ["import.meta.dirname + '/../../prebuilds/'", "__dirname + '/../prebuilds/'"],
        ["import.meta.dirname + '/../..'", "__dirname + '/..'"],
      ]) {
        if (!contents.includes(given)) throw new Error(`${path} has no ${given}`)
        contents = contents.replaceAll(given, wanted)
      }
      return { contents, loader: 'ts' }
    })
  },
}
// A module has none, and a bundle may be one.
const DIRNAME = "const here = typeof __dirname === 'undefined' ? undefined : __dirname"

/**
 * The bundle of somebody else may be a module, in which a require() of ours fails, even that of a module of Node. This
 * way there is none.
 */
const withoutRequire = (text) =>
  text.replace(/\brequire\(("node:[\w/]+")\)/g, 'process.getBuiltinModule($1)')

const bundle = async (options) => {
  const { metafile, outputFiles } = await build({
    outdir: 'dist',
    bundle: true,
    metafile: true,
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
    // For `npm run coverage`, which tells of lib/ what runs in dist/.
    sourcemap: process.argv.includes('--maps') ? 'inline' : false,
    plugins: [literal],
    // A fifth of the tarball's text. Names stay. A limit for lines would cut texts in two, and a bundler that indents
    // would then write blanks into them.
    minifyWhitespace: true,
    minifySyntax: true,
    ...options,
    write: false,
  })
  if (options.write !== false) {
    for (const { path, text } of outputFiles) {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, withoutRequire(text))
    }
  }
  return Object.values(metafile.outputs)[0].exports
}

const commonjs = {
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
}

const exportsOf = (file) => bundle({ entryPoints: [`lib/${file}.ts`], format: 'esm', write: false })

// An import runs the raw calls alone. The features run when the first of them is
// called, but their text is read with the rest: later there may be no descriptor
// left, no right to read, or another version on the disk.
const names = await exportsOf('index')
/** What each file exports; the command is its own, and the entries have nothing of theirs. */
const exported = {}
for (const file of readdirSync('lib', { recursive: true })) {
  if (!file.endsWith('.ts') || /^(cli|index|launch)\b/.test(file)) continue
  exported[file] = await exportsOf(file.slice(0, -3))
}
const isPublic = (name) => names.includes(name)
const line = (file, name) =>
  file.startsWith('raw/')
    ? `exports.${name} = require('./${file}').${name}`
    : `exports.${name} = feature('${name}', () => require('./${file}'))`
// Plain properties, that a test of somebody else may put a spy into.
const contents = `
require('./launcher/started.ts')
const feature = (name, load) => {
  let file
  return { [name]: (...args) => (file ??= load())[name](...args) }[name]
}
${Object.entries(exported)
  .flatMap(([file, all]) => all.filter(isPublic).map((name) => line(file, name)))
  .join('\n')}`

/** Has the command use the library beside it. What is not public it gets by a symbol. */
const INTERNAL = "Symbol.for('setsid.internal')"
const needed = new Set(['daemon/below-launcher.ts'])
/** What the command needs where there is no addon, for its help and completion, it has a second time. */
const withoutAddon = ['base/signals.ts']
const library = {
  name: 'library',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\.\.?\// }, ({ path, importer }) => {
      const file = relative('lib', resolve(dirname(importer), path))
      const apart = file in exported && !withoutAddon.includes(file)
      return apart ? { path: file, namespace: 'library' } : undefined
    })
    onLoad({ filter: /./, namespace: 'library' }, ({ path }) => {
      const own = exported[path].filter((name) => !isPublic(name))
      if (own.length > 0) needed.add(path)
      return {
        contents: [
          `import { createRequire } from 'node:module'`,
          `const library = createRequire(import.meta.url)('./index.cjs')`,
          ...exported[path]
            .filter(isPublic)
            .map((name) => `export const ${name} = library.${name}`),
          ...(own.length > 0 ? [`export const { ${own} } = library[${INTERNAL}]('${path}')`] : []),
        ].join('\n'),
      }
    })
  },
}

rmSync('dist', { recursive: true, force: true })
// The command has what it needs of others in it, and their licence.
const width = 'node_modules/get-east-asian-width'
await bundle({
  format: 'esm',
  entryPoints: { cli: 'lib/cli/main.ts' },
  plugins: [library],
  alias: { 'get-east-asian-width': `./${width}/index.js` },
  footer: { js: `/* get-east-asian-width:\n${readFileSync(`${width}/license`, 'utf8')}*/` },
})
const internal = `
const internal = { ${[...needed].map((file) => `'${file}': () => require('./${file}')`).join(', ')} }
Object.defineProperty(exports, ${INTERNAL}, { value: (file) => internal[file]() })`
await bundle({
  ...commonjs,
  stdin: { contents: contents + internal, resolveDir: 'lib' },
  outdir: undefined,
  outfile: 'dist/index.cjs',
})

// import and require() share one instance. An import of it would have Node look
// through the whole text for the names of its exports; a bundler follows nothing else.
writeFileSync(
  'dist/index.js',
  `import { createRequire } from 'node:module'
export const { ${names.join(', ')} } = createRequire(import.meta.url)('./index.cjs')
`,
)
writeFileSync(
  'dist/bundle.js',
  `import library from './index.cjs'
export const { ${names.join(', ')} } = library
`,
)
writeFileSync(
  'dist/launch.cjs',
  `require('./index.cjs')[${INTERNAL}]('daemon/below-launcher.ts').goBelowLauncher()\n`,
)
writeFileSync('dist/launch.js', `import './launch.cjs'\n`)

// What scripts/compile.mjs reads in an installed package. In the root of the tarball yarn and pnpm would run node-gyp
// at the sight of binding.gyp, whatever package.json says. Comments are a third of the packed sources.
copyFileSync('binding.gyp', 'dist/binding.gyp')
for (const name of readdirSync('src', { recursive: true })) {
  if (!/\.(c|cc|h)$/.test(name)) continue
  const path = `dist/src/${name}`
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, readFileSync(`src/${name}`, 'utf8').replace(/^[ \t]*\/\/.*\n/gm, ''))
}
