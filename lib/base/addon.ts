import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, resolve } from 'node:path'
import { addonNotFound, addonNotLoaded } from './errors.ts'

// In dist/ the first two are CommonJS's own, and the package is one folder up (scripts/build.mjs). Bundlers and tracers
// follow the literal forms below and no others.
const require = createRequire(import.meta.filename)
const here: string | undefined = import.meta.dirname
const PACKAGE = '/../..'

const target = `${process.platform}-${process.arch}`

/** The folders that may have the addon with the launcher beside it. What was built here comes first. */
function places(): string[] {
  const given = process.env['SETSID_PREBUILDS']
  if (given !== undefined && given !== '') return [resolve(given, target)]
  const program = process.argv[1]
  const folders: string[] = []
  if (here !== undefined) {
    folders.push(here + PACKAGE + '/build/Release')
    folders.push(import.meta.dirname + '/../../prebuilds/' + target)
    // In a bundle we stand where it stands.
    folders.push(`${here}/prebuilds/${target}`)
  }
  if (program !== undefined) folders.push(`${dirname(program)}/prebuilds/${target}`)
  return [...new Set(folders.map((folder) => resolve(folder)))]
}

function isThere(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw addonNotLoaded(path, error)
  }
}

let folder: string | undefined

export function loadAddon(): unknown {
  const folders = places()
  folder = folders.find((place) => isThere(`${place}/setsid.node`))
  try {
    if (folder !== undefined) return createRequire(folder)(`${folder}/setsid.node`)
  } catch (error) {
    throw addonNotLoaded(`${folder}/setsid.node`, error)
  }
  try {
    return (require('node-gyp-build') as (root: string) => unknown)(import.meta.dirname + '/../..')
  } catch (error) {
    throw addonNotFound(folders, here === undefined ? undefined : resolve(here + PACKAGE), error)
  }
}

/** The launcher stands beside the addon that was loaded. */
export function launcherPath(): string {
  if (folder === undefined) {
    const build = require('node-gyp-build') as { path(root: string): string }
    folder = dirname(build.path(import.meta.dirname + '/../..'))
  }
  return `${folder}/launcher`
}
