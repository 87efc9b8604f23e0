// What all kinds have in common: bystanders, faults with the words that repeat them, slots, and a last look.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { progress } from './progress.mjs'
import { startBystanders, table, tally, within } from './witness.mjs'

/** KIND COUNT SEED FIRST FOLDER BESIDE, as soak.mjs gives them. */
export const [kind, ...words] = process.argv.slice(2)
const [count, seed, first, , beside] = words.map(Number)
export const programs = words[3]
export { seed }

/** Runs the operations of a kind, so many at a time, and prints what came of it as one line of JSON. */
export async function inField(slots, makeSlot) {
  const faults = tally()
  const told = []
  const working = {}
  let done = 0
  const folder = mkdtempSync(join(tmpdir(), 'setsid-soak-'))
  const program = `${programs}/bystanders`
  const bystanders = await startBystanders(program, beside, seed, (hit) => {
    faults.add('bystander hit')
    const before = JSON.stringify(told.slice(-20))
    console.error(`FAULT bystander hit: ${JSON.stringify(hit)}`)
    console.error(`in work: ${JSON.stringify(working)}; shot before: ${before}`)
  })
  const field = {
    folder,
    tools: { hunter: `${programs}/hunter`, soakd: `${programs}/soakd` },
    claim: (...pids) => bystanders.claim(...pids),
    outcomes: tally(),
    shots: tally(),
    shot({ i, way }, { signal, role, pid }) {
      field.shots.add(`${signal} ${role}`)
      told.push(`${i} ${way}: ${signal} ${role} ${pid}`)
    },
    fault(name, plan, facts) {
      faults.add(name)
      const { i, ...rest } = plan
      const again = `--${kind} 1 --seed ${seed} --first ${i}`
      const text = JSON.stringify(facts)
      console.error(`FAULT ${name}, operation ${i} (${again}): ${text}`)
      console.error(`  plan ${JSON.stringify(rest)}`)
    },
  }

  const tell = progress(kind, count, () => done)
  let next = first
  const slot = async (_, name) => {
    const { operate, end } = makeSlot(field, name)
    while (next < first + count) {
      working[name] = next
      await operate(next++)
      done++
    }
    await end?.()
  }
  await Promise.all(Array.from({ length: slots }, slot))
  tell.end()
  const total = await bystanders.end()
  if (total.hits !== 0) faults.counts['bystander hit'] ??= total.hits
  rmSync(folder, { recursive: true, force: true })

  // Nothing lives here but this process, its parent and the namespace's first.
  const own = ['1', String(process.ppid), String(process.pid)]
  const strangers = () =>
    readdirSync('/proc').filter((pid) => /^[0-9]/.test(pid) && !own.includes(pid))
  if (!(await within(5000, () => strangers().length === 0))) {
    faults.add('stray at the end')
    console.error(`FAULT stray at the end\n${table()}`)
  }
  const { outcomes, shots } = field
  const told_ = { outcomes: outcomes.counts, shots: shots.counts, faults: faults.counts }
  console.log(JSON.stringify({ done, ...told_, bystanders: total }))
}
