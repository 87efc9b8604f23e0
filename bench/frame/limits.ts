// The C programs of bench/limits, and what they answer.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, statSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const sources = fileURLToPath(new URL('../limits', import.meta.url))
export const buildFolder = fileURLToPath(new URL('../../build/bench', import.meta.url))

/** The program of bench/limits/NAME.c, compiled when it is older than its source. */
export function limit(name: string): string {
  const source = `${sources}/${name}.c`
  const program = `${buildFolder}/${name}`
  const compiled = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0
  if (compiled > statSync(source).mtimeMs) return program
  mkdirSync(buildFolder, { recursive: true })
  execFileSync('cc', ['-O2', '-Wall', '-o', program, source], { stdio: ['ignore', 2, 2] })
  return program
}

/** A program that answers each line by a number, until its input ends. */
export interface Answerer {
  /** Sends it a line, and gives the answer. */
  ask(): Promise<number>
  /** What it says unasked. */
  line(): Promise<number>
  end(): Promise<void>
}

export function answerer(name: string, ...args: string[]): Answerer {
  const child = spawn(limit(name), args, { stdio: ['pipe', 'pipe', 'inherit'] })
  // It may have ended: then it answers nothing, and that is the error.
  child.stdin.on('error', () => undefined)
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const line = async () => {
    const { done, value } = await lines.next()
    if (done === true) throw new Error(`${name} ${args.join(' ')} has ended`)
    return Number(value)
  }
  return {
    line,
    ask: () => (child.stdin.write('\n'), line()),
    async end() {
      const ended = child.exitCode !== null || child.signalCode !== null || once(child, 'exit')
      child.stdin.end()
      await ended
    },
  }
}
