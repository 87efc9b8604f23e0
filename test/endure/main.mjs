// Arguments: rounds, workers, which calls, `any` where memory may grow. The calls of calls.mjs, in this process, in processes of their own, and in
// workers that are terminated in the middle. It stands on a terminal and leads no group: endure.mjs starts it.
import { spawn as plainSpawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { spawn } from 'setsid'
import { rows } from './calls.mjs'
import { judge, measure, settled } from './measure.mjs'
import { native, openPlace } from './place.mjs'

const [, , all, workers, pattern, memory] = process.argv
const matches = (row) => row.calls.some((name) => new RegExp(pattern).test(name))
const roundsOf = ({ rounds }) =>
  rounds === undefined ? Number(all) : Math.max(3, Math.round((rounds * Number(all)) / 1_000_000))

const MB = 2 ** 20
const show = ({ fds, threads, rss }) =>
  `${String(fds).padStart(3)} fds ${String(threads).padStart(3)} threads ${(rss / MB).toFixed(1).padStart(6)} MB`
const faults = []
const totals = { calls: 0, rows: 0 }
function tell(row, result) {
  const fault = result.error ?? judge(result, memory === 'any')
  const name = `${row.name} ${row.kind}${row.at ? ` (${row.at})` : ''}`
  if (fault) faults.push(`${name}: ${fault}`)
  const { rounds = 0, ms = 0, before, after } = result
  totals.calls += rounds
  totals.rows++
  const each = rounds > 0 ? `${((ms / rounds) * 1000).toFixed(2)} us` : ''
  const change = before ? `${show(before)} -> ${show(after)}` : ''
  const words = [name.padEnd(34), String(rounds).padStart(8), each.padStart(10), change, fault]
  console.log(words.join('  ').trimEnd())
}

const path = (name) => fileURLToPath(new URL(name, import.meta.url))

/** A process of its own for a row: what it printed. */
async function apart(row, rounds) {
  const line = [process.execPath, '--expose-gc', path('part.mjs'), rows.indexOf(row), rounds]
  if (row.at === 'crammed') line.unshift('prlimit', '--nofile=128')
  const [file, ...args] = line.map(String)
  const options = { stdio: ['ignore', 'pipe', 'pipe'], detached: row.at === 'leader' }
  if (row.at === 'homeless') options.cwd = mkdtempSync(join(tmpdir(), 'setsid-endure-'))
  const child = row.own
    ? spawn(file, args, { ...options, group: 'new' })
    : plainSpawn(file, args, options)
  let [text, errors] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (data) => (text += data))
  child.stderr.setEncoding('utf8').on('data', (data) => (errors += data))
  const [code, signal] = await once(child, 'close')
  if (code !== 0) throw new Error(`ended with ${signal ?? code}: ${errors}`)
  return text === '' ? undefined : JSON.parse(text)
}

async function onceEach(row, rounds) {
  const before = await settled()
  const began = performance.now()
  for (let i = 0; i < rounds; i++) await apart(row, 1)
  return { rounds, ms: performance.now() - began, before, after: await settled(before) }
}

async function run(row, place) {
  const rounds = roundsOf(row)
  try {
    if (row.at === 'once') return await onceEach(row, rounds)
    return row.at ? await apart(row, rounds) : await measure(row, place, rounds)
  } catch (error) {
    return { error: error.message }
  }
}

const open = () => new Set(readdirSync('/proc/self/fd').map(Number))

/** Starts a worker and terminates it while it calls: the row that it was at. */
async function terminate(number, { place, counts, chosen }) {
  const at = new Int32Array(new SharedArrayBuffer(8))
  const worker = new Worker(new URL('worker.mjs', import.meta.url), {
    workerData: { place, at, counts, chosen, first: number * 7 },
  })
  let failed
  worker.on('error', (error) => (failed = error))
  while (at[0] === 0 && failed === undefined) await new Promise(setImmediate)
  // At another moment each time, and sometimes late.
  const end = performance.now() + ((number * 37) % 400) / 10
  while (performance.now() < end && failed === undefined) await new Promise(setImmediate)
  const row = rows[at[1]]
  await worker.terminate()
  if (failed) faults.push(`worker ${number}: ${row.name}: ${failed.message}`)
  return row
}

async function churn(place, chosen) {
  const counts = new Int32Array(new SharedArrayBuffer(4 * rows.length))
  const job = { place: { ...place, close: undefined }, counts, chosen }
  const lost = { count: 0, workers: 0 }
  let before
  for (let number = -5; number < workers; number++) {
    // After the first few, which fill pools.
    if (number === 0) before = await settled()
    const here = open()
    const row = await terminate(number + 5, job)
    const now = await settled({ fds: here.size - 1, threads: before?.threads ?? 1e9 })
    const strays = [...open()].filter((fd) => !here.has(fd) && native.close(fd) === 0)
    // Between the call that opens and the one that closes, JavaScript had them.
    if (strays.length > (row.opens ? 2 : 0))
      faults.push(`worker ${number} left ${strays.length} descriptors of ${row.name} ${row.kind}`)
    if (strays.length > 0) lost.workers++
    lost.count += strays.length
    if (number > 0 && number % 50 === 0) console.log(`${number} workers: ${show(now)}`)
  }
  const after = await settled(before)
  const sum = counts.reduce((total, count) => total + count, 0)
  const fault = judge({ before, after: { ...after, rss: after.rss - 24 * MB } }, memory === 'any')
  if (fault) faults.push(`workers: ${fault}`)
  console.log(
    `${workers} workers terminated in the middle of ${chosen.length} kinds of calls, ${sum} of them made: ${show(before)} -> ${show(after)}`,
  )
  console.log(
    `descriptors that a call had given to ${lost.workers} of them in that moment, closed for them: ${lost.count}`,
  )
}

const place = await openPlace()
try {
  console.log(`at first: ${show(await settled())}`)
  const mine = rows.filter(matches)
  for (const row of mine) tell(row, await run(row, place))
  console.log(`${totals.calls} calls in ${totals.rows} rows`)
  const chosen = mine.filter((row) => !row.at && !row.alone).map((row) => rows.indexOf(row))
  if (workers > 0 && chosen.length > 0) await churn(place, chosen)
  console.log(`at the end: ${show(await settled())}`)
} finally {
  place.close()
}
for (const fault of faults) console.log(`FAULT: ${fault}`)
console.log(faults.length === 0 ? 'done, without a fault' : `done, with ${faults.length} faults`)
process.exit(faults.length === 0 ? 0 : 1)
