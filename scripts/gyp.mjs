// node-gyp with this Node's own headers: node scripts/gyp.mjs configure build
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { withHeaders } from './headers.mjs'

const gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')
const { status } = spawnSync(process.execPath, [gyp, ...process.argv.slice(2)], {
  env: withHeaders(process.env),
  stdio: 'inherit',
})
process.exit(status ?? 1)
