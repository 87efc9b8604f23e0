// What the kernel shows, read here and by nobody of ours.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

const pids = () => readdirSync('/proc').filter((name) => /^[0-9]/.test(name))

export const read = (pid, name) => {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1')
  } catch {
    return ''
  }
}

export function stat(pid) {
  const text = read(pid, 'stat')
  if (text === '') return undefined
  const [state, ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [ppid, pgid, sid, tty] = fields.map(Number)
  return { pid: Number(pid), ppid, pgid, sid, tty, state, startTicks: Number(fields[18]) }
}

/** Those that live and have this entry in their environment, which all inherit, whatever their numbers. */
export function livesOf(mark) {
  return pids().flatMap((pid) => {
    if (!`\0${read(pid, 'environ')}\0`.includes(`\0${mark}\0`)) return []
    const found = stat(pid)
    return found === undefined || 'ZX'.includes(found.state) ? [] : [found]
  })
}

/** All processes of the namespace but the bystanders, a line each. */
export function table(mark) {
  const lines = pids().flatMap((pid) => {
    if (/^bystanders/.test(read(pid, 'comm'))) return []
    const { ppid, pgid, sid, state } = stat(pid) ?? {}
    const command = read(pid, 'cmdline').replaceAll('\0', ' ').slice(0, 100)
    const name = command || read(pid, 'comm').trim()
    const [, pending] = /^ShdPnd:\t(\w+)/m.exec(read(pid, 'status')) ?? []
    const ours = mark !== undefined && read(pid, 'environ').includes(mark) ? '*' : ' '
    const at = `${read(pid, 'wchan')} ${read(pid, 'syscall').split(' ')[0]}`.trim()
    return `${ours}${[pid, ppid, pgid, sid, state, pending, at, name].join('\t')}`
  })
  return ['pid\tppid\tpgid\tsid\tstate\tpending\tin\tcommand', ...lines].join('\n')
}

/** Waits for what `condition` gives; undefined when it gave nothing in `cap` ms. */
export async function within(cap, condition) {
  const deadline = performance.now() + cap
  for (let pause = 2; ; pause = Math.min(50, pause * 2)) {
    const value = await condition()
    if (value) return value
    if (performance.now() > deadline) return undefined
    await delay(pause)
  }
}

/** Bystanders (test/fixtures/bystanders.c). Each hit is told at once. */
export async function startBystanders(program, count, seed, onHit) {
  const child = spawn(program, [String(count), String(seed)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface(child.stdout)
  await once(lines, 'line')
  let total
  lines.on('line', (line) => {
    const told = JSON.parse(line)
    if ('hit' in told) onHit(told)
    else total = told
  })
  const closed = once(child, 'close')
  return {
    /** One is to take this number as soon as it is free. */
    claim: (...numbers) => {
      for (const pid of numbers) if (pid > 1) child.stdin.write(`${pid}\n`)
    },
    async end() {
      child.stdin.end()
      await closed
      return total ?? { all: 0, claimed: 0, hits: -1 }
    },
  }
}

/** Counts by name. */
export const tally = () => {
  const counts = {}
  return { counts, add: (key, by = 1) => (counts[key] = (counts[key] ?? 0) + by) }
}
