// Argument: who watches. Each part of the launcher once, as the library and the command start it.
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as api from 'setsid'

// valgrind 3.19 refuses pidfd_open(2).
const hasPidfds = process.argv[2] !== 'valgrind'
const quiet = { stdio: 'ignore' }
const folder = mkdtempSync(join(tmpdir(), 'setsid-sanitize-'))
const sess = fileURLToPath(new URL('../../bin/sess', import.meta.url))

function expect(what, value, wanted) {
  if (value === wanted) return
  console.error(`${what}: ${value}, and not ${wanted}`)
  process.exitCode = 1
}

const parts = {
  async 'exec: each step'() {
    const steps = { umask: 0o77, ignoreSignals: ['SIGINT'], uid: process.getuid() }
    if (hasPidfds) steps.parentDeathSignal = 'SIGKILL'
    for (const place of [{ group: 'new' }, { session: 'new' }]) {
      const [code] = await once(api.spawn('true', [], { ...quiet, ...steps, ...place }), 'exit')
      expect('a child with steps', code, 0)
    }
    const [error] = await once(api.spawn('/no/such', [], { ...quiet, session: 'new' }), 'error')
    expect('a program that is not there', error.code, 'ENOENT')
  },
  async contain() {
    if (!hasPidfds) return
    const { code, stdout } = await api.run(
      'sh',
      ['-c', 'setsid sleep 100 & nohup sleep 100 & echo done'],
      {
        ...{ contain: true, onSurvivors: 'stop' },
      },
    )
    expect('what a contained child prints', stdout, 'done\n')
    expect('its code', code, 0)
    const child = api.spawn('sh', ['-c', 'sleep 100 & wait'], { ...quiet, contain: true })
    await once(child, 'spawn')
    expect('the outcome of its stop', (await api.stopContained(child)).outcome, 'gone')
  },
  async 'launch: a daemon that is up, one that ends, one that is not there'() {
    const pidFile = join(folder, 'a.pid')
    const ready = { upFor: 50 }
    await api.startDaemon('sleep', ['100'], { pidFile, ready, stdout: '/dev/null', umask: 0o77 })
    expect('the outcome of its stop', (await api.stopDaemon(pidFile)).outcome, 'gone')
    for (const [file, args] of [
      ['sh', ['-c', 'sleep 100 & exit 3']],
      ['/no/such', []],
      ['sleep', ['100']],
    ]) {
      const never = { notify: true }
      const failed = await api
        .startDaemon(file, args, { ready: never, readyTimeout: 1500 })
        .catch((error) => error)
      expect(`${file} that is never ready`, failed instanceof Error, true)
    }
  },
  async 'launch, run, state and front: the command'() {
    const code = (...args) => spawnSync(sess, args, { ...quiet, timeout: 60_000 }).status
    expect('sess run', code('run', '--session', '--wait', '--', 'sh', '-c', 'exit 4'), 4)
    if (hasPidfds) expect('sess run --contain', code('run', '--contain', '--', 'true'), 0)
    expect('sess launch', code('launch', '--', 'sh', '-c', 'exit 5'), 5)
    expect('sess run of nothing', code('run', '--', '/no/such') !== 0, true)
    expect('sess --version', execFileSync(sess, ['--version']).length > 0, true)
  },
}

for (const [name, part] of Object.entries(parts)) {
  await part().catch((error) => {
    console.error(`${name}: ${error.stack}`)
    process.exitCode = 1
  })
}
rmSync(folder, { recursive: true })
