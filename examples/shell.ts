// A shell with job control: pipelines, `&`, jobs, fg, bg, cd, exit, $?, Ctrl-C and
// Ctrl-Z. Run it on a terminal: node --import tsx examples/shell.ts
import type { ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import { createInterface } from 'node:readline/promises'
import { exitOrStop, signalGroup, spawn, type SpawnOptions, withForeground } from 'setsid'

interface Job {
  id: number
  text: string
  pgid: number
  children: ChildProcess[]
  state: 'Running' | 'Stopped' | 'Done'
  /** Exit code of the last member. */
  code: number
}

const jobs = new Map<number, Job>()
let lastCode = 0

const codeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal]

/** The words of each member of a pipeline; quotes keep blanks and bars. Throws before anything is started. */
function parse(text: string): string[][] {
  const stages: string[][] = [[]]
  const tokens = text.matchAll(/\s+|(\|)|((?:'[^']*'|"[^"]*"|[^\s'"|])+)|(.)/g)
  for (const [, bar, word, quote] of tokens) {
    if (quote !== undefined) throw new Error(`syntax error: no second ${quote}`)
    if (bar !== undefined) stages.push([])
    if (word !== undefined) stages.at(-1)?.push(word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'))
  }
  if (stages.some(({ length }) => length === 0))
    throw new Error('syntax error: a command is missing')
  return stages
}

/** Starts all members of a pipeline, in one group, which has the terminal from the start or never. */
function start(text: string, stages: string[][], background: boolean): Job {
  const id = Math.max(0, ...jobs.keys()) + 1
  const job: Job = { id, text, pgid: 0, children: [], state: 'Running', code: 0 }
  let input: 'inherit' | NodeJS.ReadableStream = 'inherit'
  stages.forEach(([file = '', ...args], i) => {
    const last = i === stages.length - 1
    const place: SpawnOptions = {
      group: job.pgid || 'new',
      foreground: job.pgid === 0 && i === 0 && !background ? 0 : undefined,
      stdio: [input as 'inherit', last ? 'inherit' : 'pipe', 'inherit'],
    }
    let child: ChildProcess
    try {
      child = spawn(file, args, place)
    } catch (error) {
      // Node throws for some files, such as one below a file. The others run all the same.
      console.error((error as Error).message)
      child = spawn('false', place)
    }
    child.on('error', (error: NodeJS.ErrnoException) => {
      console.error(error.code === 'ENOENT' ? `${file}: command not found` : error.message)
    })
    // The pipe is the members', so that a reader that ends ends its writer.
    if (typeof input !== 'string') (input as NodeJS.ReadableStream & { destroy(): void }).destroy()
    if (child.stdout !== null) input = child.stdout
    job.pgid ||= child.pid ?? 0
    job.children.push(child)
  })
  jobs.set(id, job)
  return job
}

/** Waits till every member has ended or is stopped, and keeps the account. */
async function settle(job: Job): Promise<void> {
  const states = await Promise.all(
    job.children.map((child) => exitOrStop(child).catch(() => undefined)),
  )
  const stopped = states.find((state) => state?.state === 'stopped')
  const last = states.at(-1)
  job.state = stopped ? 'Stopped' : 'Done'
  if (stopped) job.code = codeOf(stopped.signal)
  else if (last?.state !== 'exited') job.code = 127
  else job.code = last.signal ? codeOf(last.signal) : (last.code ?? 0)
}

const isLive = (child: ChildProcess) =>
  child.pid !== undefined && child.exitCode === null && child.signalCode === null

async function foreground(job: Job): Promise<number> {
  job.state = 'Running'
  const member = job.children.find(isLive)
  if (member === undefined) await settle(job)
  else await withForeground(0, member, () => settle(job))
  if (isStopped(job)) console.log(`\n${line(job)}`)
  else jobs.delete(job.id)
  return job.code
}

// A function, since the state changes while others wait.
const isStopped = (job: Job) => job.state === 'Stopped'

function background(job: Job): number {
  job.state = 'Running'
  void settle(job)
  return 0
}

const line = ({ id, state, text }: Job) => `[${id}] ${state.padEnd(8)} ${text}`

/** Tells of jobs that have ended in the background. */
function report(): void {
  for (const job of jobs.values()) {
    if (job.state !== 'Done') continue
    console.log(line(job))
    jobs.delete(job.id)
  }
}

function find(name: string | undefined): Job {
  const id = name === undefined ? Math.max(...jobs.keys()) : Number(name.replace('%', ''))
  const job = jobs.get(id)
  if (job === undefined) throw new Error(`${name ?? 'current'}: no such job`)
  return job
}

const builtins: Record<string, (args: string[]) => number | Promise<number>> = {
  cd([folder = process.env['HOME'] ?? '/']) {
    process.chdir(folder)
    return 0
  },
  exit: ([code]) => process.exit(code === undefined ? lastCode : Number(code)),
  jobs() {
    for (const job of jobs.values()) console.log(line(job))
    for (const job of [...jobs.values()]) if (job.state === 'Done') jobs.delete(job.id)
    return 0
  },
  fg([name]) {
    const job = find(name)
    console.log(job.text)
    return foreground(job)
  },
  bg([name]) {
    const job = find(name)
    signalGroup(job.pgid, 'SIGCONT')
    console.log(`[${job.id}] ${job.text} &`)
    return background(job)
  },
}

async function run(input: string): Promise<number> {
  const [, body = '', ampersand] = /^(.*?)\s*(&?)\s*$/.exec(input) ?? []
  const text = body.trim().replaceAll('$?', String(lastCode))
  if (text === '' && ampersand === '') return lastCode
  const stages = parse(text)
  const [[name = '', ...args] = []] = stages
  const builtin = Object.hasOwn(builtins, name) ? builtins[name] : undefined
  if (builtin !== undefined) return builtin(args)
  const job = start(text, stages, ampersand === '&')
  if (ampersand !== '&') return foreground(job)
  console.log(`[${job.id}] ${job.pgid}`)
  return background(job)
}

const PROMPT = 'shell$ '
let interrupts = 0
const terminal = createInterface({ input: process.stdin, output: process.stdout })
// At the prompt these keys are characters; a job has them as signals.
terminal.on('SIGTSTP', () => undefined)
terminal.on('SIGINT', () => {
  // Typed right behind a command, which has not begun.
  if (terminal.getPrompt() !== PROMPT) {
    interrupts++
    return
  }
  terminal.write(null, { ctrl: true, name: 'u' })
  console.log('^C')
  terminal.prompt()
})
terminal.on('close', () => process.exit(lastCode))

for (;;) {
  report()
  const before = interrupts
  const input = await terminal.question(PROMPT)
  try {
    lastCode = interrupts > before ? codeOf('SIGINT') : await run(input)
  } catch (error) {
    console.error((error as Error).message)
    lastCode = 1
  }
}
