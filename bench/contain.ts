// What a contained child costs, and how long a stop takes, beside the same in C; run() beside execa.
import { type ChildProcess, execFileSync, spawn as plain } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { run, spawn, stopContained, stopGroup } from 'setsid'

const ROUNDS = 300
const STOPS = 21
const MEMBERS = 500
const options = { stdio: 'ignore' } as const

const median = (values: number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

/** The medians of several ways, taken in turns, so that what else the machine does falls on all alike. */
async function compare(rounds: number, ways: (() => Promise<number>)[]): Promise<number[]> {
  const times = ways.map((): number[] => [])
  for (let round = -3; round < rounds; round++) {
    for (const [i, way] of ways.entries()) {
      const ms = await way()
      if (round >= 0) times[i]?.push(ms)
    }
  }
  return times.map(median)
}

const folder = mkdtempSync(join(tmpdir(), 'bench-'))
const program = join(folder, 'stop')
execFileSync('cc', ['-O2', '-o', program, 'bench/limits/stop.c'])

const exit = (start: () => ChildProcess) => async () => timed(async () => once(start(), 'exit'))
const [bare = 0, contained = 0] = await compare(ROUNDS, [
  exit(() => plain('true', [], options)),
  exit(() => spawn('true', [], { ...options, contain: true })),
])

/** From a full group to the end of its last member. */
async function stopping(
  options: { group: 'new'; contain?: boolean },
  stop: (child: ChildProcess) => Promise<unknown>,
): Promise<number> {
  const stdio: ('ignore' | 'pipe')[] = ['ignore', 'pipe', 'ignore']
  const child = spawn(program, [String(MEMBERS), 'hold'], { ...options, stdio })
  await once(child.stdout ?? child, 'data')
  return timed(async () => stop(child))
}
const kill = { killSignal: 'SIGKILL' } as const
const [inC = 0, group = 0, all = 0] = await compare(STOPS, [
  async () => Number(execFileSync(program, [String(MEMBERS)]).toString()),
  async () => stopping({ group: 'new' }, async (child) => stopGroup(child, kill)),
  async () =>
    stopping({ group: 'new', contain: true }, async (child) => stopContained(child, kill)),
])

const [theirs = 0, ours = 0] = await compare(ROUNDS, [
  async () => timed(async () => execa('true')),
  async () => timed(async () => run('true')),
])
rmSync(folder, { recursive: true })

const row = (name: string, ms: number, beside: number, goal: string, isMet: boolean) =>
  console.log(
    `| ${name} | ${ms.toFixed(2)} | ${beside.toFixed(2)} | ${(ms / beside).toFixed(2)} | ${goal} | ${isMet ? 'met' : '**missed**'} |`,
  )
console.log('| | ms (median) | beside it, ms | ratio | goal | |')
console.log('|---|--:|--:|--:|---|---|')
row(
  'contain: true, `true` until exit, to child_process.spawn',
  contained,
  bare,
  '+3 ms',
  contained - bare <= 3,
)
row(
  `stopGroup() of ${MEMBERS}, to kill(-pgid, SIGKILL) and wait in C`,
  group,
  inC,
  '1.5',
  group <= 1.5 * inC,
)
row(`stopContained() of ${MEMBERS}, to the same`, all, inC, '1.5', all <= 1.5 * inC)
row("run('true'), to execa", ours, theirs, '1.3', ours <= 1.3 * theirs)
