// Programs that tests run beside ours, by npm, into build/nodes/: other Nodes, other clients.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './compile.mjs'

const run = promisify(execFile)
const flags = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries=1']

/** The Nodes that we support beside this one: the newest of each line. */
export const nodeVersions = ['22.23.3', '24.21.0', '26.10.0']

const pending = new Map()

/** The folder of the package `name@version`, fetched if it is not there. Throws where the registry is out of reach. */
export async function fetched(name, ...more) {
  if (!pending.has(name)) pending.set(name, fetchOnce(name, more))
  await pending.get(name)
  return join(folderOf(name), 'node_modules', name.slice(0, name.lastIndexOf('@')))
}

const folderOf = (name) => join(root, 'build/nodes', name.replaceAll(/[^\w.-]/g, '-'))

async function fetchOnce(name, more) {
  const folder = folderOf(name)
  if (existsSync(folder)) return
  // Under its final name only when it is whole, so that other processes may ask at the same time.
  const draft = `${folder}.${process.pid}`
  await mkdir(draft, { recursive: true })
  try {
    await run('npm', ['install', '--prefix', draft, ...more, ...flags, name], { timeout: 300_000 })
  } catch (error) {
    await rm(draft, { recursive: true })
    throw error
  }
  await rename(draft, folder).catch(() => rm(draft, { recursive: true }))
}

/** The program of another Node. */
export const fetchedNode = async (version) =>
  join(await fetched(`node-linux-${process.arch}@${version}`), 'bin/node')
