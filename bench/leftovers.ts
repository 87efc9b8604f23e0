// What stays alive after each way of ending a command. Prints the table of docs/running.md.
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** What the command starts, each with a sleep of its own length. It waits for the first alone. */
const kinds: [string, (sleep: string) => string][] = [
  ['a child that it waits for', (sleep) => `${sleep} & first=$!`],
  ['a child that ignores SIGTERM', (sleep) => `(trap '' TERM; ${sleep}) &`],
  ['nohup', (sleep) => `nohup ${sleep} >/dev/null 2>&1 &`],
  ['a double fork', (sleep) => `(${sleep} &)`],
  ['a group of its own (set -m)', (sleep) => `bash -c 'set -m; ${sleep} & :'`],
  ['setsid', (sleep) => `setsid ${sleep} &`],
  ['setsid and a double fork', (sleep) => `(setsid sh -c '${sleep} & :' &)`],
  ['setsid -f by env -i', (sleep) => `env -i setsid -f ${sleep}`],
]

/** The body of a program that starts `tree` by sh and ends it. `ready()` is fulfilled when all of it runs. */
const ways: [string, string][] = [
  [
    'child.kill()',
    `const c = spawn('sh', ['-c', tree], { stdio: 'ignore' }); await ready(); c.kill()`,
  ],
  [
    'exec, timeout',
    `await new Promise((done) => exec(tree, { timeout: 1500, killSignal: 'SIGKILL' }, done))`,
  ],
  [
    'execa, timeout',
    `const { execa } = await import('execa'); await execa('sh', ['-c', tree], { timeout: 1500, forceKillAfterDelay: 200, reject: false, stdio: 'ignore' })`,
  ],
  [
    'tree-kill, SIGKILL',
    `const { default: kill } = await import('tree-kill'); const c = spawn('sh', ['-c', tree], { stdio: 'ignore' }); await ready(); await new Promise((done) => kill(c.pid, 'SIGKILL', done))`,
  ],
  [
    'npm-run-all, other task fails',
    `const { default: run } = await import('npm-run-all2'); process.chdir(folder); await run(['tree', 'fail'], { parallel: true }).catch(() => undefined)`,
  ],
  [
    'kill -9 of the caller (execa)',
    `const { execa } = await import('execa'); execa('sh', ['-c', tree], { stdio: 'ignore' }); await ready(); process.kill(process.pid, 'SIGKILL')`,
  ],
  [
    'stopGroup()',
    `const c = ours.spawn('sh', ['-c', tree], { group: 'new', stdio: 'ignore' }); await ready(); await ours.stopGroup(c, { grace: 200 })`,
  ],
  [
    'stopSession()',
    `const c = ours.spawn('sh', ['-c', tree], { session: 'new', stdio: 'ignore' }); await ready(); await ours.stopSession(c, { grace: 200 })`,
  ],
  ['run(), timeout', `await ours.run('sh', ['-c', tree], { timeout: 1500, grace: 200 })`],
  [
    'kill -9 of the caller (contain)',
    `ours.spawn('sh', ['-c', tree], { contain: true, stdio: 'ignore' }); await ready(); process.kill(process.pid, 'SIGKILL')`,
  ],
]

const lineOf = (pid: string) => {
  try {
    const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1')
    // An empty line is a zombie's.
    return line.split('\0').join(' ').trim()
  } catch {
    return ''
  }
}
const pidsOf = (line: string) => readdirSync('/proc').filter((pid) => lineOf(pid) === line)

/** Two tasks for npm-run-all: the tree, and one that fails. */
const folder = mkdtempSync(join(tmpdir(), 'leftovers-'))
const scripts = { tree: 'sh tree.sh', fail: 'sleep 2; exit 1' }
writeFileSync(join(folder, 'package.json'), JSON.stringify({ scripts }))

let turn = 0
/** Which of the sleeps live a second after the end. */
async function leftovers(body: string): Promise<boolean[]> {
  turn++
  const sleeps = kinds.map((_, i) => `sleep ${900_000 + turn * 100 + i}.${process.pid}`)
  const tree = `${kinds.map(([, start], i) => start(sleeps[i] ?? '')).join('\n')}\nwait $first`
  const script = `
    import { exec, spawn } from 'node:child_process'
    import { readdirSync, readFileSync } from 'node:fs'
    import * as ours from 'setsid'
    const tree = ${JSON.stringify(tree)}
    const folder = ${JSON.stringify(folder)}
    const sleeps = ${JSON.stringify(sleeps)}
    const lineOf = (pid) => { try { return readFileSync('/proc/' + pid + '/cmdline', 'latin1').split('\\0').join(' ').trim() } catch { return '' } }
    const ready = async () => { for (;;) { const lines = readdirSync('/proc').map(lineOf); if (sleeps.every((sleep) => lines.includes(sleep))) return; await new Promise((done) => setTimeout(done, 20)) } }
    ${body}
    process.exit(0)`
  writeFileSync(join(folder, 'tree.sh'), tree)
  const program = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  await new Promise((done) => program.on('exit', done))
  await pause(1000)
  const found = sleeps.map(pidsOf)
  for (const pid of found.flat()) process.kill(Number(pid), 'SIGKILL')
  return found.map((pids) => pids.length > 0)
}

const version = (name: string) =>
  (JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')) as { version: string })
    .version
const results = []
for (const [name, body] of ways) results.push([name, await leftovers(body)] as const)
rmSync(folder, { recursive: true })

const peers = ['execa', 'tree-kill', 'npm-run-all2'].map((name) => `${name} ${version(name)}`)
console.log(`What is alive a second later. Node ${process.version}, ${peers.join(', ')}.\n`)
console.log(`| | ${kinds.map(([name]) => name).join(' | ')} |`)
console.log(`|---${'|:-:'.repeat(kinds.length)}|`)
for (const [name, alive] of results) {
  console.log(`| ${name} | ${alive.map((lives) => (lives ? 'alive' : '—')).join(' | ')} |`)
}
