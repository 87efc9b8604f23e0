// lib/ becomes dist/: index.cjs, which an import runs; features.cjs, of which each function is compiled when it is first
// needed; cli.js, the command. When V8 compiles a text it looks through all of it, and for a text of the whole library
// that takes longer than anything else at import. scripts/types.mjs makes one file of the types.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { build } from 'esbuild'
import { joinFeatures, loader } from './features.mjs'

/** For `npm run coverage`, which tells of lib/ what runs in dist/: all in one text, with a map. */
const maps = process.argv.includes('--maps')

/** Of lib/ what runs at import: what the raw calls need where they succeed. */
const core = [
  ...[
    'launcher/started.ts',
    'base/addon.ts',
    'base/raw-native.ts',
    'base/errno.ts',
    'base/quick.ts',
  ],
  ...['base/system-error.ts', 'raw/session.ts', 'raw/terminal.ts'],
]

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

const compile = (options) =>
  build({
    outdir: 'dist',
    bundle: true,
    metafile: true,
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
    // An import reads all of it. A limit for lines would cut texts in two, and a bundler that indents would then write
    // blanks into them.
    minify: true,
    ...options,
    write: false,
  })

const bundle = async (options) => {
  const { outputFiles } = await compile({ sourcemap: maps ? 'inline' : false, ...options })
  for (const { path, text } of outputFiles) writeFileSync(path, withoutRequire(text))
}

/** `resolved` says what becomes of an import, by the paths in lib/ of the imported file and of the importing one. */
const onImport = (name, resolved, setup = () => undefined) => ({
  name,
  setup(plugin) {
    plugin.onResolve({ filter: /^\.\.?\// }, ({ path, importer, kind }) =>
      kind === 'import-statement'
        ? resolved(relative('lib', resolve(dirname(importer), path)), relative('lib', importer))
        : undefined,
    )
    setup(plugin)
  },
})

/** A module that is made here. */
const virtual = (namespace, contents) => (plugin) =>
  plugin.onLoad({ filter: /./, namespace }, ({ path }) => ({
    contents: contents(path),
    resolveDir: 'lib',
  }))

const index = await compile({ entryPoints: ['lib/index.ts'], format: 'esm' })
const names = Object.values(index.metafile.outputs)[0].exports
const isPublic = (name) => names.includes(name)

// The command is its own, and the entries have nothing of theirs.
const files = readdirSync('lib', { recursive: true }).filter(
  (file) => file.endsWith('.ts') && !/^(cli|index|launch)\b/.test(file),
)
const apart = await compile({
  entryPoints: files.map((file) => `lib/${file}`),
  outbase: 'lib',
  format: 'esm',
  plugins: [onImport('apart', (path) => ({ path, external: true }))],
})
/** What each file exports, and the texts. */
const exported = {}
const texts = {}
Object.entries(apart.metafile.outputs).forEach(([path, { exports }], i) => {
  const file = relative('dist', path).replace(/js$/, 'ts')
  // What has types alone has no exports.
  if (exports.length === 0) return
  exported[file] = exports
  texts[file] = apart.outputFiles[i].text
})

/** By it the command, and dist/launch.cjs, have what is not public. */
const INTERNAL = "Symbol.for('setsid.internal')"
const internal = `Object.defineProperty(exports, ${INTERNAL}, { value: load })`
// Plain properties, that a test of somebody else may put a spy into.
const publicExports = Object.entries(exported).flatMap(([file, all]) =>
  all.filter(isPublic).map((name) => {
    const value = core.includes(file) ? `load('${file}').${name}` : `feature('${file}', '${name}')`
    return `exports.${name} = ${value}`
  }),
)

/** The core, whose imports of other files are features too. */
async function buildCore({ digest, text }) {
  const own = core.map((file, i) => {
    const values = exported[file].map((name) => `${name}: own${i}.${name}`)
    return [`import * as own${i} from './${file}'`, `loaded['${file}'] = { ${values} }`]
  })
  const contents = [
    `import { feature, load, loaded } from 'loader'`,
    ...own.map(([line]) => line),
    ...own.map(([, line]) => line),
    ...publicExports,
    internal,
  ]
  const later = (path) => [
    `import { feature } from 'loader'`,
    ...exported[path].map(
      (name) => `export const ${name} = /* @__PURE__ */ feature('${path}', '${name}')`,
    ),
  ]
  await bundle({
    ...commonjs,
    stdin: { contents: contents.join('\n'), resolveDir: 'lib' },
    banner: { js: '"use strict";' },
    external: ['./features.cjs'],
    plugins: [
      literal,
      onImport(
        'later',
        (path, importer) =>
          core.includes(importer) && !core.includes(path)
            ? { path, namespace: 'later' }
            : undefined,
        (plugin) => {
          plugin.onResolve({ filter: /^loader$/ }, ({ path }) => ({ path, namespace: 'loader' }))
          virtual('loader', () => loader(digest))(plugin)
          virtual('later', (path) => later(path).join('\n'))(plugin)
        },
      ),
    ],
  })
  writeFileSync('dist/features.cjs', text)
}

/** All in one text, of which esbuild runs each file when it is first needed. */
async function buildWhole() {
  const own = Object.keys(exported).map((file) => `'${file}': () => require('./${file}')`)
  const contents = `
const files = { ${own} }
const load = (file) => files[file]()
load('launcher/started.ts')
const feature = (file, name) => ({ [name]: (...args) => load(file)[name](...args) })[name]
${publicExports.join('\n')}
${internal}`
  await bundle({ ...commonjs, stdin: { contents, resolveDir: 'lib' }, plugins: [literal] })
}

const commonjs = { format: 'cjs', outdir: undefined, outfile: 'dist/index.cjs' }

rmSync('dist', { recursive: true, force: true })
mkdirSync('dist')
await (maps ? buildWhole() : buildCore(joinFeatures(texts, core)))

// The command has what it needs of others in it, and their licence.
const width = 'node_modules/get-east-asian-width'
/** What the command needs where there is no addon, for its help and completion, it has a second time. */
const withoutAddon = ['base/signals.ts']
await bundle({
  format: 'esm',
  entryPoints: { cli: 'lib/cli/main.ts' },
  plugins: [
    onImport(
      'library',
      (path) =>
        path in exported && !withoutAddon.includes(path)
          ? { path, namespace: 'library' }
          : undefined,
      virtual('library', (path) =>
        [
          `import { createRequire } from 'node:module'`,
          `const library = createRequire(import.meta.url)('./index.cjs')`,
          `export const { ${exported[path]} } = library[${INTERNAL}]('${path}')`,
        ].join('\n'),
      ),
    ),
  ],
  alias: { 'get-east-asian-width': `./${width}/index.js` },
  footer: { js: `/* get-east-asian-width:\n${readFileSync(`${width}/license`, 'utf8')}*/` },
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
// at the sight of binding.gyp, whatever package.json says. Comments and blanks are a third of the packed sources.
const recipe = readFileSync('binding.gyp', 'utf8')
writeFileSync('dist/binding.gyp', recipe.replace(/^ *#.*\n/gm, ''))
for (const name of readdirSync('src', { recursive: true })) {
  if (!/\.(c|cc|h)$/.test(name)) continue
  const path = `dist/src/${name}`
  mkdirSync(dirname(path), { recursive: true })
  const text = readFileSync(`src/${name}`, 'utf8')
  writeFileSync(path, text.replace(/^ *\/\/.*\n|^\n|^ +| +\/\/ [^"\n]*$/gm, ''))
}
