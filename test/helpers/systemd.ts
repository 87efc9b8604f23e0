// systemd as pid 1 of namespaces of its own (test/fixtures/systemd.sh), one for all tests of a file.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, onTestFinished } from 'vitest'
import { ownCgroup } from '../../lib/base/proc.ts'
import { programs, units } from './guide.ts'
import { fixturePath, node, until } from './process.ts'
import { lacks, need } from './tools.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const run = promisify(execFile)

/** A process of a unit. */
export interface UnitProcess {
  /** Its pid here, and there. */
  outer: number
  pid: number
  ppid: number
  /** Its cgroup, below the unit's own: '' for that itself. */
  cgroup: string
  args: string
}

export class Systemd {
  /** The pid of systemd here. There it is 1. */
  readonly pid: number
  /** The process that started it, and its cgroup. */
  readonly keeper: number
  readonly cgroup: string
  readonly #end: () => Promise<void>

  constructor(pid: number, keeper: number, cgroup: string, end: () => Promise<void>) {
    this.pid = pid
    this.keeper = keeper
    this.cgroup = cgroup
    this.#end = end
  }

  end(): Promise<void> {
    return this.#end()
  }

  /** What is `path` there. */
  at(path: string): string {
    return `/proc/${this.pid}/root${path}`
  }

  read(path: string): string {
    return readFileSync(this.at(path), 'utf8')
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(this.at(path)), { recursive: true })
    writeFileSync(this.at(path), text)
    if (text.startsWith('#!')) chmodSync(this.at(path), 0o755)
  }

  /** What the units of docs/systemd.md need, and they. */
  async install(): Promise<void> {
    mkdirSync(this.at('/srv/bin'))
    mkdirSync(this.at('/srv/node_modules'))
    symlinkSync(node, this.at('/srv/bin/node'))
    symlinkSync(join(repository, 'bin/sess'), this.at('/srv/bin/sess'))
    symlinkSync(repository, this.at('/srv/node_modules/setsid'))
    for (const [path, text] of programs) this.write(path, text)
    for (const [name, text] of units) {
      this.write(name.replace(/^~/, '/home/web').replace(/^(?!\/)/, '/etc/systemd/system/'), text)
    }
    await this.systemctl('daemon-reload')
  }

  /** Until the test is over: more lines for a unit. Another path is that of another file. */
  async change(unit: string, lines: string): Promise<void> {
    const folder = `/run/systemd/system/${unit}.d`
    this.write(`${folder}/test.conf`, lines)
    await this.systemctl('daemon-reload')
    onTestFinished(async () => {
      rmSync(this.at(folder), { recursive: true })
      await this.systemctl('daemon-reload')
    })
  }

  /** Until the test is over: another text for a program. */
  rewrite(path: string, change: (text: string) => string): void {
    const text = this.read(path)
    const changed = change(text)
    if (changed === text) throw new Error(`nothing of ${path} was changed`)
    this.write(path, changed)
    onTestFinished(() => this.write(path, text))
  }

  /** Starts a unit; it is stopped after the test. */
  async start(unit: string): Promise<void> {
    onTestFinished(async () => {
      await this.run('systemctl', 'stop', unit)
      await this.run('systemctl', 'reset-failed', unit)
    })
    await this.systemctl('start', unit)
  }

  /** Runs a command there, and gives what it prints and how it ends. */
  async run(...command: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const args = ['-t', String(this.pid), '-a', '--', ...command]
    // systemd gives its services such a PATH too.
    const env = { PATH: '/srv/bin:/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' }
    try {
      return { code: 0, ...(await run('nsenter', args, { env, timeout: 30_000 })) }
    } catch (error) {
      const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string }
      if (typeof code !== 'number') throw error
      return { code, stdout, stderr }
    }
  }

  /** Fails with what systemctl and the journal say. */
  async systemctl(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run('systemctl', ...args)
    if (code === 0) return stdout
    const unit = args.at(-1) ?? ''
    throw new Error(`systemctl ${args.join(' ')}: ${code} ${stderr}\n${await this.journal(unit)}`)
  }

  async journal(unit: string): Promise<string> {
    const { stdout } = await this.run('journalctl', '-q', '--no-pager', '-o', 'cat', '-u', unit)
    return stdout
  }

  async show<Name extends string>(unit: string, ...names: Name[]): Promise<Record<Name, string>> {
    const text = await this.systemctl('show', '-p', names.join(), unit)
    const lines = text.trim().split('\n')
    const entries = lines.map((line) => [line.split('=', 1)[0], line.slice(line.indexOf('=') + 1)])
    return Object.fromEntries(entries) as Record<Name, string>
  }

  /** All processes of a unit, as the kernel lists them in its cgroup and below it. */
  processes(unit: string, slice = '/system.slice'): UnitProcess[] {
    const root = this.at(`/sys/fs/cgroup${slice}/${unit}`)
    const below = (folder: string): UnitProcess[] => {
      const path = `${root}${folder}`
      if (!existsSync(path)) return []
      const pids = readFileSync(`${path}/cgroup.procs`, 'utf8').split('\n').filter(Boolean)
      const own = pids.flatMap((pid) => processOf(Number(pid), folder.slice(1)))
      const folders = readdirSync(path, { withFileTypes: true }).filter((one) => one.isDirectory())
      return [...own, ...folders.flatMap(({ name }) => below(`${folder}/${name}`))]
    }
    return below('')
  }
}

function processOf(outer: number, cgroup: string): UnitProcess[] {
  try {
    const status = readFileSync(`/proc/${outer}/status`, 'utf8')
    const [, pid = ''] = /^NSpid:.*\t(\d+)$/m.exec(status) ?? []
    const [, parent = ''] = /^PPid:\t(\d+)$/m.exec(status) ?? []
    const args = readFileSync(`/proc/${outer}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
    return [{ outer, pid: Number(pid), ppid: Number(parent), cgroup, args }]
  } catch {
    // It has ended meanwhile.
    return []
  }
}

/** The command that boots it, and the start of its cgroup's name. */
export function bootCommand(): { command: [string, ...string[]]; prefix: string } {
  for (const tool of ['systemctl', 'bash', 'unshare', 'setpriv']) need(tool)
  const own = ownCgroup()
  if (own === undefined) lacks('cgroup of version 2')
  const prefix = `${own}/setsid-systemd`
  return { command: ['bash', fixturePath('systemd.sh'), prefix, repository, dirname(node)], prefix }
}

/** Boots one more: the caller ends it. */
export async function bootSystemd(): Promise<Systemd> {
  const { command, prefix } = bootCommand()
  const [file, ...args] = command
  const keeper = spawn(file, args, {
    // Away from the terminal of the tests. It ends with its stdin.
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const { pid: keeperPid = 0 } = keeper
  const cgroup = `${prefix}-${keeperPid}`
  let told = ''
  // It says why it can't boot.
  keeper.stderr.setEncoding('utf8').on('data', (text: string) => (told += text))
  const ended = once(keeper, 'exit')
  const end = async () => {
    keeper.stdin.end()
    const [code] = await ended
    if (code !== 0) throw new Error(`systemd left its cgroup: ${told}`)
  }
  let systemd: Systemd | undefined
  try {
    await until(async () => {
      if (keeper.exitCode !== null) throw new Error(`systemd did not come up: ${told}`)
      const scope = `${cgroup}/init.scope/cgroup.procs`
      const pid = existsSync(scope) ? Number(readFileSync(scope, 'utf8').split('\n')[0]) : 0
      if (pid === 0) return false
      systemd = new Systemd(pid, keeperPid, cgroup, end)
      return (await systemd.run('systemctl', 'is-system-running')).stdout === 'running\n'
    }, 20_000)
    if (systemd === undefined) throw new Error('unreachable')
    await systemd.install()
    return systemd
  } catch (error) {
    await end()
    throw error
  }
}

let booted: Promise<Systemd> | undefined

/** The systemd of this file's tests. It skips the test that runs, by name, where a tool is missing. */
export async function systemd(): Promise<Systemd> {
  bootCommand()
  return (booted ??= bootSystemd())
}

afterAll(async () => {
  await (await booted?.catch(() => undefined))?.end()
  booted = undefined
})
