// Plants the faults of test/mutation/, one after the other, in a copy of the checkout, and tells which of them the
// tests notice:
//
//   npm run mutate -- [--seconds N] [WORD]…
//
// WORD is an area (stop, daemon, launcher, contain, run), or a part of a fault's file or name. A fault is caught when the tests
// that its row names fail; they have to pass without it. They run in a pid namespace of their own, where the user may
// make one, because a fault may signal anybody. Fails where less than 95 % are caught.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { areas } from '../test/mutation/faults.mjs'

const LEAST = 0.95

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string', default: '400' } },
  allowPositionals: true,
})
const isWanted = (area, { file, breaks }) =>
  positionals.length === 0 ||
  positionals.some((word) => word === area || `${file}: ${breaks}`.includes(word))
const faults = Object.entries(areas).flatMap(([area, all]) =>
  all.filter((fault) => isWanted(area, fault)),
)

const checkout = resolve('.')
const root = resolve(`build/mutate-${process.pid}`)
const copy = join(root, 'copy')
const temporary = join(root, 'tmp')
const report = join(root, 'report.json')

const apart = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
const canUnshare = spawnSync('unshare', [...apart, 'true']).status === 0

/** Runs a command in the copy, and nothing outlives it. */
function execute(command, ...args) {
  // The shell reaps, as pid 1 has to. What it starts has a session with a number in that namespace.
  const line = [command, ...args].map((word) => `'${word}'`).join(' ')
  const words = ['bash', '-c', `setsid --wait ${line}; exit $?`]
  const [file, ...rest] = canUnshare ? ['unshare', ...apart, ...words] : words
  return spawnSync(file, rest, {
    cwd: copy,
    env: { ...process.env, TMPDIR: temporary },
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    timeout: Number(values.seconds) * 1000,
    killSignal: 'SIGKILL',
  })
}

function makeCopy() {
  const left = ['.git', 'build', 'node_modules', 'coverage', 'prebuilds']
  for (const name of readdirSync('.')) {
    if (!left.includes(name)) cpSync(name, join(copy, name), { recursive: true })
  }
  cpSync('prebuilds/README.md', join(copy, 'prebuilds/README.md'))
  symlinkSync(join(checkout, 'node_modules'), join(copy, 'node_modules'))
  mkdirSync(temporary)
  chmodSync(temporary, 0o1777)
  return build(['configure', 'build'])
}

/** What the compiler said against it; undefined: nothing. */
function build(native) {
  const { status, stdout, stderr } =
    native.length > 0
      ? spawnSync('node', ['scripts/gyp.mjs', ...native, '--loglevel=error'], {
          cwd: copy,
          encoding: 'utf8',
        })
      : spawnSync('node', ['scripts/build.mjs'], { cwd: copy, encoding: 'utf8' })
  return status === 0 ? undefined : stdout + stderr
}

/** As vitest wants them: files, and what the titles of their tests have. */
function selected(tests) {
  const titles = tests.flatMap(({ title }) => title ?? [])
  const files = tests.map(({ file }) => file)
  return titles.length > 0 ? [...files, '-t', titles.join('|')] : files
}

/** Why the tests fail; undefined: they pass. */
function failure(tests) {
  rmSync(report, { force: true })
  const vitest = join(checkout, 'node_modules/vitest/vitest.mjs')
  const flags = ['--bail', '1', '--typecheck.enabled=false', '--reporter=json']
  const { status, stdout, stderr, error } = execute(
    ...['node', vitest, 'run', ...flags, `--outputFile=${report}`, ...selected(tests)],
  )
  if (status === 0) return undefined
  if (error?.code === 'ETIMEDOUT') return `no end within ${values.seconds} s`
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8'))
    const all = testResults.flatMap(({ assertionResults }) => assertionResults)
    const failed = all.find((each) => each.status === 'failed')
    if (failed !== undefined) return failed.fullName
  } catch {
    // The run itself has ended.
  }
  const [line = ''] = (stderr + stdout).split('\n').filter((text) => /rror/.test(text))
  return line.trim() || `the run ended with ${status}`
}

const sound = new Map()
/** The same without the fault. A second try: the machine may have been busy. */
function soundFailure(tests) {
  const key = JSON.stringify(tests)
  if (!sound.has(key)) sound.set(key, failure(tests) && failure(tests))
  return sound.get(key)
}

function tryOne({ file, sound: text, fault, tests }) {
  const broken = soundFailure(tests)
  if (broken !== undefined) return ['undecided', `without the fault too: ${broken}`]
  const path = join(copy, file)
  const before = readFileSync(path, 'utf8')
  const isNative = file.startsWith('src/')
  const steps = isNative ? ['build'] : []
  if (before.split(text).length !== 2) return ['undecided', 'the text is not there once']
  writeFileSync(
    path,
    before.replace(text, () => fault),
  )
  try {
    const faulty = build(steps)
    if (faulty !== undefined) return ['undecided', `it does not compile:\n${faulty}`]
    const why = failure(tests)
    return why === undefined ? ['survived', ''] : ['caught', why]
  } finally {
    writeFileSync(path, before)
    build(steps)
  }
}

const counts = { caught: 0, survived: 0, undecided: 0 }
rmSync(root, { recursive: true, force: true })
process.once('exit', () => rmSync(root, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
const faulty = makeCopy()
if (faulty !== undefined) throw new Error(faulty)
for (const fault of faults) {
  // A signal is heard only between two of them.
  await new Promise(setImmediate)
  const began = performance.now()
  const [outcome, why] = tryOne(fault)
  counts[outcome]++
  const took = ((performance.now() - began) / 1000).toFixed(0)
  console.log(`${outcome.padEnd(9)} ${took.padStart(4)} s  ${fault.file}: ${fault.breaks}`)
  if (why !== '') console.log(`                  ${why}`)
}
const share = counts.caught / faults.length
console.log(
  `${faults.length} faults: ${counts.caught} caught (${(share * 100).toFixed(1)} %), ` +
    `${counts.survived} survived, ${counts.undecided} undecided`,
)
process.exitCode = share < LEAST ? 1 : 0
