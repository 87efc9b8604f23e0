// What an operation does comes of the seed and of its number alone; what its hunter meets comes of the moment.
import { randomOf } from './random.mjs'

/** Starts by one Node that lives on, by the command, and by daemonize(). */
const WAYS = [
  [40, 'startDaemon'],
  [20, 'sess start'],
  [12, 'sess launch'],
  [13, 'setsid/launch'],
  [15, 'restart'],
]

export function planOf(seed, i) {
  const { pick, choose } = randomOf(seed, i)
  const way = choose(WAYS)
  const fate = choose([
    [8, 'up'],
    [2, 'exit'],
    [2, 'never'],
  ])
  const hunted = pick(10) < 7
  return {
    i,
    way,
    fate,
    hunterSeed: pick(2 ** 31),
    shots: hunted ? 1 + pick(3) : 0,
    /** The hunter goes on while it is stopped. */
    huntStop: hunted && pick(2) === 0,
    again: pick(8) === 0,
    stop: {
      by: choose([
        [3, 'stopDaemon'],
        [1, 'sess stop'],
      ]),
      grace: pick(150),
    },
    ...(way === 'startDaemon' || way === 'sess start'
      ? daemon(way, fate, pick, choose)
      : app(fate, pick, choose)),
  }
}

/** A test/fixtures/soakd.c. */
function daemon(way, fate, pick, choose) {
  const hasPidFile = way === 'sess start' || pick(8) > 0
  const words = [`wait=${pick(20)}`]
  if (pick(4) === 0) words.push('deaf')
  // Without a pidfile nothing but the daemon's own identity is known afterwards.
  if (hasPidFile) {
    for (const word of ['child', 'group', 'restless']) if (pick(4) === 0) words.push(word)
  }
  // What leaves goes on where the start succeeds.
  if (fate !== 'up' && pick(2) === 0) words.push('leave')
  const fd = 3 + pick(7)
  const ready = choose([
    [1, { upFor: pick(80) }],
    [1, { fd }],
    [1, { notify: true }],
  ])
  if (fate === 'exit')
    words.push(
      `wait=${pick(30)}`,
      choose([
        [3, `exit=${pick(4)}`],
        [1, 'crash'],
      ]),
    )
  if (fate === 'up' && 'fd' in ready) words.push(`fd=${fd}`)
  if (fate === 'up' && 'notify' in ready) words.push('notify')
  // Not up in a time that is over before.
  const asked = fate === 'never' || (fate === 'exit' && 'upFor' in ready) ? { fd } : ready
  const readyTimeout = fate === 'never' ? 50 + pick(250) : 40_000
  return { hasPidFile, words, ready: asked, readyTimeout, grace: pick(150) }
}

/** A test/soak/app.mjs. */
function app(fate, pick, choose) {
  const fault = {
    up: 'none',
    never: 'never',
    exit: choose(['throw', 'fail', 'exit', 'early'].map((f) => [1, f])),
  }
  return {
    hasPidFile: pick(6) > 0,
    config: {
      before: pick(30),
      after: pick(30),
      fault: fault[fate],
      readyTimeout: fate === 'never' ? 50 + pick(300) : 40_000,
    },
  }
}
