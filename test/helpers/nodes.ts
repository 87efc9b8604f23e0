import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'vitest'
import { lacks } from './tools.ts'

const run = promisify(execFile)
const store = fileURLToPath(new URL('../../build/nodes/', import.meta.url))
const versions = ['22.23.3', '24.21.0', '26.10.0']

export interface OtherNode {
  version: string
  path: string
}

/**
 * The Nodes that we support beside the one that runs the tests, from the npm registry; kept in
 * build/. None where the registry is out of reach: a skipped test then stands for theirs. Asked
 * for where tests are collected.
 */
export async function otherNodes(): Promise<OtherNode[]> {
  const nodes: OtherNode[] = []
  try {
    for (const version of versions) {
      const folder = `${store}${version}`
      if (!existsSync(folder)) await install(`node-linux-${process.arch}@${version}`, folder)
      nodes.push({ version, path: `${folder}/node_modules/node-linux-${process.arch}/bin/node` })
    }
    return nodes
  } catch (error) {
    console.log(String(error))
    test('on Node 22, 24 and 26', () => lacks('npm registry'))
    return []
  }
}

/** A package of the npm registry with a Node for another machine; the test is skipped where there is no registry. */
export async function foreignNode(name: string): Promise<string> {
  const folder = `${store}${name.replaceAll(/[^\w.-]/g, '-')}`
  try {
    if (!existsSync(folder)) await install(name, folder, '--force')
  } catch (error) {
    console.log(String(error))
    lacks('npm registry')
  }
  return `${folder}/node_modules/${name.slice(0, name.lastIndexOf('@'))}`
}

/** Under its final name only when it is whole, so that test files may ask at the same time. */
async function install(name: string, folder: string, ...more: string[]): Promise<void> {
  const draft = `${folder}.${process.pid}`
  await mkdir(draft, { recursive: true })
  const flags = [
    ...more,
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--fetch-retries=1',
  ]
  try {
    await run('npm', ['install', '--prefix', draft, ...flags, name])
  } catch (error) {
    await rm(draft, { recursive: true })
    throw error
  }
  await rename(draft, folder).catch(() => rm(draft, { recursive: true }))
}
