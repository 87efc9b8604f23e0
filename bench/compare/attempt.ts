// Tries one cell of the comparison, in a process and a session of its own; whatever it leaves is ended.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { marked } from '../../test/helpers/leftovers.ts'
import { columns, type Row } from './rows.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const CAP = 20_000

const prelude = `
import { exec, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import * as ours from 'setsid'
const answer = (value) => writeFileSync('answer', String(value))
const throws = (call) => { try { call(); return false } catch { return true } }
const stat = (pid) => {
  const text = readFileSync('/proc/' + pid + '/stat', 'latin1')
  const [state, ppid, pgid, sid, tty] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state, ppid: Number(ppid), pgid: Number(pgid), sid: Number(sid), tty: Number(tty) }
}
const alive = (pid) => { try { return !'ZX'.includes(stat(pid).state) } catch { return false } }
const until = async (condition, cap = 8000) => {
  for (const end = Date.now() + cap; Date.now() < end; ) {
    if (condition()) return true
    await new Promise((done) => setTimeout(done, 10))
  }
  return false
}
/** The pids that the command has written. */
const told = async () => {
  await until(() => existsSync('pids') && readFileSync('pids', 'utf8').endsWith('\\n'))
  return readFileSync('pids', 'utf8').trim().split('\\n').map(Number)
}
`

/** Where a package is installed, or undefined. */
export function folderOf(name: string): string | undefined {
  const folders = [join(root, 'node_modules', name), join(root, 'bench/peers/node_modules', name)]
  return name === 'setsid' ? root : folders.find((folder) => existsSync(folder))
}

/** Whether a package is installed, and compiled if it brings no binary. */
export function isBuilt(name: string): boolean {
  const folder = folderOf(name)
  return folder !== undefined && (name !== 'posix' || existsSync(join(folder, 'build')))
}

/** Starts a command, and gives its exit code and what it has said. */
async function runCommand(command: string[], cwd: string, env: NodeJS.ProcessEnv) {
  const [file = '', ...args] = command
  const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'], detached: true })
  const timer = setTimeout(() => child.kill('SIGKILL'), CAP)
  let said = ''
  child.stderr.on('data', (data: Buffer) => (said += data.toString()))
  const [code] = (await once(child, 'exit')) as [number | null]
  clearTimeout(timer)
  return { code, said }
}

/** The same at the prompt of a shell with job control. */
async function runAtPrompt(command: string[], cwd: string, env: NodeJS.ProcessEnv) {
  const { spawn: open } = await import('@lydell/node-pty')
  const pty = open('sh', ['-c', 'set -m; "$@"; exit $?', 'sh', ...command], { cwd, env })
  let said = ''
  pty.onData((data) => (said += data))
  const code = await new Promise<number>((done) => pty.onExit(({ exitCode }) => done(exitCode)))
  return { code, said }
}

/** Ends whatever bears the mark. */
async function sweep(mark: string): Promise<void> {
  for (let left = marked(mark); left.length > 0; left = marked(mark)) {
    for (const pid of left) {
      try {
        process.kill(Number(pid), 'SIGKILL')
      } catch {
        // It has ended meanwhile.
      }
    }
    await new Promise((done) => setTimeout(done, 20))
  }
}

/** Whether the fact of a row holds for a column. */
export async function attempt(row: Row, column: string): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'setsid-compare-'))
  mkdirSync(join(folder, 'node_modules'))
  for (const name of columns) {
    const from = folderOf(name)
    if (from !== undefined) symlinkSync(from, join(folder, 'node_modules', name))
  }
  const { before = '', programs } = row
  // What it has started would hold it.
  const end = row.daemon === true ? '' : 'process.exit()\n'
  writeFileSync(join(folder, 'program.mjs'), `${prelude}${before}${programs[column] ?? ''}\n${end}`)
  const id = randomUUID()
  const env = { ...process.env, SETSID_COMPARE: id }
  const node = [process.execPath, '--stack-trace-limit=7', 'program.mjs']
  const alone = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child']
  const start = row.terminal === true ? runAtPrompt : runCommand
  const path = join(folder, 'answer')
  const read = () => (existsSync(path) ? readFileSync(path, 'utf8') : '')
  try {
    const { code, said } = await start(
      row.namespace === true ? [...alone, ...node] : node,
      folder,
      env,
    )
    const isLate = () => row.daemon === true && code === 0 && read() === ''
    for (let i = 0; i < 500 && isLate(); i++) await new Promise((done) => setTimeout(done, 10))
    const answer = read()
    if (answer === 'fails') return code !== 0
    // What has crashed has told nothing of the fact.
    if (answer === '' && row.daemon !== true)
      throw new Error(`${row.fact}: ${column}: ${code}: ${said}`)
    return answer === 'true'
  } finally {
    await sweep(`SETSID_COMPARE=${id}`)
    rmSync(folder, { recursive: true, force: true })
  }
}
