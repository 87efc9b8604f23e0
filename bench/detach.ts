// The cost of detach() must not grow with the heap: no page table is copied.
// Each detach needs a process of its own, a group leader, as the hop is the dear way.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { detachSync, setpgid } from 'setsid'

const sizes = [40, 1024]
const rounds = 7

/** Fills the heap to `megabytes`, and tells how long detachSync() takes, in ms. */
function measure(megabytes: number): void {
  const kept: number[][] = []
  // Arrays that are written, so that all of it is resident.
  while (process.memoryUsage().heapUsed < megabytes * 2 ** 20) {
    kept.push(new Array<number>(2 ** 17).fill(kept.length))
  }
  setpgid()
  const start = performance.now()
  const { method } = detachSync()
  const elapsed = performance.now() - start
  const { rss } = process.memoryUsage()
  console.log(JSON.stringify({ method, elapsed, rss, kept: kept.length }))
}

interface Line {
  elapsed: number
  rss: number
  method: string
}

function inOwnProcess(megabytes: number): Line {
  const self = fileURLToPath(import.meta.url)
  const args = ['--max-old-space-size=4096', ...process.execArgv, self, String(megabytes)]
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Line
}

const median = (values: number[]) =>
  values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN

const [, , size] = process.argv
if (size !== undefined) {
  measure(Number(size))
} else {
  const lines = new Map(sizes.map((megabytes) => [megabytes, [] as Line[]]))
  for (let i = 0; i < rounds; i++) {
    for (const [megabytes, done] of lines) done.push(inOwnProcess(megabytes))
  }
  const times = [...lines].map(([megabytes, done]) => {
    if (done.some(({ method }) => method !== 'hop')) throw new Error('not the hop')
    const time = median(done.map(({ elapsed }) => elapsed))
    return { megabytes, rss: median(done.map(({ rss }) => rss)), time }
  })
  const base = times[0]?.time ?? NaN
  console.log('| detach() with a heap of | resident | median | ratio |')
  console.log('|--:|--:|--:|--:|')
  for (const { megabytes, rss, time } of times) {
    const resident = `${Math.round(rss / 2 ** 20)} MB`
    const ratio = (time / base).toFixed(2)
    console.log(`| ${megabytes} MB | ${resident} | ${time.toFixed(2)} ms | ${ratio} |`)
  }
}
