// What an import costs, in the process that makes it: milliseconds, and resident megabytes. Each in a Node of its own,
// in turns, beside an empty file, and beside addons that many programs have. bufferutil is one of bench/peers.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const rounds = Number(process.env['ROUNDS'] ?? 40)
const folder = mkdtempSync(join(tmpdir(), 'setsid-bench-'))
const empty = join(folder, 'empty.cjs')
writeFileSync(empty, '')

const require = createRequire(import.meta.url)
const inPeers = createRequire(new URL('peers/package.json', import.meta.url))
function found(name: string): string | undefined {
  for (const from of [require, inPeers]) {
    try {
      return from.resolve(name)
    } catch {
      // It is not installed there.
    }
  }
  return undefined
}

const files = {
  'an empty file': empty,
  'the same again': empty,
  setsid: found('setsid'),
  koffi: found('koffi'),
  bufferutil: found('bufferutil'),
}
const programs = Object.entries(files).flatMap(([name, path]) => {
  if (path === undefined) return []
  const program = join(folder, `${name.replaceAll(' ', '-')}.cjs`)
  // performance and rss are used once before, so that their own first use is no part of it.
  const text = `
const { rss } = process.memoryUsage
const before = [rss(), performance.now()]
before[0] = rss()
before[1] = performance.now()
require(${JSON.stringify(path)})
const after = performance.now()
console.log(JSON.stringify([after - before[1], (rss() - before[0]) / 2 ** 20]))`
  writeFileSync(program, text)
  return [{ name, program, ms: [] as number[], megabytes: [] as number[] }]
})

try {
  for (let round = -2; round < rounds; round++) {
    for (const { program, ms, megabytes } of programs) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [program])
      if (status !== 0) throw new Error(stderr.toString())
      if (round < 0) continue
      const [time = NaN, memory = NaN] = JSON.parse(stdout.toString()) as number[]
      ms.push(time)
      megabytes.push(memory)
    }
  }
} finally {
  rmSync(folder, { recursive: true })
}

const quantile = (list: number[], part: number) =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length * part)] ?? NaN
console.log('| require() of | ms (median) | middle half | MB |\n|---|--:|--:|--:|')
for (const { name, ms, megabytes } of programs) {
  const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => quantile(ms, part).toFixed(2))
  console.log(`| ${name} | ${middle} | ${low}-${high} | ${quantile(megabytes, 0.5).toFixed(2)} |`)
}
for (const [name, path] of Object.entries(files)) {
  if (path === undefined) console.log(`\n${name} is not installed (npm ci --prefix bench/peers)`)
}
