import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fixturePath, type Json, node, track, until } from './process.ts'
import { openFolder } from './folder.ts'

export const launcher = fileURLToPath(new URL('../../build/Release/launcher', import.meta.url))
export const sess = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

/** How a daemon comes to be, as the start of a command line. */
export const ways: Record<Way, [string, ...string[]]> = {
  launcher: [launcher, 'launch', '--', node],
  "import 'setsid/launch'": [node],
  restart: [node],
}
export type Way = 'launcher' | "import 'setsid/launch'" | 'restart'

export interface Prepared {
  folder: string
  /** The whole command, and the same as a line for a shell. */
  command: [string, ...string[]]
  line: string
  /** All that it has told so far. */
  told: () => Json[]
  /** The first entry with this key. */
  entry: (key: string) => Promise<Json>
  /** The daemon's pid, ended after the test. */
  pid: () => Promise<number>
}

/** A test/fixtures/daemon.mjs to be run. */
export function prepareDaemon(way: Way, config: object, folder = openFolder()): Prepared {
  const file = join(folder, `told-${Math.random()}`)
  const path = join(folder, `config-${Math.random()}`)
  const launch = way === "import 'setsid/launch'"
  writeFileSync(file, '')
  chmodSync(file, 0o666)
  writeFileSync(path, JSON.stringify({ file, launch, ...config }))
  const [first, ...rest] = ways[way]
  const command: Prepared['command'] = [first, ...rest, fixturePath('daemon.mjs'), path]
  const told = () =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  const entry = async (key: string): Promise<Json> => {
    let found: Json
    await until(() => (found = told().find((line) => key in line)))
    return found
  }
  return {
    folder,
    command,
    line: command.join(' '),
    told,
    entry,
    async pid() {
      const { started } = await entry('started')
      const last = told().findLast((line) => 'started' in line) as { started: number }
      track(started, last.started)
      return last.started
    },
  }
}
