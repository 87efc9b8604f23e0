// Programs leave their terminals in all ways, with others in their groups, and rotate their logs; some are killed or stopped
// meanwhile. Then the kernel shows a session of its own and no terminal, what is written is in the log, no descriptor is
// left, and the terminal and its modes are as before.
import { readFileSync, rmSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { hunt, killAll, markOf } from './commands.mjs'
import { isDocumented } from './documented.mjs'
import { inField, programs, seed } from './field.mjs'
import { randomOf } from './random.mjs'
import { onTerminal } from './terminal.mjs'
import { livesOf, stat, table, within } from './witness.mjs'

const LIMIT = 60_000
const leaver = fileURLToPath(new URL('leaver.mjs', import.meta.url))

function planOf(i) {
  const { pick, choose } = randomOf(seed, i, 9)
  const way = choose([
    [2, 'job'],
    [1, 'script'],
    [1, 'leader'],
  ])
  return {
    ...{ i, way, modes: pick(64), before: pick(2) * pick(40), rotations: pick(30) },
    blocked: pick(3) === 0 ? 100 + pick(1500) : 0,
    onBlocked: choose([
      [2, 'throw'],
      [1, 'partial'],
    ]),
    wait: pick(2) * pick(1500),
    shot: pick(3) === 0 ? { after: pick(300), signal: pick(2) === 0 ? 9 : 19 } : undefined,
  }
}

const linesOf = (text) =>
  text.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []))

function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

async function operate(field, i) {
  const plan = planOf(i)
  const { way, modes, shot } = plan
  const mark = markOf(i)
  const log = `${field.folder}/${i}.log`
  const command = [process.execPath, leaver, JSON.stringify({ ...plan, log })]
  const terminal = await onTerminal(`${programs}/ttyshell`, way, modes, command, i)
  const fault = (name, facts) => {
    field.fault(name, plan, { ...facts, told: terminal.told, output: terminal.output() })
    console.error(table(mark))
  }
  const hunter = hunt(field.tools.hunter, i, -1, [mark], (told) => field.shot(plan, told))
  let hits = 0
  const shooting = (async () => {
    if (shot === undefined) return
    await delay(shot.after)
    hits = await hunter.shoot('node', shot.signal)
  })()
  // All that it has told, in the log of now, the log before it, and on the terminal.
  const told = () =>
    Object.assign({}, ...linesOf(read(log)), ...linesOf(terminal.output().replaceAll('\r', '')))
  const isOver = () => told().counts !== undefined || told().error !== undefined
  const ended = () => terminal.told.ended !== undefined
  await within(LIMIT, () => isOver() || ended())
  await shooting
  const { counts, error } = told()
  const isKilled = hits > 0 && shot.signal === 9
  if (!isOver() && !isKilled) fault('hang', {})

  let word = error === undefined ? 'killed' : [error.code, error.reason].filter(Boolean).join(' ')
  if (error !== undefined && !isDocumented('detach', error)) fault('undocumented error', { error })
  if (counts !== undefined && !isKilled) {
    const row = stat(terminal.told.pid)
    const isAway = row?.tty === 0 && (row.sid === row.pid || plan.onBlocked === 'partial')
    if (!isAway) fault('not away', { row })
    if (counts.last.fds > counts.first.fds || counts.last.threads > counts.first.threads)
      fault('descriptors or threads', { counts })
    word = counts.way
  }
  field.outcomes.add(`${way}: ${word}`)
  await hunter.end()
  await killAll(field.tools.hunter, mark)
  if (way !== 'leader') {
    await terminal.ended
    const bye = await terminal.leave()
    const isAsBefore = (row) => row?.modes === true && row.foreground === row.shell
    if (!isAsBefore(bye) || !isAsBefore(terminal.told.ended)) fault('terminal', { bye })
  } else await terminal.leave()
  if (livesOf(mark).length > 0) fault('left', { left: livesOf(mark) })
  for (const path of [log, `${log}.old`]) rmSync(path, { force: true })
}

await inField(4, (field) => ({ operate: (i) => operate(field, i) }))
