// Memory, descriptors and threads before and after many calls.
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'

const turn = () => new Promise(setImmediate)
/** The most that a row's memory may grow, in bytes: it would be 8 bytes of each of a million calls. */
const MOST_GROWTH = 8 * 2 ** 20

/** As the kernel counts them. */
function usage() {
  const status = readFileSync('/proc/self/status', 'latin1')
  return {
    fds: readdirSync('/proc/self/fd').length - 1,
    threads: Number(/^Threads:\s*(\d+)/m.exec(status)[1]),
    rss: Number(/^VmRSS:\s*(\d+)/m.exec(status)[1]) * 1024,
  }
}

/** What is used when garbage is gone and threads have ended, which they do by themselves a little later. */
export async function settled(before) {
  const deadline = performance.now() + 5000
  for (;;) {
    await turn()
    globalThis.gc()
    const now = usage()
    const isFlat = before && now.fds <= before.fds && now.threads <= before.threads
    if (before === undefined || isFlat || performance.now() > deadline) return now
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export async function repeat(call, rounds) {
  const isAsync = call.constructor.name === 'AsyncFunction'
  const most = isAsync ? 32 : 500
  for (let done = 0; done < rounds; done += most) {
    const count = Math.min(most, rounds - done)
    if (isAsync) await Promise.all(Array.from({ length: count }, call))
    else for (let i = 0; i < count; i++) call()
    await turn()
  }
}

/** Takes each descriptor that is free, and gives what lets them go. */
function cram() {
  const taken = []
  try {
    for (;;) taken.push(openSync('/dev/null'))
  } catch (error) {
    if (error.code !== 'EMFILE') throw error
  }
  return () => taken.forEach((fd) => closeSync(fd))
}

/** A row, called so often: how long a call took, and what has changed by them. */
export async function measure(row, place, rounds) {
  const call = row.make(place)
  const run = async (count) => {
    const release = row.at === 'crammed' ? cram() : () => undefined
    try {
      await repeat(call, count)
    } finally {
      release()
    }
  }
  // Pools are filled, code is compiled.
  await run(Math.min(Math.ceil(rounds / 5), 20_000))
  const began = performance.now()
  // What leaks grows every time; a heap that V8 has given more room does not.
  for (let turns = 1; ; turns++) {
    const before = await settled()
    await run(rounds)
    const after = await settled(before)
    const ms = performance.now() - began
    const grows = after.rss - before.rss > MOST_GROWTH
    if (!grows || turns === 3) return { rounds: rounds * turns, ms, before, after }
  }
}

/** What is not as before, or ''. */
export function judge({ before, after }, anyMemory) {
  const faults = ['fds', 'threads']
    .filter((what) => after[what] !== before[what])
    .map((what) => `${what} ${before[what]} -> ${after[what]}`)
  const grown = after.rss - before.rss
  if (grown > MOST_GROWTH && !anyMemory) faults.push(`${(grown / 2 ** 20).toFixed(1)} MB more`)
  return faults.join(', ')
}
