// What the tests run of lib/: npm run coverage [-- ARGUMENTS OF VITEST]. Most of it runs in fixtures, which are processes
// of their own and load dist/. Node writes down what each of them has run (NODE_V8_COVERAGE), and the maps of dist/ lead
// to lib/. A killed process writes nothing, and the workers of vitest load no dist/: their lines do not count. The report
// stands in coverage/.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import CoverageReport from 'monocart-coverage-reports'

/** Percent that a run of all tests may not undercut. */
const floors = { lines: 78, functions: 82, branches: 69 }

const dist = pathToFileURL('dist/').href
const folder = mkdtempSync(join(tmpdir(), 'setsid-coverage-'))
// Fixtures run as other users too.
chmodSync(folder, 0o1777)
const run = (command, args, env = {}) =>
  spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } }).status

let status = run('node', ['scripts/build.mjs', '--maps'])
try {
  if (status !== 0) throw new Error('the build failed')
  const given = process.argv.slice(2)
  // The types of dist/ are not there.
  const vitest = ['vitest', 'run', '--typecheck.enabled=false', ...given]
  status = run('npx', vitest, { NODE_V8_COVERAGE: folder })
  const report = CoverageReport({
    outputDir: 'coverage',
    reports: ['v8', 'console-details'],
    entryFilter: ({ url }) => url.startsWith(dist),
    sourceFilter: (path) => path.startsWith('lib/'),
    logging: 'error',
  })
  await report.addFromDir(folder)
  const { summary } = await report.generate()
  if (given.length === 0) {
    for (const [kind, floor] of Object.entries(floors)) {
      if (summary[kind].pct >= floor) continue
      console.error(`coverage: ${summary[kind].pct} % of the ${kind}, and the floor is ${floor} %`)
      status = 1
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
  run('npm', ['run', '--silent', 'build:js'])
}
process.exitCode = status ?? 1
