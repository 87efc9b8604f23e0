// The linter of src/, with what binding.gyp compiles with. Needs clang-tidy on PATH.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'

const headers = join(dirname(dirname(process.execPath)), 'include/node')
const foreign = process.platform === 'linux' ? 'darwin' : 'linux'
const files = readdirSync('src', { recursive: true })
  .filter((name) => name.endsWith('.cc') && !name.startsWith(foreign))
  .map((name) => join('src', name))
const defines = ['-DNAPI_VERSION=8', '-D_GNU_SOURCE']
const flags = ['-std=c++17', '-fno-exceptions', '-isystem', headers, ...defines]

async function lint() {
  for (let file = files.shift(); file !== undefined; file = files.shift()) {
    const tidy = spawn('clang-tidy', ['--quiet', file, '--', ...flags], { stdio: 'inherit' })
    const [status] = await once(tidy, 'exit')
    if (status !== 0) process.exitCode = 1
  }
}

await Promise.all(Array.from({ length: availableParallelism() }, lint))
