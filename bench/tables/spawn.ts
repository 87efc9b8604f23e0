// What a child costs, until it has ended.
import { type ChildProcess, spawn as plain } from 'node:child_process'
import { once } from 'node:events'
import { milliseconds } from '../frame/clock.ts'
import type { Contest, Table } from '../frame/types.ts'
import type { SpawnOptions } from '../../lib/index.ts'

const stdio = { stdio: 'ignore' } as const
const exit = (start: () => ChildProcess) => () => milliseconds(() => once(start(), 'exit'))

async function contest(options: SpawnOptions): Promise<Contest> {
  const { spawn } = await import('setsid')
  const limit = { name: 'child_process.spawn', sample: exit(() => plain('true', [], stdio)) }
  const ours = exit(() => spawn('true', [], { ...stdio, ...options }))
  return { ours: { name: 'setsid', sample: ours }, limit }
}

const detached = exit(() => plain('true', [], { ...stdio, detached: true }))

export const table: Table = {
  name: 'spawn',
  title: 'Children',
  how: "A child `true`, from the call to its event `exit`, beside one of Node's own in the same moment.",
  rows: [
    {
      name: 'spawn-plain',
      what: '`spawn()` without an option of ours',
      unit: 'ms',
      goal: { ratio: 1.02 },
      rounds: 500,
      quick: 40,
      why: "It is Node's own `spawn()`, after a look at the names of the options.",
      open: () => contest({}),
    },
    {
      name: 'spawn-session',
      what: "`session: 'new'`",
      unit: 'ms',
      goal: { ratio: 1.06 },
      rounds: 500,
      why: 'It is what Node calls `detached`, one system call in the child.',
      open: async () => {
        const peers = [{ name: 'detached: true', sample: detached }]
        return { ...(await contest({ session: 'new' })), peers }
      },
    },
    {
      name: 'spawn-steps',
      what: "`group: 'new'`, `umask`, `parentDeathSignal`",
      unit: 'ms',
      goal: { ratio: 1.06 },
      rounds: 500,
      quick: 40,
      why: "Node's `spawn()` has no place for a step of ours between fork and exec.",
      missed: `the child is first the launcher, which takes the steps and executes the program: a second exec, and a pipe that
tells which step has failed. A handler of \`pthread_atfork\` in Node's own fork would do without both (1.03 to 1.06). It
was weighed and left: every step would be written a second time, to run inside libuv's fork, async-signal-safe, and only
glibc has it.`,
      open: () => contest({ group: 'new', umask: 0o77, parentDeathSignal: 'SIGKILL' }),
    },
    {
      name: 'spawn-contain',
      what: '`contain: true`',
      unit: 'ms',
      goal: { more: 3 },
      rounds: 300,
      quick: 20,
      why: 'Two more processes, the supervisor and the one that has `child.pid`, and where we may make one a cgroup, are there before the program and after it.',
      open: () => contest({ contain: true }),
    },
    {
      name: 'run',
      what: "`run('true')`",
      unit: 'ms',
      goal: { ratio: 1.3, to: 'execa' },
      rounds: 300,
      quick: 20,
      why: 'A contained child with its output: `execFile()` has neither a supervisor nor the proof that nobody is left.',
      open: async () => {
        const { run } = await import('setsid')
        const { execa } = await import('execa')
        const { execFile } = await import('node:child_process')
        const executed = () => new Promise((resolve) => execFile('true', resolve))
        return {
          ours: { name: 'setsid', sample: () => milliseconds(() => run('true')) },
          limit: { name: 'execFile', sample: () => milliseconds(executed) },
          peers: [{ name: 'execa', sample: () => milliseconds(() => execa('true')) }],
        }
      },
    },
  ],
}
