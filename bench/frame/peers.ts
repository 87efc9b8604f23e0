// The packages that we are compared with. They stand in a folder of their own, which is filled when one is asked for.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const peersFolder = fileURLToPath(new URL('../peers', import.meta.url))
const lock = join(peersFolder, 'package-lock.json')

/** Installs them, where they are not there or older than the lock. They bring binaries, and need no script. */
export function installPeers(): void {
  const installed = join(peersFolder, 'node_modules/.package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund']
  // What we print may be JSON.
  execFileSync('npm', ['ci', ...flags], { cwd: peersFolder, stdio: ['ignore', 2, 2] })
}

/** A package of that folder, by what it exports. */
export async function importPeer<T>(name: string): Promise<T> {
  installPeers()
  const path = createRequire(lock).resolve(name)
  const { default: peer } = (await import(pathToFileURL(path).href)) as { default: T }
  return peer
}

/** A name with the version that is compared. */
export function titleOfPeer(name: string): string {
  const { packages } = JSON.parse(readFileSync(lock, 'utf8')) as {
    packages: Record<string, { version: string }>
  }
  return `${name} ${packages[`node_modules/${name}`]?.version}`
}
