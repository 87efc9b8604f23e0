// The command as npm installs it: a symbolic link to bin/sess.
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { buildFolder } from './limits.ts'
import { root } from './programs.ts'

export function sessPath(): string {
  const modules = join(buildFolder, 'node_modules')
  const path = join(modules, '.bin/sess')
  if (existsSync(path)) return path
  mkdirSync(join(modules, '.bin'), { recursive: true })
  symlinkSync(root, join(modules, 'setsid'))
  symlinkSync('../setsid/bin/sess', path)
  return path
}
