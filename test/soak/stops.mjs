// Stops groups and sessions that fork, double-fork and hand over at random, beside bystanders that take every number that
// comes free, and those of the stopped first of all. What is random in a stop comes of the seed and of its number alone.
import { spawn as plain } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { spawn, stopGroup, stopSession } from 'setsid'
import { isEmpty } from './commands.mjs'
import { inField, programs, seed } from './field.mjs'
import { randomOf } from './random.mjs'
import { livesOf, table } from './witness.mjs'

/** Milliseconds in which a stop has to settle. */
const LIMIT = 60_000

async function one(field, i) {
  const { pick } = randomOf(seed, i)
  const kind = pick(2) === 0 ? 'group' : 'session'
  const start = pick(2) === 0 ? spawn : plain
  const named = pick(2) === 0
  const mark = `SETSID_SOAK=${i}.`
  const plan = { i, kind, named }
  const child = start(`${programs}/restless`, [kind, String(pick(10 ** 6))], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    env: { ...process.env, SETSID_SOAK: `${i}.` },
  })
  // No number is free at this moment.
  if (child.pid === undefined) {
    await once(child, 'error')
    await delay(50)
    return one(field, i)
  }
  const ended = once(child, 'exit')
  await once(child.stdout, 'data')
  child.stdout.destroy()
  await delay(pick(40))
  field.claim(child.pid)
  const stop = kind === 'group' ? stopGroup : stopSession
  const cancel = new AbortController()
  const hangs = setTimeout(() => {
    field.fault('hang', plan, {})
    console.error(table(mark))
    cancel.abort()
  }, LIMIT)
  try {
    const options = { grace: pick(60), signal: cancel.signal }
    const { outcome, survivors } = await stop(named ? child.pid : child, options)
    const isGone = await isEmpty(field.tools.hunter, mark)
    const left = livesOf(mark)
    field.outcomes.add(`${kind} ${named ? 'by number' : 'of a child'}: ${outcome}`)
    // On a busy machine the numbers may have gone round between two looks. Then nobody can tell any more whose
    // the number is, and what is left is named rather than shot.
    if (outcome === 'survivors' && survivors.length === 0)
      field.fault('unnamed survivors', plan, { left })
    if (outcome !== 'survivors' && !isGone) field.fault('left', plan, { outcome, left })
  } catch (error) {
    field.fault('error', plan, { code: error.code, message: error.message })
  }
  clearTimeout(hangs)
  // Its members end with this end of their leash.
  child.stdio[3].destroy()
  await ended
}

await inField(4, (field) => ({ operate: (i) => one(field, i) }))
