// The addon and the launcher for this platform and architecture, into prebuilds/<platform>-<arch>/.
// Arguments go to prebuildify: --arch arm64 with CC, CXX and PREBUILD_STRIP_BIN set.
import { spawnSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { withHeaders } from './headers.mjs'

const prebuildify = createRequire(import.meta.url).resolve('prebuildify/bin.js')
const args = process.argv.slice(2)
const { status } = spawnSync(process.execPath, [prebuildify, '--napi', '--strip', ...args], {
  env: withHeaders(process.env),
  stdio: 'inherit',
})
if (status !== 0) process.exit(status ?? 1)

const at = args.indexOf('--arch')
const arch = at < 0 ? process.arch : args[at + 1]
copyFileSync('build/Release/launcher', `prebuilds/${process.platform}-${arch}/launcher`)
