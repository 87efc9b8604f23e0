// lib/ becomes a few files in dist/, since one loads several times faster than
// fifteen: the core with the raw calls, which an import loads, the features, which
// load when the first of them is called, and the command. They are CommonJS, so
// that import and require() share one instance and the features can load in the
// middle of a call. The types stay file by file.
import { rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { build } from 'esbuild'

const CORE = ['native', 'errors', 'validate', 'session', 'terminal']

const sharedCore = {
  name: 'shared-core',
  setup: ({ onResolve }) =>
    onResolve({ filter: new RegExp(`^\\.\\.?/(${CORE.join('|')})\\.ts$`) }, () => ({
      path: './core.cjs',
      external: true,
    })),
}

const bundle = (name, options) =>
  build({
    outfile: `dist/${name}`,
    bundle: true,
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
    ...(name.endsWith('.cjs') && {
      format: 'cjs',
      define: { 'import.meta.filename': '__filename' },
    }),
    ...options,
  })

const feature = (name, file, options) =>
  bundle(name, { entryPoints: [`lib/${file}`], plugins: [sharedCore], ...options })

rmSync('dist', { recursive: true, force: true })
const contents = CORE.map((name) => `export * from './${name}.ts'`).join('\n')
await Promise.all([
  bundle('core.cjs', { stdin: { contents, resolveDir: 'lib' } }),
  feature('features.cjs', 'index.ts'),
  feature('launch.cjs', 'launch.ts'),
  feature('cli.js', 'cli/main.ts', { format: 'esm' }),
])

const require = createRequire(import.meta.url)
const core = require('../dist/core.cjs')
const names = Object.keys(require('../dist/features.cjs'))

const late = (name) =>
  `exports.${name} = function ${name}(...args) { return features().${name}(...args) }`
writeFileSync(
  'dist/index.cjs',
  `'use strict'
const core = require('./core.cjs')
let loaded
const features = () => (loaded ??= require('./features.cjs'))
${names.map((name) => (name in core ? `exports.${name} = core.${name}` : late(name))).join('\n')}
`,
)
writeFileSync('dist/index.js', `export { ${names.join(', ')} } from './index.cjs'\n`)
writeFileSync('dist/launch.js', `import './launch.cjs'\n`)

for (const name of ['index', 'launch']) {
  writeFileSync(`dist/${name}.d.cts`, `export * from './${name}.js'\n`)
}
