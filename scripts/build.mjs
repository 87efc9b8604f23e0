// lib/ becomes two files, the library and the command, and what they share: one
// file loads several times faster than fifteen. The types stay file by file.
import { rmSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'

rmSync('dist', { recursive: true, force: true })
await build({
  entryPoints: { index: 'lib/index.ts', launch: 'lib/launch.ts', cli: 'lib/cli/main.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  chunkNames: '[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  logLevel: 'warning',
})

// One instance for require() and import alike: every supported Node can require
// an ES module. Type checkers want a file that says so.
for (const name of ['index', 'launch']) {
  writeFileSync(`dist/${name}.cjs`, `module.exports = require('./${name}.js')\n`)
  writeFileSync(`dist/${name}.d.cts`, `export * from './${name}.js'\n`)
}
