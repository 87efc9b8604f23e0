// What spawn() costs beside child_process.spawn(), until the program has ended.
import { type ChildProcess, spawn as plain } from 'node:child_process'
import { spawn } from 'setsid'

const ROUNDS = 1000
const WARM_UP = 50
const options = { stdio: 'ignore' } as const
const base = () => plain('true', [], options)

const ways: [string, () => ChildProcess, number?][] = [
  // How far from 1 this is, is how far the others can be trusted.
  ['child_process.spawn again', base],
  ['no option of ours', () => spawn('true', [], options), 1.02],
  // What session 'new' alone is.
  ['child_process.spawn, detached', () => plain('true', [], { ...options, detached: true })],
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

const quantile = (values: number[], part: number) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? 0

// Each next to a plain one of its own, which comes first every other time, and the
// ways in another order each round: what else the machine does falls on all alike.
const pairs = ways.map(() => ({ times: [] as number[], ratios: [] as number[] }))
for (let round = -WARM_UP; round < ROUNDS; round++) {
  for (let turn = 0; turn < ways.length; turn++) {
    const i = (turn + round + WARM_UP) % ways.length
    const [, start] = ways[i] ?? []
    if (start === undefined) continue
    const first = await once(round & 1 ? start : base)
    const second = await once(round & 1 ? base : start)
    const [time, beside] = round & 1 ? [first, second] : [second, first]
    if (round < 0) continue
    pairs[i]?.times.push(time)
    pairs[i]?.ratios.push(time / beside)
  }
}

console.log(`Spawn of \`true\` until its exit, ${ROUNDS} pairs with child_process.spawn.\n`)
console.log('| | ms (median) | ratio (median of pairs) | middle half | at most |')
console.log('|---|--:|--:|--:|--:|')
for (const [i, { times, ratios }] of pairs.entries()) {
  const [name, , limit = ''] = ways[i] ?? []
  const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => quantile(ratios, part).toFixed(3))
  const ms = quantile(times, 0.5).toFixed(3)
  console.log(`| ${name} | ${ms} | ${middle} | ${low}-${high} | ${limit} |`)
}
