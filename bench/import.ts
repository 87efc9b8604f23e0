// What an import costs: the time and memory of a program that does nothing else,
// beside an empty one's and beside what Node's own child_process takes. Medians,
// taken in turns in one run.
import { spawnSync } from 'node:child_process'

const rounds = Number(process.env['ROUNDS'] ?? 40)
const report = 'process.stdout.write(String(process.memoryUsage.rss()))'
const ways: Record<string, string[]> = {
  'an empty script': ['-e', report],
  'the same again': ['-e', report],
  "require('node:child_process')": ['-e', `require('node:child_process'); ${report}`],
  "require('setsid')": ['-e', `require('setsid'); ${report}`],
  'an empty module': ['--input-type=module', '-e', report],
  "import 'setsid'": ['--input-type=module', '-e', `import 'setsid'; ${report}`],
}

const results = Object.keys(ways).map((name) => ({
  name,
  ms: [] as number[],
  megabytes: [] as number[],
}))
for (let round = -2; round < rounds; round++) {
  for (const { name, ms, megabytes } of results) {
    const began = performance.now()
    const { status, stdout, stderr } = spawnSync(process.execPath, ways[name])
    const elapsed = performance.now() - began
    if (status !== 0) throw new Error(stderr.toString())
    if (round < 0) continue
    ms.push(elapsed)
    megabytes.push(Number(stdout) / 2 ** 20)
  }
}

const median = (list: number[]) => list.sort((a, b) => a - b)[list.length >> 1] ?? 0
const [base] = results
console.log('| | time, ratio to an empty script | more memory, MB |\n|---|--:|--:|')
for (const { name, ms, megabytes } of results) {
  const ratio = median(ms) / median(base?.ms ?? [])
  const more = median(megabytes) - median(base?.megabytes ?? [])
  console.log(`| ${name} | ${ratio.toFixed(2)}x | ${more.toFixed(1)} |`)
}
