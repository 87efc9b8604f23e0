// poor CONFIG, as JSON: calls of the package where something is scarce, in a process of its own. Prints each result, what it
// has more than before, and who is left, as JSON on descriptor 3.
import { spawn as plain } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  rmSync,
  truncateSync,
} from 'node:fs'
import { writeFileSync, writeSync } from 'node:fs'
import { stat as statAsync } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import * as setsid from 'setsid'
import { livesOf, within } from './witness.mjs'

const config = JSON.parse(process.argv[2])
const { kind, free, names, soakd, folder, mark } = config
const env = { ...process.env, SETSID_SOAK: mark.split('=')[1] }
const LIMIT = 60_000

/** What is in the way of everybody, and how it is taken away. */
const scarcities = {
  // No descriptor but `free`.
  descriptors() {
    const held = []
    try {
      for (;;) held.push(openSync('/dev/null'))
    } catch {
      for (const fd of held.splice(0, free)) closeSync(fd)
    }
    return () => held.forEach((fd) => closeSync(fd))
  },
  // No process and no thread but `free`: of the user, or of the pid namespace.
  processes: fillTable,
  numbers: fillTable,
  // No page but `free`, and few inodes.
  space() {
    const file = `${folder}/full`
    let size = 0
    try {
      for (;;) (appendFileSync(file, Buffer.alloc(4096)), (size += 4096))
    } catch {
      truncateSync(file, Math.max(0, Math.floor(size / 4096) * 4096 - free * 4096))
    }
    const inodes = []
    try {
      for (;;) {
        const inode = `${folder}/inode${inodes.length}`
        writeFileSync(inode, '')
        inodes.push(inode)
      }
    } catch {
      for (const inode of inodes.splice(0, free)) rmSync(inode)
    }
    return () => undefined
  },
  time: () => () => undefined,
}

async function fillTable() {
  const child = plain(soakd, ['fill'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)
  const counts = []
  lines.on('line', (line) => counts.push(Number(line)))
  await once(lines, 'line')
  for (let i = 0; i < free && counts.at(-1) > 0; i++) {
    child.stdin.write('x')
    await once(lines, 'line')
  }
  return async () => {
    const ended = once(child, 'exit')
    child.stdin.end()
    await ended
  }
}

const results = []
const stdio = 'ignore'
const victims = []
const contained = []
const victim = () => victims[0]
/** One to stop; all of its session is stopped at the end. */
let taken = 0
const next = () => victims[1 + (taken++ % (victims.length - 1))]
const options = { grace: 50 }
const pidFile = `${folder}/daemon.pid`

const started = (child) =>
  new Promise((done, fail) => {
    child.once('error', fail)
    if (child.pid !== undefined) done(child)
  })

/** Each gives a promise; what it starts it ends. */
const calls = {
  async spawn() {
    const child = await started(setsid.spawn(soakd, [], { env, stdio, group: 'new', umask: 0o77 }))
    child.kill('SIGKILL')
    await once(child, 'exit')
  },
  async contain() {
    const child = await started(setsid.spawn(soakd, ['child'], { env, stdio, contain: true }))
    contained.push(child)
    await called('stopContained', child, options)
  },
  run: () => setsid.run(soakd, ['say=10', 'exit=0'], { env, timeout: 20_000, ...options }),
  async startDaemon() {
    const ready = { upFor: 20 }
    const log = `${folder}/log`
    const daemon = await setsid.startDaemon(soakd, [], { env, pidFile, ready, stderr: log })
    await called('daemonStatus', pidFile)
    await called('stopDaemon', pidFile, options)
    await called('stopProcess', daemon.identity, options)
  },
  daemonStatus: () => setsid.daemonStatus(pidFile),
  stopDaemon: () => setsid.stopDaemon(pidFile, options),
  stopGroup: () => setsid.stopGroup(next(), options),
  stopSession: () => setsid.stopSession(next(), options),
  stopProcess: () => setsid.stopProcess(next(), options),
  signalGroup: () => setsid.signalGroup(victim().pid, 'SIGCONT'),
  waitForExit: () => setsid.waitForExit(victim().pid, { timeout: 20 }),
  waitForGroup: () => setsid.waitForGroup(victim().pid, { timeout: 20 }),
  listProcesses: () => setsid.listProcesses(),
  listProcessesSync: async () => setsid.listProcessesSync(),
  listSessions: () => setsid.listSessions(),
  processInfo: async () => setsid.processInfo(process.pid),
  identify: async () => setsid.identify(victim().pid),
  inspectSession: () => setsid.inspectSession(victim().pid),
  explain: () => setsid.explain(victim().pid),
  sessionMembers: async () => setsid.sessionMembers(victim().pid),
  async watchChild() {
    const watch = setsid.watchChild(victim())
    watch.on('stop', () => undefined)
    await delay(1)
  },
  // Of a daemon that another Node has started, which counts time in another way.
  async statusOfOther() {
    const { state } = await setsid.daemonStatus(config.other.pidFile)
    return { state: `${state}, and it lives` }
  },
  stopOther: () => setsid.stopDaemon(config.other.pidFile, options),
  async stay() {
    const ready = { upFor: 20 }
    await setsid.startDaemon(soakd, [], { env, pidFile: config.other.pidFile, ready })
  },
  detach: () => setsid.detach({ stdout: `${folder}/out`, stderr: `${folder}/out`, cwd: '/' }),
  reopenLogs: async () => setsid.reopenLogs(),
}

async function called(name, ...args) {
  return told(name, (args.length > 0 ? setsid[name] : calls[name])(...args))
}

async function told(name, promise) {
  const late = delay(LIMIT, 'late', { ref: false })
  try {
    const value = await Promise.race([promise, late])
    results.push({ call: name, hang: value === 'late', outcome: value?.outcome ?? value?.state })
    return value
  } catch ({ name: kind, code, reason, message, syscall }) {
    results.push({
      call: name === 'contain' ? 'spawn' : name,
      error: { kind, code, reason, message, syscall },
    })
    return undefined
  }
}

const count = () => ({
  fds: readdirSync('/proc/self/fd').length,
  threads: readdirSync('/proc/self/task').length,
})

// libuv aborts where it can't start the threads of its pool; the package's first calls load their code.
await Promise.all(Array.from({ length: 8 }, () => statAsync('/')))
for (let i = 0; i < 4; i++) {
  const child = setsid.spawn(soakd, ['child'], { env, stdio, session: 'new' })
  victims.push(child)
}
await setsid.waitForExit(victims[0].pid, { timeout: 1 }).catch(() => undefined)
await within(2000, () => count().threads === count().threads)
const before = count()
const relieve = await scarcities[kind]()
for (const name of names) {
  await told(name, (async () => calls[name]())())
}
await relieve()

for (const child of victims.splice(0)) {
  const ended = once(child, 'exit')
  await told('stopSession', setsid.stopSession(child, options))
  if (child.exitCode === null && child.signalCode === null) await ended
}
for (const child of contained) await told('stopContained', setsid.stopContained(child, options))
if (existsSync(pidFile)) await told('stopDaemon', setsid.stopDaemon(pidFile, options))
const isQuiet = () => livesOf(mark).length === 0
await within(10_000, isQuiet)
const left = livesOf(mark)
globalThis.gc?.()
await within(5000, () => {
  globalThis.gc?.()
  const now = count()
  return now.fds <= before.fds && now.threads <= before.threads
})
const pidFiles = [pidFile, `${pidFile}.lock`, `${pidFile}.new`].filter((path) => existsSync(path))
const skew = Math.abs(setsid.processInfo().startedAt.getTime() - performance.timeOrigin)
const facts = { results, before, after: count(), left, pidFiles, skew }
writeSync(3, JSON.stringify(facts))
process.exit()
