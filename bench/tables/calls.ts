// Single calls, many in a row.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { libc } from '../frame/clock.ts'
import { answerer } from '../frame/limits.ts'
import type { Table } from '../frame/types.ts'

const CALLS = 100_000
const pid = process.ppid

/** The nanoseconds of one call, of `count`. */
const each = (count: number, call: () => unknown) => () => {
  const began = performance.now()
  for (let i = 0; i < count; i++) call()
  return ((performance.now() - began) * 1e6) / count
}
const micro = (count: number, call: () => unknown) => {
  const sample = each(count, call)
  return () => sample() / 1e3
}

export const table: Table = {
  name: 'calls',
  title: 'Single calls',
  how: 'Of another process, a hundred thousand times in a row (`processInfo()`: two thousand), and then the next in turn.',
  rows: [
    {
      name: 'getsid',
      what: '`getsid(pid)`',
      unit: 'ns',
      goal: { ratio: 1.15 },
      rounds: 30,
      quick: 7,
      why: 'The system call takes nearly all of it. Above it are the way from JavaScript to native code by Node-API, and a check of the argument.',
      missed:
        'an empty call takes 6 ns, and with the system call in it 1.23 of the loop in C: each function that a system call returns through costs some 7 ns on a kernel with Safe RET, and a call from JavaScript is four deep. The loop in C at that depth takes 1.21.',
      open: async () => {
        const { getsid } = await import('setsid')
        const c = answerer('inspect', 'getsid', String(pid))
        const sample = each(CALLS, () => getsid(pid))
        // It is installed by its first sample, and not where there is none.
        let peer: (() => number) | undefined
        const open = async () => {
          const call = await libc('int getsid(int)')
          return each(CALLS, () => call(pid))
        }
        const koffi = async () => (peer ??= await open())()
        return {
          ours: { name: 'setsid', sample },
          limit: { name: 'a loop in C', sample: async () => (await c.ask()) / CALLS },
          peers: [{ name: 'koffi', sample: koffi }],
          end: c.end,
        }
      },
    },
    {
      name: 'process-info',
      what: '`processInfo(pid)`',
      unit: 'µs',
      goal: { ratio: 0.6 },
      rounds: 30,
      quick: 7,
      why: 'The kernel makes the text of stat while it is read, whoever reads. `readFileSync()` opens, asks for the size, reads twice and closes, and has a buffer to make; then it would have to be parsed.',
      missed:
        'open, read and close of that file alone take 0.64 of `readFileSync()` in C, and with the look at its owner 0.74.',
      open: async () => {
        const { processInfo } = await import('setsid')
        const path = `/proc/${pid}/stat`
        const ps = () =>
          execFileSync('ps', ['-o', 'pid=,ppid=,pgid=,sid=,tty=,stat=,uid=,comm=', '-p', `${pid}`])
        return {
          ours: { name: 'setsid', sample: micro(2000, () => processInfo(pid)) },
          limit: { name: 'readFileSync of stat', sample: micro(2000, () => readFileSync(path)) },
          peers: [{ name: 'ps -p', sample: micro(1, ps) }],
        }
      },
    },
  ],
}
