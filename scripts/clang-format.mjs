// The formatter of src/: checks, or with --write changes.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const files = readdirSync('src', { recursive: true })
  .filter((name) => /\.(cc|c|h)$/.test(name))
  .map((name) => join('src', name))
const mode = process.argv.includes('--write') ? ['-i'] : ['--dry-run', '--Werror']
const binary = createRequire(import.meta.url).resolve('clang-format')
const { status } = spawnSync(process.execPath, [binary, ...mode, ...files], { stdio: 'inherit' })
process.exit(status ?? 1)
