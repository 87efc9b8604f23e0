// What spawn() costs beside child_process.spawn(), until the program has ended.
import { type ChildProcess, spawn as plain } from 'node:child_process'
import { spawn } from 'setsid'

const ROUNDS = 600
const options = { stdio: 'ignore' } as const

const ways: [string, () => ChildProcess, number][] = [
  ['child_process.spawn', () => plain('true', [], options), 1],
  ['no option of ours', () => spawn('true', [], options), 1.02],
  // What session 'new' alone is.
  ['child_process.spawn, detached', () => plain('true', [], { ...options, detached: true }), 1.15],
  ["session 'new'", () => spawn('true', [], { ...options, session: 'new' }), 1.15],
  ["group 'new'", () => spawn('true', [], { ...options, group: 'new' }), 1.15],
  [
    'group, umask, ignoreSignals, parentDeathSignal',
    () =>
      spawn('true', [], {
        ...options,
        group: 'new',
        umask: 0o77,
        ignoreSignals: ['SIGHUP'],
        parentDeathSignal: 'SIGKILL',
      }),
    1.15,
  ],
]

const once = (start: () => ChildProcess) =>
  new Promise<number>((resolve) => {
    const began = performance.now()
    start().on('exit', () => resolve(performance.now() - began))
  })

// What else the machine does makes a start slower and never faster.
const quick = (times: number[]) => times.sort((a, b) => a - b)[Math.floor(times.length / 10)] ?? 0

// In turns, each time in another order, so that what else there is falls on all alike.
const times = ways.map((): number[] => [])
for (let round = -20; round < ROUNDS; round++) {
  for (let turn = 0; turn < ways.length; turn++) {
    const i = ((round & 1 ? turn : ways.length - turn) + round + 20) % ways.length
    const start = ways[i]?.[1]
    if (start === undefined) continue
    const time = await once(start)
    if (round >= 0) times[i]?.push(time)
  }
}

const [base = 0, ...others] = times.map(quick)
console.log(`| spawn of \`true\` until exit, 10th percentile of ${ROUNDS} | ms | ratio | at most |`)
console.log('|---|--:|--:|--:|')
for (const [i, time] of [base, ...others].entries()) {
  const [name, , limit] = ways[i] ?? []
  console.log(`| ${name} | ${time.toFixed(3)} | ${(time / base).toFixed(3)} | ${limit} |`)
}
