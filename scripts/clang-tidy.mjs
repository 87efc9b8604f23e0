// The linter of src/, with what binding.gyp and scripts/launcher.mjs compile with. Needs clang-tidy on PATH.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, extname, join } from 'node:path'

const headers = join(dirname(dirname(process.execPath)), 'include/node')
const foreign = process.platform === 'linux' ? 'darwin' : 'linux'
const flags = {
  '.cc': [
    '-std=c++17',
    '-fno-exceptions',
    '-isystem',
    headers,
    '-DNAPI_VERSION=8',
    '-D_GNU_SOURCE',
  ],
  '.c': ['-std=c11'],
}
const files = readdirSync('src', { recursive: true })
  .filter((name) => extname(name) in flags && !name.startsWith(foreign))
  .map((name) => join('src', name))

async function lint() {
  for (let file = files.shift(); file !== undefined; file = files.shift()) {
    const line = ['--quiet', file, '--', ...flags[extname(file)]]
    const tidy = spawn('clang-tidy', line, { stdio: 'inherit' })
    const [status] = await once(tidy, 'exit')
    if (status !== 0) process.exitCode = 1
  }
}

await Promise.all(Array.from({ length: availableParallelism() }, lint))
