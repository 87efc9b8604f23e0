// daemons COUNT SEED FIRST FOLDER: starts and stops daemons in all ways, with Node, guard, launcher, canary, program and its children
// killed, stopped and continued at random, beside bystanders that take every number that comes free. Prints
// what came of it, as one line of JSON.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Starter } from './commands.mjs'
import { Operation } from './operation.mjs'
import { planOf } from './plan.mjs'
import { progress } from './progress.mjs'
import { startBystanders, table, tally, within } from './witness.mjs'

const [count, seed, first, programs] = process.argv.slice(2)
const last = Number(first) + Number(count)
const SLOTS = 3

const faults = tally()
const told = []
const bystanders = await startBystanders(`${programs}/bystanders`, 40, Number(seed), (hit) => {
  faults.add('bystander hit')
  console.error(`FAULT bystander hit: ${JSON.stringify(hit)}`)
  console.error(
    `in work: ${JSON.stringify(working)}; shot before: ${JSON.stringify(told.slice(-20))}`,
  )
})
const folder = mkdtempSync(join(tmpdir(), 'setsid-soak-'))
const soak = {
  folder,
  tools: { hunter: `${programs}/hunter`, soakd: `${programs}/soakd` },
  claim: (...pids) => bystanders.claim(...pids),
  outcomes: tally(),
  shots: tally(),
  shot({ i, way }, { signal, role, pid }) {
    soak.shots.add(`${signal} ${role}`)
    told.push(`${i} ${way}: ${signal} ${role} ${pid}`)
  },
  fault(kind, plan, facts) {
    faults.add(kind)
    const { i, ...rest } = plan
    const again = `--daemons 1 --seed ${seed} --first ${i}`
    console.error(
      `FAULT ${kind}, operation ${i} (${again}): ${JSON.stringify(facts)}\n  plan ${JSON.stringify(rest)}`,
    )
  },
}

let done = 0
const working = {}
const tell = progress('daemons', Number(count), () => done)
let next = Number(first)
const slot = async (_, name) => {
  const starter = new Starter(`node${name}`, soak.claim)
  while (next < last) {
    const plan = planOf(Number(seed), next++)
    working[name] = plan.i
    await new Operation(plan, soak, starter).run()
    done++
  }
  await starter.end()
}
await Promise.all(Array.from({ length: SLOTS }, slot))
tell.end()
const total = await bystanders.end()
if (total.hits !== 0) faults.counts['bystander hit'] ??= total.hits
rmSync(folder, { recursive: true })

// Nothing lives here but this process, its parent and the namespace's first.
const own = ['1', String(process.ppid), String(process.pid)]
const strangers = () =>
  readdirSync('/proc').filter((pid) => /^[0-9]/.test(pid) && !own.includes(pid))
if (!(await within(5000, () => strangers().length === 0))) {
  faults.add('stray at the end')
  console.error(`FAULT stray at the end\n${table()}`)
}
console.log(
  JSON.stringify({
    done,
    outcomes: soak.outcomes.counts,
    shots: soak.shots.counts,
    bystanders: total,
    faults: faults.counts,
  }),
)
