import type { TestProject } from 'vitest/node'

/** How the note of a test begins that was skipped for want of a tool. */
export const NO = 'there is no '

interface Task {
  type: string
  name: string
  mode: string
  tasks?: Task[]
  result?: { state: string; note?: string | undefined } | undefined
}

/** The skipped tests, with the titles of their suites before their own. */
const skippedOf = (task: Task): Task[] => {
  if (task.type !== 'test') {
    const inside = (task.tasks ?? []).flatMap(skippedOf)
    return inside.map((each) => ({ ...each, name: `${task.name} > ${each.name}` }))
  }
  return task.mode === 'skip' || task.result?.state === 'skip' ? [task] : []
}

/** What the titles and notes of skipped tests give as their reasons, each with its number of tests. */
export function countSkips(tasks: Task[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { name, result } of tasks.flatMap(skippedOf)) {
    const [, need] = /\(needs? ([^)]*)\)/.exec(name) ?? []
    const reason = result?.note ?? (need === undefined ? 'no reason given' : `needs ${need}`)
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  return counts
}

/** The lines that end a run: what was skipped for want of a tool, and what for another reason. */
export function tellSkips(counts: Map<string, number>): string[] {
  const all = [...counts].sort(([, a], [, b]) => b - a)
  const sum = (some: typeof all) => some.reduce((total, [, count]) => total + count, 0)
  const tools = all.filter(([reason]) => reason.startsWith(NO))
  const others = all.filter(([reason]) => !reason.startsWith(NO))
  const lines: string[] = []
  if (tools.length > 0) {
    const names = tools.map(([reason]) => reason.slice(NO.length)).join(', ')
    lines.push(`skipped: ${sum(tools)}, because there is no ${names} (CONTRIBUTING.md: Set-up)`)
  }
  for (const [reason, count] of others) lines.push(`skipped: ${count}, because: ${reason}`)
  return lines
}

/** When the run is over: its skips, counted and by name. */
export default function setup({ vitest }: TestProject): () => void {
  return () => {
    // What `-t` leaves out is not what this machine lacks.
    if (vitest.config.testNamePattern !== undefined) return
    for (const line of tellSkips(countSkips(vitest.state.getFiles()))) console.log(line)
  }
}
