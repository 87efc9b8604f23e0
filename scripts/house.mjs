// What ESLint does not see of the house (CONTRIBUTING.md): the folders of src/ and test/, the size of a file in src/,
// and that the build knows it.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'

const MOST_LINES = 250
const folders = {
  src: [
    '.',
    'darwin',
    'launcher',
    'launcher/contain',
    'launcher/exec',
    'launcher/launch',
    'launcher/run',
    'linux',
  ],
  test: [
    ...['.', 'base', 'cli', 'daemon', 'docs', 'inspect', 'launcher', 'raw', 'run', 'spawn', 'stop'],
    ...[
      'endure',
      'fixtures',
      'fuzz',
      'helpers',
      'mutation',
      'package',
      'protocol',
      'sanitize',
      'soak',
      'systemd',
    ],
    ...['fuzz/corpus/options', 'fuzz/corpus/stat', 'fuzz/corpus/words'],
  ],
}
const built = readFileSync('binding.gyp', 'utf8')

const faults = []
for (const [root, known] of Object.entries(folders)) {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    if (!known.includes(dirname(path.slice(root.length + 1))))
      faults.push(`${path}: no such folder`)
    if (root !== 'src' || extname(path) === '.md') continue
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n').length
    if (lines > MOST_LINES) faults.push(`${path}: ${lines} lines, and ${MOST_LINES} is the most`)
    // The headers of the addon are found by the compiler itself.
    const found = extname(path) === '.h' && !path.startsWith('src/launcher/')
    if (!found && !built.includes(`"${path}"`))
      faults.push(`${path}: binding.gyp does not build it`)
  }
}
for (const fault of faults) console.error(`${fault} (CONTRIBUTING.md, "The house")`)
process.exitCode = faults.length > 0 ? 1 : 0
