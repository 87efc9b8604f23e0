import {
  type ChildProcess,
  execFileSync,
  spawn,
  type SpawnOptions,
  spawnSync,
} from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach } from 'vitest'
import { has, need } from './tools.ts'

/** The Node that fixtures run on. */
export const node = process.env['SETSID_TEST_NODE'] ?? process.execPath
export const isRoot = process.getuid?.() === 0

export const fixturePath = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))

/** When a process started, in ticks since boot; undefined where there is none. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

const started = new Map<number, string>()

/** Pids to end, and see gone, when the test is over: while each is still the process that it is now. */
export function track(...pids: number[]): void {
  for (const pid of pids) {
    const start = startOf(pid)
    if (pid > 1 && start !== undefined) started.set(pid, start)
  }
}

afterEach(async () => {
  const all = [...started]
  started.clear()
  const lives = ([pid, start]: [number, string]) => isLive(pid) && startOf(pid) === start
  for (const one of all) {
    try {
      if (lives(one)) process.kill(one[0], 'SIGKILL')
    } catch {
      // It has ended by itself meanwhile.
    }
  }
  for (const one of all) await until(() => !lives(one))
})

/** Waits for a condition; fails with its text when it hasn't come true in `cap` ms. */
export async function until(condition: () => unknown, cap = 10_000): Promise<void> {
  const deadline = Date.now() + cap
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${cap} ms: ${condition.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Alive as /proc sees it: there, and no zombie, or one whose other threads have yet to end. */
export function isLive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    if (!'ZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2))) return true
    return readdirSync(`/proc/${pid}/task`).length > 1
  } catch {
    return false
  }
}

/** The output of a fixture is lines of JSON. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a fixture's line has the shape its test expects
export type Json = any

export interface Running {
  child: ChildProcess
  pid: number
  /** The next line it prints. */
  next(): Promise<Json>
  /** Sends it a line. */
  tell(line: string): void
  /** Its exit code or signal. */
  ended: Promise<number | NodeJS.Signals | null>
  /** What it has written to stderr, where that is a pipe. */
  stderr(): string
}

/** Starts a program that talks in lines of JSON. It is ended after the test. */
export function start(file: string, args: string[] = [], options: SpawnOptions = {}): Running {
  need(file, options)
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options })
  if (child.pid === undefined) throw new Error(`${file} did not start`)
  track(child.pid)
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin?.on('error', () => undefined)
  if (child.stdout === null) throw new Error('start needs stdout as a pipe')
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    child,
    pid: child.pid,
    async next() {
      const { done, value } = await lines.next()
      if (done === true)
        throw new Error(`${args.join(' ')} ended without a line; stderr: ${stderr}`)
      return JSON.parse(value)
    },
    tell: (line) => child.stdin?.write(`${line}\n`),
    stderr: () => stderr,
    ended: once(child, 'exit').then(
      ([code, signal]) => (signal ?? code) as NodeJS.Signals | number,
    ),
  }
}

/** Starts test/fixtures/NAME in a Node of its own. */
export const startFixture = (name: string, args: string[] = [], options?: SpawnOptions): Running =>
  start(node, [fixturePath(name), ...args], options)

/** Runs a fixture and gives the one line that it prints. */
export async function runFixture(
  name: string,
  args: string[] = [],
  options?: SpawnOptions,
): Promise<Json> {
  const running = startFixture(name, args, options)
  const line = await running.next()
  running.child.stdin?.end()
  const ended = await running.ended
  if (ended !== 0) throw new Error(`${name} ${args.join(' ')} ended with ${ended}`)
  return line
}

export interface PsRow {
  pid: number
  ppid: number
  pgid: number
  sid: number
  tpgid: number
  tty: string
  stat: string
  comm: string
}

/** The ids of a process by ps, which shares no code with us; where there is none, read from /proc here. */
export function ps(pid: number): PsRow {
  if (!has('ps')) return readRow(pid)
  const output = execFileSync('ps', [
    '-o',
    'pid=,ppid=,pgid=,sid=,tpgid=,tty=,stat=,comm=',
    '-p',
    String(pid),
  ]).toString()
  const [p, ppid, pgid, sid, tpgid, tty = '', stat = '', comm = ''] = output.trim().split(/\s+/)
  return {
    pid: Number(p),
    ppid: Number(ppid),
    pgid: Number(pgid),
    sid: Number(sid),
    tpgid: Number(tpgid),
    tty,
    stat,
    comm,
  }
}

/** As ps has it, so far as the tests look: proc_pid_stat(5). */
export function readRow(pid: number): PsRow {
  const line = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const end = line.lastIndexOf(')')
  const [state = '', ...fields] = line.slice(end + 2).split(' ')
  const [ppid = 0, pgid = 0, sid = 0, device = 0, tpgid = 0] = fields.slice(0, 5).map(Number)
  const major = device >> 8
  const tty = major >= 136 && major <= 143 ? `pts/${(major - 136) * 256 + (device & 255)}` : '?'
  const stat = state + (sid === pid ? 's' : '') + (pgid === tpgid ? '+' : '')
  return { pid, ppid, pgid, sid, tpgid, tty, stat, comm: line.slice(line.indexOf('(') + 1, end) }
}

/** A pid that no process has: above the largest that this kernel gives out. */
export const gonePid = Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8')) + 1

const nobody = { uid: 65534, gid: 65534 }
/** Whether the tests run as root, and `nobody` may read them: not so in a folder such as /root. */
export const hasNobody =
  isRoot &&
  spawnSync('test', ['-x', node, '-a', '-r', fixturePath('report.mjs')], nobody).status === 0

/** As `nobody` where that can be. */
export const unprivileged: { uid?: number; gid?: number } = hasNobody ? nobody : {}
