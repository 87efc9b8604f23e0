// One file of types for what is public, out of what tsc has written to build/types file by file.
import { writeFileSync } from 'node:fs'
import { rollup } from 'rollup'
import { dts } from 'rollup-plugin-dts'

const bundle = await rollup({
  input: 'build/types/index.d.ts',
  plugins: [dts()],
  external: /^node:/,
})
await bundle.write({ file: 'dist/index.d.cts', format: 'es' })
writeFileSync('dist/index.d.ts', `export * from './index.cjs'\n`)
for (const name of ['launch.d.ts', 'launch.d.cts']) writeFileSync(`dist/${name}`, 'export {}\n')
