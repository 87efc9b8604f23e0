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

/** A process that is left: its command and parent, and the test that it came from (starter.ts). */
function describe(pid: string): string {
  const read = (name: string) => readFileSync(`/proc/${pid}/${name}`, 'latin1')
  const command = read('cmdline').replaceAll('\0', ' ')
  const [, parent, group, session] = read('stat')
    .slice(read('stat').lastIndexOf(')') + 2)
    .split(' ')
  const [, starter = 'no test'] = /SETSID_TEST_STARTER=([^\0]*)/.exec(read('environ')) ?? []
  return `${pid} ${command}(ppid ${parent}, pgid ${group}, sid ${session}; ${starter})`
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
        const text = describe(pid)
        process.kill(Number(pid), 'SIGKILL')
        return text
      } catch {
        return `${pid}, which has ended since`
      }
    })
    throw new Error(`the tests left processes behind:\n${names.join('\n')}`)
  }
}
