// What is done with a child comes of the seed and of the operation's number alone.
import { randomOf } from './random.mjs'

/** Signals whose bits in SigIgn can be compared, by their numbers. */
export const IGNORED = { SIGHUP: 1, SIGUSR1: 10, SIGALRM: 14 }

const WAYS = [
  [3, 'place'],
  [6, 'contain'],
  [6, 'running'],
  [2, 'watch'],
  [2, 'death'],
  [2, 'foreground'],
]

export function planOf(seed, i) {
  const { pick, choose } = randomOf(seed, i, 3)
  const way = choose(WAYS)
  const hunted = pick(10) < 6
  return {
    ...{
      i,
      way,
      volleys: hunted ? Array.from({ length: 1 + pick(3) }, () => volley(pick, choose)) : [],
    },
    ...{ linger: pick(60), grace: pick(150), kill: pick(2) === 0 },
    ...makers[way](pick, choose),
  }
}

/** Who is shot at, and after how many milliseconds. */
const volley = (pick, choose) => ({
  after: pick(pick(2) === 0 ? 60 : 250),
  roles: choose([
    ...[
      [4, 'supervisor'],
      [4, 'stand-in'],
      [3, 'program'],
      [2, 'child'],
      [1, 'node'],
      [2, 'watcher'],
    ],
    ...[
      [1, 'stand-in,supervisor'],
      [1, 'program,child'],
      [1, 'launcher,other,canary,guard'],
    ],
  ]),
  signal: pick(2) === 0 ? 9 : 19,
})

/** Of these words some, each with its chance of one in `one`. */
const some = (words, pick, one = 3) => words.filter(() => pick(one) === 0)

function end(pick, choose) {
  return choose([
    [5, []],
    [2, [`wait=${pick(40)}`, `exit=${pick(4)}`]],
    [1, ['crash']],
  ])
}

const makers = {
  place(pick, choose) {
    const stop = choose([
      [1, 'stopProcess'],
      [2, 'stopGroup'],
      [2, 'stopSession'],
    ])
    const extra = { stopProcess: [], stopGroup: ['child', 'restless'] }[stop] ?? [
      ...['child', 'group', 'restless'],
    ]
    const own = { stopGroup: { group: 'new' }, stopSession: { session: 'new' } }[stop] ?? {}
    return {
      ...{ stop, words: [...some(['deaf'], pick), ...some(extra, pick)] },
      options: {
        ...own,
        ...(pick(2) === 0 && { umask: pick(0o1000) }),
        ...(pick(2) === 0 && { ignoreSignals: some(Object.keys(IGNORED), pick, 2) }),
        ...(pick(2) === 0 && { parentDeathSignal: 'SIGKILL' }),
      },
    }
  },
  contain(pick, choose) {
    const ends = ['stop', 'stop', 'leave', 'leave']
    const last = end(pick, choose)
    if (last.length > 0) ends.push('wait', 'wait')
    const options = choose([
      [1, {}],
      [1, { group: 'new' }],
      [1, { session: 'new' }],
    ])
    if (options.group !== undefined) ends.push('group')
    const words = [...some(['deaf', 'child', 'group', 'restless', 'leave'], pick), ...last]
    return { words, options, end: ends[pick(ends.length)] }
  },
  running(pick, choose) {
    const say = choose([
      [2, 0],
      [1, 100],
      [1, 300_000],
    ])
    const last = end(pick, choose)
    const onSurvivors = choose([
      [2, 'report'],
      [2, 'stop'],
      [1, 'wait'],
    ])
    const extra = some(['deaf', 'child', 'group', 'restless', 'leave'], pick)
    // What waits for those that stay needs an end.
    const isEndless = last.length === 0 || (onSurvivors === 'wait' && extra.length > 0)
    const limits = [
      [2, { timeout: 1 + pick(300) }],
      [1, { abort: pick(300) }],
    ]
    const { timeout, abort } = isEndless || pick(4) === 0 ? choose(limits) : {}
    return {
      ...{ say, abort, words: [...(say > 0 ? [`say=${say}`] : []), ...extra, ...last] },
      options: {
        ...{ onSurvivors, timeout, grace: pick(150), drain: pick(100) },
        ...(pick(3) === 0 && { maxOutput: 1000 }),
        ...(pick(4) === 0 && { group: 'new' }),
      },
    }
  },
  watch: (pick) => ({ words: some(['child', 'deaf'], pick), options: { group: 'new' } }),
  death: (pick) => ({
    ...{ words: [], options: { parentDeathSignal: pick(2) === 0 ? 'SIGKILL' : 'SIGTERM' } },
  }),
  foreground: (pick, choose) => ({
    words: [
      `wait=${pick(60)}`,
      ...choose([
        [3, ['exit=0']],
        [1, ['exit=3']],
        [1, ['crash']],
      ]),
    ],
    ...{ options: {}, modes: pick(64), mode: pick(3) === 0 ? 'script' : 'job' },
  }),
}
