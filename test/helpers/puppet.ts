import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished } from 'vitest'
import { openFolder } from './folder.ts'
import { hasNobody, type Json, ps, track, unprivileged, until } from './process.ts'
import { openTerminal, type Terminal } from './pty.ts'

/** A running test/fixtures/puppet.mjs. */
export interface Puppet {
  pid: number
  role?: string
  /** What its function gave; rejects with an error that has the fields of its error. */
  call(name: string, ...args: unknown[]): Promise<Json>
  /** What it told unasked. */
  events: Json[]
  /** Asks it to end, and waits until it has hung up. */
  end(): Promise<void>
}

export interface Switchboard {
  folder: string
  env: NodeJS.ProcessEnv
  /** The next process that connects. */
  next: () => Promise<Puppet>
}

/** Where the fixtures of a test connect to. */
export async function openSwitchboard(): Promise<Switchboard> {
  const folder = openFolder()
  const waiting: Puppet[] = []
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    void greet(socket).then((remote) => waiting.push(remote))
  })
  const path = join(folder, 'socket')
  await new Promise<void>((resolve) => server.listen({ path, writableAll: true }, resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    folder,
    env: { ...process.env, SETSID_TEST_SOCKET: path, HOME: folder },
    async next() {
      let remote: Puppet | undefined
      await until(() => (remote = waiting.shift()), 20_000)
      if (remote === undefined) throw new Error('nobody connected')
      return remote
    },
  }
}

async function greet(socket: Socket): Promise<Puppet> {
  const lines = createInterface({ input: socket })
  const answers: ((line: Json) => void)[] = []
  const events: Json[] = []
  const closed = new Promise<void>((resolve) => socket.on('close', resolve))
  socket.on('error', () => undefined)
  const answer = () => new Promise<Json>((resolve) => answers.push(resolve))
  const hello = answer()
  lines.on('line', (text) => {
    const line: Json = JSON.parse(text)
    if (line.event === undefined) answers.shift()?.(line)
    else events.push(line)
  })
  void closed.then(() => answers.forEach((give) => give({ error: { message: 'hung up' } })))
  const { pid, role } = await hello
  // Pid 1 is that of a namespace, and not to be found here by that number.
  if (pid !== 1) track(pid)
  return {
    pid,
    role,
    events,
    async call(name, ...args) {
      const answered = answer()
      socket.write(`${JSON.stringify({ call: name, args })}\n`)
      const { value, error } = await answered
      if (error !== undefined) throw Object.assign(new Error(error.message), error)
      return value
    },
    async end() {
      socket.write(`${JSON.stringify({ call: 'end', args: [] })}\n`)
      await closed
    },
  }
}

/** The interactive shells, with no start-up file. */
export const shells = {
  bash: ['--norc', '--noprofile', '-i'],
  zsh: ['-f', '-i'],
  dash: ['-i'],
  fish: ['--no-config', '-i'],
}
export type Shell = keyof typeof shells

/** As whom a terminal's programs run. Without root there is one kind only. */
export const users = hasNobody ? (['root', 'nobody'] as const) : (['this user'] as const)
export type User = 'root' | 'nobody' | 'this user'
/** For spawn: what makes a program run as a user of `users`. */
export const idsOf = (user: User) => (user === 'nobody' ? unprivileged : {})

/** An interactive shell on a new pty, at its prompt. */
export async function openShell(
  shell: Shell,
  user: User,
  env: NodeJS.ProcessEnv,
): Promise<Terminal> {
  const terminal = openTerminal(shell, shells[shell], {
    env: { ...env, TERM: 'xterm', PS1: '$ ', fish_greeting: '' },
    ...idsOf(user),
  })
  // fish 4 asks the terminal what it is, and waits for the answer before its prompt.
  if (shell === 'fish') {
    terminal.pty.onData((data) => {
      if (data.includes('\x1b[c') || data.includes('\x1b[0c')) terminal.type('\x1b[?62c')
    })
  }
  await expectUsable(terminal)
  return terminal
}

let marks = 0

/** The terminal's foreground group is the shell's own, and the shell takes a line and runs it. */
export async function expectUsable(terminal: Terminal): Promise<void> {
  await until(() => {
    const { tpgid, pgid } = ps(terminal.pid)
    return tpgid === pgid
  })
  const mark = `mark${++marks}`
  for (let tries = 1; ; tries++) {
    terminal.type(`echo "${mark}"'.'\r`)
    try {
      await terminal.expect(new RegExp(`${mark}\\.`), 4000)
      return
    } catch (error) {
      // A shell that is busy with a Ctrl-C drops what is typed right behind it.
      if (tries === 3) throw error
    }
  }
}

/** The shell has given its job the terminal. fish does so after it has started it, bash before. */
export const expectJob = (terminal: Terminal): Promise<void> =>
  until(() => ps(terminal.pid).tpgid !== terminal.pid)

/** All of a process that detaching could change, read from the kernel. */
export function snapshot(pid: number): object {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]
  const stdio = stdioOf(pid).map((file, fd) => ({ file, flags: flagsOf(pid, fd) }))
  const { pgid, sid, tpgid, tty, ppid } = ps(pid)
  return {
    ...{ pid, ppid, pgid, sid, tpgid, tty, stdio },
    cwd: readlinkSync(`/proc/${pid}/cwd`),
    umask: field('Umask'),
    blocked: field('SigBlk'),
    ignored: field('SigIgn'),
    caught: field('SigCgt'),
  }
}

const descriptorsOf = (pid: number) => readdirSync(`/proc/${pid}/fd`)

/** What a process is now, as a check that it still is so, with no descriptor more. */
export function remember(pid: number): () => Promise<void> {
  const before = snapshot(pid)
  const descriptors = descriptorsOf(pid)
  return async () => {
    expect(snapshot(pid)).toEqual(before)
    // What another thread closes may take a moment; Node itself closes some after its start.
    await until(() => descriptorsOf(pid).every((fd) => descriptors.includes(fd)))
  }
}

/** What a process's 0, 1 and 2 are open on. */
export const stdioOf = (pid: number): string[] =>
  [0, 1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))

/** The flags of a descriptor as open() takes them, with O_CLOEXEC. */
export function flagsOf(pid: number, fd: number): number {
  const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1')
  const flags = Number.parseInt(/^flags:\s*(\d+)/m.exec(info)?.[1] ?? '', 8)
  // O_LARGEFILE, which open() adds on 64-bit systems and pipe() does not, means nothing there.
  return flags & ~0o100000
}
