// The programs of bench/programs, each of which measures itself.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))
export const programPath = (name: string) =>
  fileURLToPath(new URL(`../programs/${name}`, import.meta.url))

/** What a program prints, by a Node of its own. */
export function ask(name: string, args: readonly string[] = [], cwd = root): unknown {
  const line = ['--max-old-space-size=4096', programPath(name), ...args]
  return JSON.parse(execFileSync(process.execPath, line, { cwd, encoding: 'utf8' }))
}
