// How long it takes to end many processes and to see them gone, and what of it the event loop has to do.
import { type ChildProcess, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { milliseconds, threadClock } from '../frame/clock.ts'
import { limit } from '../frame/limits.ts'
import type { Contest, Table, Way } from '../frame/types.ts'

const kill = { killSignal: 'SIGKILL' } as const
type Timed = (stop: () => Promise<unknown>) => Promise<number>

/** From a full group to the end of its last member. */
async function stopping(
  size: number,
  how: 'stopGroup' | 'stopContained',
  timed: Timed,
): Promise<Way> {
  const { spawn, stopContained, stopGroup } = await import('setsid')
  const contain = how === 'stopContained'
  const program = limit('stop')
  return {
    name: 'setsid',
    async sample() {
      const child: ChildProcess = spawn(program, [String(size), 'hold'], {
        group: 'new',
        contain,
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      const ended = once(child, 'close')
      const said = await Promise.race([once(child.stdout ?? child, 'data'), ended])
      if (String(said[0]) !== 'ready\n') throw new Error(`there is no room for ${size} processes`)
      const time = await timed(() =>
        contain ? stopContained(child, kill) : stopGroup(child, kill),
      )
      await ended
      return time
    },
  }
}

async function contest(size: number, how: 'stopGroup' | 'stopContained'): Promise<Contest> {
  const program = limit('stop')
  return {
    ours: await stopping(size, how, milliseconds),
    limit: {
      name: 'kill(-g) and wait in C',
      sample: () => Number(execFileSync(program, [String(size)]).toString()),
    },
  }
}

const why = `The kernel ends the processes one after another, and their parent hears of each. Who is not their parent has to
read the process table to know that nobody is left.`

export const table: Table = {
  name: 'stop',
  title: 'Stopping',
  how: `A group of so many processes that wait, ended by SIGKILL, from the call to its result: nobody is left. The limit is the
same group ended by its own parent, in C.`,
  rows: [
    {
      name: 'stop-500',
      what: '`stopGroup()` of 500',
      unit: 'ms',
      goal: { ratio: 1.5 },
      rounds: 21,
      quick: 5,
      why,
      open: () => contest(500, 'stopGroup'),
    },
    {
      name: 'stop-contained',
      what: '`stopContained()` of 500',
      unit: 'ms',
      goal: { ratio: 1.5 },
      rounds: 21,
      quick: 5,
      why: 'The supervisor is the parent of all that has lost its own, and reaps it; a cgroup ends all of them by one write.',
      open: () => contest(500, 'stopContained'),
    },
    {
      name: 'stop-5000',
      what: '`stopGroup()` of 5,000',
      unit: 'ms',
      goal: { ratio: 1.9 },
      rounds: 9,
      quick: 1,
      why,
      open: () => contest(5000, 'stopGroup'),
    },
    {
      name: 'stop-5000-cpu',
      what: 'main thread of the same, time of its own',
      unit: 'ms',
      goal: { most: 1 },
      rounds: 9,
      quick: 1,
      why: 'The call hands the stop to another thread, and one message brings the result. The limit is a timer.',
      missed:
        'the list of 5,000 pids that were signalled is made in the main thread, and it reads the rows of each look for members that are left.',
      open: async () => {
        const clock = await threadClock()
        const timed: Timed = async (stop) => {
          const before = clock()
          await stop()
          return clock() - before
        }
        const timer = () => new Promise((resolve) => setTimeout(resolve, 100))
        return {
          ours: await stopping(5000, 'stopGroup', timed),
          limit: { name: 'a timer', sample: () => timed(timer) },
        }
      },
    },
  ],
}
