import { test } from 'vitest'
import { lacks } from './tools.ts'

interface Fetched {
  nodeVersions: string[]
  fetched(name: string, ...flags: string[]): Promise<string>
  fetchedNode(version: string): Promise<string>
}
const script = new URL('../../scripts/fetched.mjs', import.meta.url).href
const { nodeVersions, fetched, fetchedNode } = (await import(script)) as Fetched

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
    for (const version of nodeVersions) nodes.push({ version, path: await fetchedNode(version) })
    return nodes
  } catch (error) {
    console.log(String(error))
    test('on Node 22, 24 and 26', () => lacks('npm registry'))
    return []
  }
}

/** A package of the npm registry with a program of another machine; the test is skipped where there is no registry. */
export async function foreignNode(name: string): Promise<string> {
  try {
    return await fetched(name, '--force')
  } catch (error) {
    console.log(String(error))
    return lacks('npm registry')
  }
}
