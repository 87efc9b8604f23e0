import { execFileSync } from 'node:child_process'
import { mkdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const sources = fileURLToPath(new URL('../fixtures', import.meta.url))
const native = fileURLToPath(new URL('../../src/linux', import.meta.url))
const folder = fileURLToPath(new URL('../../build/fixtures', import.meta.url))

/** The program of test/fixtures/NAME.c, or with flags a library, compiled when it is older than its source. */
export function compile(name: string, ...flags: string[]): string {
  const source = `${sources}/${name}.c`
  const program = `${folder}/${name}`
  const compiled = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0
  if (compiled > statSync(source).mtimeMs) return program
  mkdirSync(folder, { recursive: true })
  const all = ['-O2', '-Wall', '-pthread', ...flags, '-o', program, source]
  execFileSync('cc', all, { stdio: 'inherit' })
  return program
}

/** The program of test/fixtures/NAME.cc, which sees src/, with these files of src/linux/ and by these options. */
export function compileWith(name: string, files: string[] = [], options: string[] = []): string {
  mkdirSync(folder, { recursive: true })
  const program = `${folder}/${name}-cc`
  const all = [`${sources}/${name}.cc`, ...files.map((file) => `${native}/${file}.cc`)]
  execFileSync('c++', ['-std=c++17', '-o', program, ...all, ...options], { stdio: 'inherit' })
  return program
}
