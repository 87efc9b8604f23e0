import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, resolve } from 'node:path'
import { addonNotFound, addonNotLoaded } from './errors.ts'

// In dist/ the first two are CommonJS's own, and the package is one folder up (scripts/build.mjs). Bundlers and tracers
// follow the literal forms below and no others.
const require = createRequire(import.meta.filename)
const here: string | undefined = import.meta.dirname
const PACKAGE = '/../..'

/**
 * The folders that may have the addon with the launcher beside it. What was built here comes first. `target` is a
 * parameter for the sake of nft: if it knew its value, it would leave out the launcher.
 */
function places(target: string): string[] {
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
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
  } catch (error) {
    throw addonNotLoaded(path, error)
  }
}

let folder: string | undefined

export function loadAddon(): unknown {
  const folders = places(`${process.platform}-${process.arch}`)
  folder = folders.find((place) => isThere(`${place}/setsid.node`))
  if (folder !== undefined) {
    const path = `${folder}/setsid.node`
    const addon = { exports: {} }
    try {
      // What require() of it comes down to.
      process.dlopen(addon, path)
      if (!('defineOthers' in addon.exports)) throw new Error('it is of another release')
    } catch (error) {
      throw addonNotLoaded(path, error)
    }
    return addon.exports
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
