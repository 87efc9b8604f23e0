import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

const MARK = 'SETSID_TEST_RUN'

/** Pids of the processes, at any depth below whoever set it, with `NAME=VALUE` in their environment. */
export function marked(entry: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^[0-9]+$/.test(pid) || Number(pid) === process.pid) return false
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(entry)
    } catch {
      return false
    }
  })
}

/** Every process of the test run inherits a mark; after the last test none may be left that bears it. */
export default function setup(): () => Promise<void> {
  const run = randomUUID()
  process.env[MARK] = run
  const entry = `${MARK}=${run}`
  return async () => {
    const deadline = Date.now() + 5000
    let left = marked(entry)
    while (left.length > 0 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      left = marked(entry)
    }
    if (left.length === 0) return
    const names = left.map((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')
        process.kill(Number(pid), 'SIGKILL')
        return `${pid} ${command}`
      } catch {
        return `${pid}, which has ended since`
      }
    })
    throw new Error(`the tests left processes behind:\n${names.join('\n')}`)
  }
}
