// Whole tables of processes, with many more of them than a machine has by itself.
import { execFileSync } from 'node:child_process'
import { milliseconds, threadClock } from '../frame/clock.ts'
import { answerer } from '../frame/limits.ts'
import { importPeer } from '../frame/peers.ts'
import type { Contest, Row, Table, Way } from '../frame/types.ts'

const SESSIONS = 40
const setsid = () => import('setsid')

/** As many processes as it takes to make up `size`, in 40 sessions, of which it gives one. */
async function openCrowd(size: number) {
  const { listProcessesSync } = await setsid()
  const missing = Math.max(0, size - listProcessesSync().length)
  const crowd = answerer(
    'inspect',
    'crowd',
    String(Math.max(1, Math.ceil(missing / SESSIONS)) * SESSIONS),
  )
  const sid = await crowd.line().catch(() => {
    throw new Error(`there is no room for ${size} processes`)
  })
  return { sid, end: crowd.end }
}

/** A contest among `size` processes, to one pass of a reader in C. */
async function among(
  size: number,
  name: string,
  read: 'session' | 'ids' | 'rows',
  enter: (sid: number) => Promise<{ ours: Way; peers?: Way[] }>,
): Promise<Contest> {
  const crowd = await openCrowd(size)
  const c = answerer('inspect', read, String(crowd.sid))
  const limit = { name, sample: async () => (await c.ask()) / 1e6 }
  const end = () => Promise.all([crowd.end(), c.end()])
  try {
    return { ...(await enter(crowd.sid)), limit, end }
  } catch (error) {
    await end()
    throw error
  }
}

const run = (file: string, ...args: string[]) =>
  execFileSync(file, args, { maxBuffer: 1 << 28 }).toString()

/** What a user of ps would have at the end: objects. */
function parsePs(): object[] {
  const rows = run('ps', '-eo', 'pid=,ppid=,pgid=,sid=,tty=,tpgid=,stat=,uid=,comm=').split('\n')
  return rows.map((line) => {
    const [pid, ppid, pgid, sid, tty, tpgid, stat, uid, ...comm] = line.trim().split(/\s+/)
    return {
      ...{ pid: Number(pid), ppid: Number(ppid), pgid: Number(pgid), sid: Number(sid), tty },
      ...{ tpgid: Number(tpgid), stat, uid: Number(uid), comm: comm.join(' ') },
    }
  })
}

const members = (size: number, rest: Pick<Row, 'rounds' | 'quick'>): Row => ({
  name: `members-${size}`,
  what: `\`sessionMembers()\`, ${size.toLocaleString('en')} processes`,
  unit: 'ms',
  goal: { ratio: 1.1 },
  ...rest,
  why: 'A session is found by asking the kernel for the session of every process there is: one read of the folder /proc, and a `getsid()` for each.',
  open: () =>
    among(size, 'getdents and getsid in C', 'session', async (sid) => {
      const { sessionMembers } = await setsid()
      return {
        ours: { name: 'setsid', sample: () => milliseconds(() => sessionMembers(sid)) },
        peers: [
          {
            name: 'ps -s',
            sample: () => milliseconds(() => run('ps', '-s', `${sid}`, '-o', 'pid=')),
          },
          { name: 'pgrep -s', sample: () => milliseconds(() => run('pgrep', '-s', `${sid}`)) },
        ],
      }
    }),
})

const group: Row = {
  ...members(5000, { rounds: 15 }),
  name: 'group-5000',
  what: '`groupMembers()`, 5,000 processes',
  why: 'The same with `getpgid()`. The reader in C asks for both ids.',
  open: () =>
    among(5000, 'getdents, getsid, getpgid in C', 'ids', async (sid) => {
      const { groupMembers } = await setsid()
      const sample = () => milliseconds(() => groupMembers(sid))
      return { ours: { name: 'setsid', sample } }
    }),
}

type Lister = 'listProcesses' | 'listProcessesSync'

const lists = (lister: Lister, size: number, rest: Pick<Row, 'rounds' | 'quick'>): Row => ({
  name: `${lister === 'listProcesses' ? 'list' : 'list-sync'}-${size}`,
  what: `\`${lister}()\` of ${size.toLocaleString('en')}`,
  unit: 'ms',
  goal: { ratio: 0.65 },
  ...rest,
  missed:
    'two threads read at the speed of the kernel; what remains is to make an object of each row, which the main thread does, and what else the two cores have to do.',
  why: 'A row is a file in /proc, whose text the kernel makes while it is read. One reader in C opens, reads, parses and closes each; two of them, on two cores, need 0.57 of its time.',
  open: () =>
    among(size, 'one reader in C', 'rows', async () => {
      const api = await setsid()
      let psList: (() => Promise<unknown>) | undefined
      return {
        ours: { name: 'setsid', sample: () => milliseconds(() => api[lister]()) },
        peers: [
          { name: 'ps -eo, parsed', sample: () => milliseconds(parsePs) },
          {
            name: 'ps-list',
            // It is installed by its first sample, and not where there is none.
            sample: async () => {
              const list = (psList ??= await importPeer<() => Promise<unknown>>('ps-list'))
              return milliseconds(list)
            },
          },
        ],
      }
    }),
})

/** The longest that the main thread worked between two turns of the event loop. */
async function longestHold(clock: () => number, work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let last = clock()
  const look = () => {
    const now = clock()
    longest = Math.max(longest, now - last)
    last = now
    turn = setImmediate(look)
  }
  let turn = setImmediate(look)
  await work()
  clearImmediate(turn)
  return longest
}

const hold: Row = {
  name: 'hold-20000',
  what: 'the longest that `listProcesses()` of 20,000 holds the main thread',
  unit: 'ms',
  goal: { most: 3 },
  rounds: 15,
  why: 'Another thread reads the table; the objects are made on this one, a few at a time.',
  open: async () => {
    const { listProcesses } = await setsid()
    const clock = await threadClock()
    const { end } = await openCrowd(20_000)
    return { ours: { name: 'setsid', sample: () => longestHold(clock, listProcesses) }, end }
  },
}

export const table: Table = {
  name: 'lists',
  title: 'Lists of processes',
  how: `As many processes that wait as make up the number, in ${SESSIONS} sessions; one of these is asked for. The limit is one
thread in C that makes the same system calls.`,
  rows: [
    lists('listProcesses', 5000, { rounds: 15, quick: 3 }),
    lists('listProcesses', 20_000, { rounds: 9 }),
    lists('listProcessesSync', 5000, { rounds: 15 }),
    lists('listProcessesSync', 20_000, { rounds: 9 }),
    members(5000, { rounds: 15, quick: 3 }),
    members(20_000, { rounds: 9 }),
    group,
    hold,
  ],
}
