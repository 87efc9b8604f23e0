import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { foreignNode } from './nodes.ts'
import { need } from './tools.ts'

const shim = fileURLToPath(new URL('../fixtures/musl-shim.c', import.meta.url))
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:'

export interface MuslNode {
  path: string
  /** For this program alone: one of glibc would not start with it. */
  env: { LD_LIBRARY_PATH: string }
}

/**
 * A Node 26 on the real musl, for x64 on Debian: pnpm's executable with its program switched off. The C++ library is
 * Debian's, held up by a shim. It is no Alpine.
 */
export async function muslNode(): Promise<MuslNode> {
  need('musl-gcc')
  const source = await foreignNode('@pnpm/linuxstatic-x64@11.21.0')
  const folder = join(source, 'node-musl')
  if (!existsSync(folder)) {
    const draft = `${folder}.${process.pid}`
    mkdirSync(draft)
    const program = readFileSync(join(source, 'pnpm'))
    const at = program.indexOf(`${FUSE}1`)
    if (at < 0) throw new Error('the executable has no program of its own')
    program.write(`${FUSE}0`, at)
    writeFileSync(join(draft, 'node'), program, { mode: 0o755 })
    for (const name of ['libstdc++.so.6', 'libgcc_s.so.1']) {
      const path = execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' })
      copyFileSync(path.trim(), join(draft, name))
    }
    const name = 'ld-linux-x86-64.so.2'
    const flags = ['-O2', '-shared', '-fPIC', `-Wl,-soname,${name}`]
    execFileSync('musl-gcc', [...flags, shim, '-o', join(draft, name)])
    renameSync(draft, folder)
    rmSync(join(source, 'pnpm'))
  }
  return { path: join(folder, 'node'), env: { LD_LIBRARY_PATH: folder } }
}
