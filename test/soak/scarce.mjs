// Calls of the package where descriptors, processes, pids or space have run out, or time is another one: each settles, by a
// result or by an error that is documented, and nothing is left: no process, no pidfile, no descriptor, no thread.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import { hasOwnLimit } from './apart.mjs'
import { begin, environment, killAll, markOf } from './commands.mjs'
import { isDocumented } from './documented.mjs'
import { inField, seed } from './field.mjs'
import { randomOf } from './random.mjs'
import { livesOf, table } from './witness.mjs'

const LIMIT = 120_000
const poor = fileURLToPath(new URL('poor.mjs', import.meta.url))

const KINDS = [
  [4, 'descriptors'],
  [3, 'processes'],
  [hasOwnLimit ? 2 : 0, 'numbers'],
  [2, 'space'],
  [2, 'time'],
]
const NAMES = [
  ...['spawn', 'contain', 'run', 'startDaemon', 'daemonStatus', 'stopDaemon', 'stopGroup'],
  ...['stopSession', 'stopProcess', 'signalGroup', 'waitForExit', 'waitForGroup', 'listProcesses'],
  ...['listProcessesSync', 'listSessions', 'processInfo', 'identify', 'inspectSession', 'explain'],
  ...['sessionMembers', 'watchChild'],
]

function planOf(i) {
  const { pick, choose } = randomOf(seed, i, 5)
  const way = choose(KINDS)
  const names = NAMES.map((name) => [pick(1000), name]).sort(([a], [b]) => a - b)
  const some = names.slice(0, 6 + pick(10)).map(([, name]) => name)
  // The session of a process that has left it is its own, and its logs are then there.
  if (way === 'space' && !some.includes('startDaemon')) some.push('startDaemon')
  if (pick(2) === 0) some.push('detach', 'reopenLogs')
  const offset = () => pick(10 ** 6) - 300
  return {
    i,
    way,
    free: way === 'space' ? pick(4) : pick(1 + pick(10)),
    names: some,
    time: [offset(), offset()],
    other: [offset(), offset()],
  }
}

const inTime = ([boottime, monotonic]) => [
  ...['unshare', '--time', '--boottime', String(boottime), '--monotonic', String(monotonic), '--'],
]

/** What Node is started by, so that it is poor. */
function wayTo({ way, time }, uid) {
  if (way === 'descriptors') return ['prlimit', '--nofile=96:96']
  if (way === 'processes') {
    const user = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups']
    return [...user, 'prlimit', '--nproc=80:80']
  }
  if (way === 'numbers') {
    const apart = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
    return [...apart, 'sh', '-c', 'echo 360 > /proc/sys/kernel/pid_max; "$@"; exit $?', 'sh']
  }
  return way === 'time' ? inTime(time) : []
}

async function operate(field, i, slot) {
  const plan = planOf(i)
  const { way, free, names } = plan
  const folder = `${field.folder}/${i}`
  const uid = 40_000 + slot
  mkdirSync(folder)
  chmodSync(field.folder, 0o755)
  if (way === 'processes') chownSync(folder, uid, uid)
  if (way === 'space')
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,nr_inodes=20', 'none', folder])
  const mark = markOf(i)
  const fault = (name, facts) => field.fault(name, plan, facts)
  const other = { pidFile: `${field.folder}/${i}.pid` }
  const config = { kind: way, free, soakd: field.tools.soakd, folder, mark, other }

  if (way === 'time') {
    const stay = { ...config, names: ['stay'], mark: markOf(`other${i}`) }
    judge(field, plan, await call(inTime(plan.other), stay, `node-other${i}`, fault), true)
    names.push('statusOfOther', 'stopOther')
  }
  const facts = await call(wayTo(plan, uid), { ...config, names }, `node${i}`, fault)
  judge(field, plan, facts, false)
  if (way === 'time') {
    const left = livesOf(markOf(`other${i}`))
    const isStopped = facts?.results.some(
      ({ call: name, outcome }) => name === 'stopOther' && /gone/.test(outcome),
    )
    if (isStopped && left.length > 0) fault('left', { left, facts })
    await killAll(field.tools.hunter, markOf(`other${i}`))
  }
  await killAll(field.tools.hunter, mark)
  for (const name of ['node', 'node-other'])
    await killAll(field.tools.hunter, markOf(`${name}${i}`))
  if (way === 'space') execFileSync('umount', [folder])
  rmSync(folder, { recursive: true })
  for (const path of [other.pidFile, `${other.pidFile}.lock`]) rmSync(path, { force: true })
}

async function call(before, config, name, fault) {
  const words = [...before, process.execPath, '--expose-gc', poor, JSON.stringify(config)]
  const [file, ...args] = words
  const stdio = ['ignore', 'ignore', 'pipe', 'pipe']
  const child = await begin(file, args, { stdio, env: environment(name) })
  let text = ''
  let stderr = ''
  child.stdio[3].setEncoding('utf8').on('data', (data) => (text += data))
  child.stderr.setEncoding('utf8').on('data', (data) => (stderr += data))
  const late = delay(LIMIT, 'late', { ref: false })
  const ended = await Promise.race([once(child, 'close'), late])
  if (ended === 'late') {
    fault('hang', { name })
    console.error(table(markOf(name)))
    child.kill('SIGKILL')
    return undefined
  }
  if (text !== '') return JSON.parse(text)
  // Where it has detached its errors are in its log.
  const log = `${config.folder}/out`
  const said = existsSync(log) ? readFileSync(log, 'utf8') : stderr
  fault('no result', { name, ended, said: said.slice(-1500) })
  return undefined
}

function judge(field, plan, facts, isOther) {
  if (facts === undefined) return
  const { results, before, after, left, pidFiles, skew } = facts
  const fault = (name, more) => field.fault(name, plan, more)
  for (const { call: name, error, hang, outcome } of results) {
    const known =
      { stay: 'startDaemon', stopOther: 'stopDaemon', statusOfOther: 'daemonStatus' }[name] ?? name
    if (hang) fault('hang', { name })
    if (error !== undefined && !isDocumented(known, error))
      fault('undocumented error', { name, error })
    const word =
      error === undefined
        ? (outcome ?? 'done')
        : [error.code, error.reason].filter(Boolean).join(' ')
    field.outcomes.add(`${plan.way}: ${name} ${word}`)
    // It lives, and its lock is held.
    if (name === 'statusOfOther' && /^(stopped|stale)/.test(outcome))
      fault('not running', { outcome })
  }
  const strays = isOther ? left.filter(({ pid, sid }) => pid !== sid) : left
  if (strays.length > 0) fault('stray', { left, results })
  // A lock that nobody has is left where no descriptor is free to see whose it is: the next start takes it.
  const wrong = pidFiles.filter((path) => plan.way !== 'descriptors' || !path.endsWith('.lock'))
  if (wrong.length > 0) fault('pidfile left', { pidFiles, results })
  if (after.fds > before.fds || after.threads > before.threads)
    fault('descriptors or threads', { before, after, results })
  if (skew > 5000) fault('time', { skew })
}

await inField(3, (field, slot) => ({ operate: (i) => operate(field, i, slot) }))
