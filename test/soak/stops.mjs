// stops COUNT SEED FIRST FOLDER: stops groups and sessions that fork, double-fork and hand over at random, beside bystanders
// that take every number that comes free, and those of the stopped first of all. What is random in a stop
// comes of the seed and of its number alone. Prints what came of it, as one line of JSON.
import { spawn as plain } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { spawn, stopGroup, stopSession } from 'setsid'
import { progress } from './progress.mjs'
import { randomOf } from './random.mjs'
import { livesOf, startBystanders, table, tally } from './witness.mjs'

const [count, seed, first, folder] = process.argv.slice(2)
const last = Number(first) + Number(count)
/** Milliseconds in which a stop has to settle. */
const LIMIT = 60_000

const outcomes = tally()
const faults = tally()
let stops = 0
const fault = (kind, i, facts) => {
  faults.add(kind)
  console.error(`FAULT ${kind}, stop ${i} (--seed ${seed} --first ${i}): ${JSON.stringify(facts)}`)
}
const bystanders = await startBystanders(`${folder}/bystanders`, 30, Number(seed), (hit) =>
  fault('bystander hit', '?', hit),
)

async function one(i) {
  const { pick } = randomOf(Number(seed), i)
  const kind = pick(2) === 0 ? 'group' : 'session'
  const start = pick(2) === 0 ? spawn : plain
  const named = pick(2) === 0
  const mark = `SETSID_SOAK=${i}.`
  const child = start(`${folder}/restless`, [kind, String(pick(10 ** 6))], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    env: { ...process.env, SETSID_SOAK: `${i}.` },
  })
  // No number is free at this moment.
  if (child.pid === undefined) {
    await once(child, 'error')
    await delay(50)
    return one(i)
  }
  const ended = once(child, 'exit')
  await once(child.stdout, 'data')
  child.stdout.destroy()
  await delay(pick(40))
  bystanders.claim(child.pid)
  const stop = kind === 'group' ? stopGroup : stopSession
  const cancel = new AbortController()
  const hangs = setTimeout(() => {
    fault('hang', i, { kind, named })
    console.error(table(mark))
    cancel.abort()
  }, LIMIT)
  try {
    const options = { grace: pick(60), signal: cancel.signal }
    const { outcome, survivors } = await stop(named ? child.pid : child, options)
    const left = livesOf(mark)
    outcomes.add(`${kind} ${named ? 'by number' : 'of a child'}: ${outcome}`)
    // On a busy machine the numbers may have gone round between two looks. Then nobody can tell any more whose
    // the number is, and what is left is named rather than shot.
    if (outcome === 'survivors' && survivors.length === 0) fault('unnamed survivors', i, { left })
    if (outcome !== 'survivors' && left.length > 0) fault('left', i, { kind, named, outcome, left })
  } catch (error) {
    fault('error', i, { code: error.code, message: error.message })
  }
  clearTimeout(hangs)
  stops++
  // Its members end with this end of their leash.
  child.stdio[3].destroy()
  await ended
}

const tell = progress('stops', Number(count), () => stops)
let next = Number(first)
const worker = async () => {
  while (next < last) await one(next++)
}
await Promise.all(Array.from({ length: 4 }, worker))
tell.end()
const total = await bystanders.end()
if (total.hits !== 0) faults.counts['bystander hit'] ??= total.hits
console.log(
  JSON.stringify({
    done: stops,
    outcomes: outcomes.counts,
    bystanders: total,
    faults: faults.counts,
  }),
)
