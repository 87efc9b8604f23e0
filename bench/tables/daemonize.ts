// How soon the prompt is back, and how soon the service is ready.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants, mkdirSync, openSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { buildFolder } from '../frame/limits.ts'
import { programPath, root } from '../frame/programs.ts'
import { sessPath } from '../frame/sess.ts'
import type { Contest, Table, Way } from '../frame/types.ts'

const start = (name: string) => [process.execPath, programPath(name)]
const launched = [join(root, 'build/Release/launcher'), 'launch', '--']

/** The end of a named pipe that programs tell their pids by. */
function openPipe() {
  mkdirSync(buildFolder, { recursive: true })
  const path = join(buildFolder, `ready.${process.pid}`)
  rmSync(path, { force: true })
  execFileSync('mkfifo', [path])
  // It has a writer as long as we have it, and so no end.
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  const socket = new Socket({ fd, readable: true, writable: false })
  const close = async () => {
    socket.destroy()
    rmSync(path)
  }
  return { path, socket, close }
}

interface Start {
  name: string
  command: string[]
  /** It leaves a daemon. */
  stays?: true
}

/** What a row is about: when the command has ended, or when the service is there. */
type Moment = 'prompt' | 'ready'

function contest(moment: Moment, ours: Start, peers: Start[] = []): Contest {
  const pipe = openPipe()
  const way = ({ name, command: [file = '', ...args], stays }: Start): Way => ({
    name,
    async sample() {
      const began = performance.now()
      const child = spawn(file, [...args, pipe.path], { stdio: 'ignore' })
      const told = once(pipe.socket, 'data').then(([data]) => {
        const ready = performance.now() - began
        return { pid: Number(String(data)), ready }
      })
      const [code] = (await once(child, 'exit')) as [number | null]
      const prompt = performance.now() - began
      if (code !== 0) throw new Error(`${name} ended with ${code}`)
      const { pid, ready } = await told
      if (stays === true) process.kill(pid, 'SIGKILL')
      return moment === 'prompt' ? prompt : ready
    },
  })
  return {
    ours: way(ours),
    limit: way({ name: 'a plain start', command: start('plain.mjs') }),
    peers: peers.map(way),
    end: pipe.close,
  }
}

const late: Start = {
  name: 'launcher, late daemonize()',
  command: [...launched, ...start('late.mjs')],
  stays: true,
}
const others: Start[] = [
  { name: 'daemonize() by restart', command: start('late.mjs'), stays: true },
  { name: 'daemonize-process', command: start('again.mjs'), stays: true },
]

export const table: Table = {
  name: 'daemonize',
  title: 'Daemons',
  how: `A server that listens, and then becomes a daemon. It stands beside a plain start of the same server, which ends when
it listens. The command of the first two rows is the launcher itself, that of the third is \`sess\` as npm installs it.`,
  rows: [
    {
      name: 'daemonize-prompt',
      what: 'late `daemonize()`, until the prompt is back',
      unit: 'ms',
      goal: { ratio: 1.06 },
      rounds: 60,
      quick: 7,
      why: 'The service has to start once, whoever waits for it. What we add is the import, `detach()` and some words with the launcher; a second start of Node would double it.',
      missed:
        'of 10 ms more, some 4 are the import and the first `detach()`, whose files are compiled then; the rest is the launcher with its canary and guard, two processes more, and the words that they exchange.',
      open: () => contest('prompt', late, others),
    },
    {
      name: 'daemonize-ready',
      what: 'late `daemonize()`, until the service is ready',
      unit: 'ms',
      goal: { ratio: 1.08 },
      rounds: 60,
      why: 'The same, and the service hears that the launcher has heard it.',
      missed: 'as above.',
      open: () => contest('ready', late, others),
    },
    {
      name: 'launch-node',
      what: '`sess launch -- node app.js`, until ready',
      unit: 'ms',
      goal: { ratio: 1.1 },
      rounds: 60,
      quick: 7,
      why: "A shell finds the launcher, which starts the program: no Node but the program's own.",
      open: () =>
        contest('ready', {
          name: 'sess launch',
          command: [sessPath(), 'launch', '--', ...start('plain.mjs')],
        }),
    },
  ],
}
