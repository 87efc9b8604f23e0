// Inspection against a C loop that makes the same system calls, and against what
// people use today. Everything in a row is measured in turn, round by round, and
// the row shows the median of the rounds' ratios.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import koffi from 'koffi'
import psList from 'ps-list'
import { getsid, groupMembers, listProcesses, listProcessesSync, sessionMembers } from 'setsid'

const folder = fileURLToPath(new URL('../build/bench/', import.meta.url))
const program = `${folder}inspect`
mkdirSync(folder, { recursive: true })
execFileSync('cc', ['-O2', '-o', program, fileURLToPath(new URL('limits/inspect.c', import.meta.url))])

interface Helper {
  child: ChildProcess
  /** Sends it a line and gives the number that it answers with. */
  ask(): Promise<number>
  line(): Promise<number>
  end(): Promise<void>
}

function help(...args: string[]): Helper {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const line = async () => Number((await lines.next()).value)
  return {
    child,
    line,
    ask: () => (child.stdin.write('\n'), line()),
    async end() {
      child.stdin.end()
      await once(child, 'exit')
    },
  }
}

const nanoseconds = () => Number(process.hrtime.bigint())

async function timed(work: () => unknown): Promise<number> {
  const start = nanoseconds()
  await work()
  return nanoseconds() - start
}

const libc = koffi.load(null)
koffi.struct('timespec', { seconds: 'long', nanoseconds: 'long' })
const clockGettime = libc.func('int clock_gettime(int clock, _Out_ timespec *time)')
const CLOCK_THREAD_CPUTIME_ID = 3

/** Milliseconds that this thread has run; those that other programs took are not in it. */
function threadTime(): number {
  const time = { seconds: 0, nanoseconds: 0 }
  clockGettime(CLOCK_THREAD_CPUTIME_ID, time)
  return time.seconds * 1e3 + time.nanoseconds / 1e6
}

/** The longest that the main thread worked between two turns of the event loop. */
async function longestHold(work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let running = true
  let last = threadTime()
  const tick = () => {
    const now = threadTime()
    longest = Math.max(longest, now - last)
    last = now
    if (running) setImmediate(tick)
  }
  setImmediate(tick)
  await work()
  running = false
  return longest
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? NaN

/** Runs all contestants in turn, `rounds` times: the median of each one's ratio to the first. */
async function race(
  rounds: number,
  contestants: (() => Promise<number>)[],
): Promise<{ ratios: number[]; first: number }> {
  const times: number[][] = contestants.map(() => [])
  for (let round = -1; round < rounds; round++) {
    for (const [i, run] of contestants.entries()) {
      const time = await run()
      if (round >= 0) times[i]?.push(time)
    }
  }
  const [firsts = []] = times
  return {
    ratios: times.map((own) => median(own.map((time, i) => time / (firsts[i] ?? NaN)))),
    first: median([...firsts]),
  }
}

const times = (ratio: number) => `${ratio.toFixed(2)}x`

function print(title: string, head: string[], rows: string[][]): void {
  console.log(`\n${title}\n\n| ${head.join(' | ')} |\n|${head.map(() => '--:|').join('')}`)
  for (const row of rows) console.log(`| ${row.join(' | ')} |`)
}

function parsePs(): object[] {
  const format = 'pid=,ppid=,pgid=,sid=,tty=,tpgid=,stat=,uid=,comm='
  const output = execFileSync('ps', ['-eo', format], { maxBuffer: 1 << 28 }).toString()
  return output.split('\n').map((line) => {
    const [pid, ppid, pgid, sid, tty, tpgid, stat, uid, ...comm] = line.trim().split(/\s+/)
    return {
      ...{ pid: Number(pid), ppid: Number(ppid), pgid: Number(pgid), sid: Number(sid), tty },
      ...{ tpgid: Number(tpgid), stat, uid: Number(uid), comm: comm.join(' ') },
    }
  })
}

const present = listProcessesSync().length
const sizes = (process.env['BENCH_SIZES'] ?? '100,1000,5000,20000').split(',').map(Number)
const toC: string[][] = []
const toPeers: string[][] = []
const holds: string[][] = []

for (const size of sizes) {
  // As many as it takes to make up the number, in 40 sessions.
  const crowd = help('crowd', String(Math.max(40, Math.ceil((size - present) / 40) * 40)))
  const sid = await crowd.line()
  const count = listProcessesSync().length
  const c = {
    ids: help('ids', '0'),
    session: help('session', String(sid)),
    rows: help('rows', '0'),
  }
  const rounds = size <= 1000 ? 40 : size <= 5000 ? 15 : 7
  try {
    const ids = await race(rounds, [
      () => c.ids.ask(),
      () => c.session.ask(),
      () => timed(() => sessionMembers(sid)),
      () => timed(() => groupMembers(sid)),
    ])
    const [, , members = NaN, group = NaN] = ids.ratios
    const rows = await race(rounds, [
      () => c.rows.ask(),
      () => timed(() => listProcessesSync()),
      () => timed(() => listProcesses()),
    ])
    const [, sync = NaN, promise = NaN] = rows.ratios
    toC.push(
      [count, ...[members, group, members / (ids.ratios[1] ?? NaN), sync, promise].map(times)].map(
        String,
      ),
    )

    const few = Math.min(rounds, 5)
    const session = await race(few, [
      () => timed(() => sessionMembers(sid)),
      () => timed(() => execFileSync('ps', ['-s', String(sid), '-o', 'pid='])),
    ])
    const list = await race(few, [
      () => timed(() => listProcessesSync()),
      () => timed(parsePs),
      () => timed(() => psList()),
    ])
    const [, ps = NaN, peer = NaN] = list.ratios
    toPeers.push([count, ...[session.ratios[1] ?? NaN, ps, peer].map(times)].map(String))

    const held: number[] = []
    for (let i = -2; i < Math.max(rounds, 15); i++) {
      const hold = await longestHold(() => listProcesses())
      if (i >= 0) held.push(hold)
    }
    const worst = Math.max(...held)
    holds.push([String(count), `${median(held).toFixed(1)} ms`, `${worst.toFixed(1)} ms`])
  } finally {
    await Promise.all([crowd.end(), ...Object.values(c).map((helper) => helper.end())])
  }
}

print(
  'Ratio to a C loop over /proc (getdents + getsid + getpgid; open + read + stat + parse)',
  [
    'processes',
    'sessionMembers',
    'groupMembers',
    '… to C without getpgid',
    'listProcessesSync',
    'listProcesses',
  ],
  toC,
)
print(
  'Times as long as ours',
  [
    'processes',
    'ps -s : sessionMembers',
    'ps -eo, parsed : listProcessesSync',
    'ps-list : listProcessesSync',
  ],
  toPeers,
)
print(
  'The longest that listProcesses() holds the main thread (time of its own)',
  ['processes', 'median', 'worst'],
  holds,
)

const calls = 100_000
const peer = libc.func('int getsid(int)')
const c = help('getsid', String(process.ppid))
const pid = process.ppid
const single = await race(20, [
  () => c.ask(),
  () =>
    timed(() => {
      for (let i = 0; i < calls; i++) getsid(pid)
    }),
  () =>
    timed(() => {
      for (let i = 0; i < calls; i++) peer(pid)
    }),
])
await c.end()
print(
  'One call: getsid(pid)',
  ['C', 'setsid', 'koffi'],
  [[`${(single.first / calls).toFixed(0)} ns`, ...single.ratios.slice(1).map(times)]],
)
