// The command as npm installs it: a symbolic link to bin/sess.
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { buildFolder } from './limits.ts'
import { root } from './programs.ts'

export function sessPath(): string {
  const path = join(buildFolder, 'sess')
  mkdirSync(buildFolder, { recursive: true })
  if (!existsSync(path)) symlinkSync(join(root, 'bin/sess'), path)
  return path
}
