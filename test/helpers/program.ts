// A block of a page as a program: in a folder of its own with the package in it, and in a session of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openFolder } from './folder.ts'
import { marked } from './leftovers.ts'
import { root } from './pages.ts'
import { until } from './process.ts'

const MARK = 'SETSID_TEST_PROGRAM'

/** What a program of a guide may import beside the package: peers that it is compared with. */
const peers = ['@types', 'daemonize-process', 'execa', 'tree-kill']

/** A folder with the package and its command installed. */
export function openProject(): string {
  const folder = openFolder()
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true })
  symlinkSync(root, join(folder, 'node_modules/setsid'))
  symlinkSync(join(root, 'bin/sess'), join(folder, 'node_modules/.bin/sess'))
  for (const name of peers) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  }
  return folder
}

/** The environment of a program in a project. Whatever bears the mark is ended after the test, at any depth. */
export function projectEnv(folder: string): NodeJS.ProcessEnv {
  const id = randomUUID()
  onTestFinished(async () => {
    await until(() => {
      const left = marked(`${MARK}=${id}`)
      for (const pid of left) {
        try {
          process.kill(Number(pid), 'SIGKILL')
        } catch {
          // It has ended meanwhile.
        }
      }
      return left.length === 0
    })
  })
  const path = `${join(folder, 'node_modules/.bin')}:${process.env['PATH']}`
  // The kernel chooses the port.
  return { ...process.env, PATH: path, PORT: '0', [MARK]: id }
}

export interface Run {
  child: ChildProcess
  folder: string
  /** What it has printed so far, also to logs in its folder. */
  output(): string
  ended: Promise<number | NodeJS.Signals>
}

const suffix: Record<string, string> = { js: 'mjs', ts: 'mts', sh: 'sh', python: 'py' }
const commands: Record<string, string[]> = {
  js: [process.execPath],
  ts: [process.execPath, '--import', join(root, 'node_modules/tsx/dist/loader.mjs')],
  sh: ['sh', '-eu'],
  python: ['python3'],
}
export const languages = Object.keys(commands)

/** Writes a program into a project; its path. */
export function write(folder: string, language: string, text: string, name = 'program'): string {
  const path = join(folder, `${name}.${suffix[language] ?? 'txt'}`)
  writeFileSync(path, text)
  return path
}

/** Starts a program that has no terminal, and nothing to read. */
export function runProgram(
  language: string,
  text: string,
  { args = [] as string[], folder = openProject(), env = {} } = {},
): Run {
  const [file = '', ...first] = commands[language] ?? []
  const child = spawn(file, [...first, write(folder, language, text), ...args], {
    cwd: folder,
    env: { ...projectEnv(folder), ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (piece: string) => (said += piece))
  }
  const logs = () => readdirSync(folder).filter((name) => name.endsWith('.log'))
  return {
    child,
    folder,
    output: () =>
      said +
      logs()
        .map((name) => readFileSync(join(folder, name), 'utf8'))
        .join(''),
    ended: once(child, 'close').then(([code, signal]) => signal ?? code),
  }
}

/** What comes after `console.log(…) //`, in Python `print(…) #`: what that line prints, to its end or a `,` or `:`. */
const promises = (text: string): string[] =>
  [...text.matchAll(/(?:console\.log|print)\(.*\) +(?:\/\/|#) (.*)$/gm)]
    .map(([, said = '']) => said)
    .filter((said) => !said.startsWith('such as'))

/** Whether a line that was printed is the one that was promised. A number is any number, and `…` any text. */
export function keeps(promise: string, line: string): boolean {
  const [said, printed] = [promise, line.trimEnd()].map((text) => text.replace(/\d+/g, '0'))
  if (said === undefined || printed === undefined || printed === '') return false
  const cut = said.indexOf('…')
  if (cut >= 0) return printed.startsWith(said.slice(0, cut).trimEnd())
  return (
    said === printed || (said.startsWith(printed) && /^( ?[,:(])/.test(said.slice(printed.length)))
  )
}

/** The promises of a program that its output, in the order of both, has not kept. */
export function broken(text: string, output: string): string[] {
  const lines = output.split('\n')
  const left: string[] = []
  for (const promise of promises(text)) {
    const at = lines.findIndex((line) => keeps(promise, line))
    if (at < 0) left.push(promise)
    else lines.splice(0, at + 1)
  }
  return left
}
