// `npm start`: a running Node process, the leader of its process group, becomes
// the leader of a session of its own, with the same pid.
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'
import {
  ctermid,
  detachSync,
  getpgrp,
  listSessions,
  processInfo,
  setpgid,
  setsid,
  tcsetpgrp,
  type ProcessInfo,
  type Session,
} from 'setsid'

const colour = process.stdout.isTTY && !process.env['NO_COLOR']
const paint = (style: 'bold' | 'dim' | 'green' | 'red', text: string) =>
  colour ? styleText(style, text) : text

/** Whether this process has a controlling terminal: only then does its name open. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync(ctermid(), 'r'))
    return true
  } catch {
    return false
  }
}

/** Runs this file again below a shell on a pty of its own, and shows what appears there. */
async function onOwnTerminal(): Promise<void> {
  const { spawn } = await import('@lydell/node-pty')
  const self = [process.execPath, ...process.execArgv, fileURLToPath(import.meta.url)]
  const pty = spawn('/bin/sh', ['-c', '"$@"; exit $?', 'sh', ...self], {
    cols: 120,
    env: { ...process.env, NO_COLOR: '1' },
  })
  pty.onData((text) => process.stdout.write(text.replaceAll('\r\n', '\n')))
  pty.onExit(({ exitCode }) => (process.exitCode = exitCode))
}

const step = (number: number, title: string) =>
  console.log(`\n${paint('bold', `${number}. ${title}`)}\n`)

function showIds({ pid, ppid, pgid, sid, tty }: ProcessInfo, before?: ProcessInfo): void {
  const mark = (name: keyof ProcessInfo, value: number | string) => {
    if (before === undefined) return String(value)
    return before[name] === value ? `${value} (the same)` : paint('green', String(value))
  }
  console.log(`   pid   ${mark('pid', pid)}`)
  console.log(`   ppid  ${mark('ppid', ppid)}`)
  console.log(`   pgid  ${mark('pgid', pgid)}`)
  console.log(`   sid   ${mark('sid', sid)}${leaderOf(sid, pid)}`)
  console.log(`   tty   ${mark('tty', tty ?? 'none')}`)
}

function leaderOf(sid: number, pid: number): string {
  if (sid === pid) return paint('dim', '  this process')
  const leader = processInfo(sid, { throwIfNoEntry: false })
  return leader ? paint('dim', `  that of ${leader.command}`) : ''
}

/** One line a session; ours in bold, and the many of a busy machine cut short. */
function showSessions(sessions: Session[]): void {
  const own = sessions.find(({ sid }) => sid === process.pid)
  const others = sessions.filter((session) => session !== own)
  const shown = [...others.slice(-14), ...(own ? [own] : [])].sort((a, b) => a.sid - b.sid)
  console.log('       SID  TTY          GROUPS  PROCESSES  LEADER')
  for (const session of shown) {
    const { sid, tty, groups, leader } = session
    const processes = groups.reduce((sum, group) => sum + group.members.length, 0)
    const columns = [
      String(sid).padStart(10),
      (tty ?? '-').padEnd(11),
      String(groups.length).padStart(6),
      String(processes).padStart(9),
      leader?.command ?? (sid === 0 ? '(the kernel, or outside this pid namespace)' : '(gone)'),
    ].join('  ')
    console.log(session === own ? paint('bold', `${columns}  <- this process`) : columns)
  }
  const hidden = sessions.length - shown.length
  if (hidden > 0) console.log(paint('dim', `            … and ${hidden} more: npx sess ls`))
}

async function demonstrate(): Promise<void> {
  // A shell with job control does this with every job that it starts.
  setpgid()
  const terminal = openSync(ctermid(), 'r+')
  tcsetpgrp(terminal, getpgrp())
  closeSync(terminal)

  step(1, 'Before: a job of the shell, the leader of its own process group')
  const before = processInfo()
  showIds(before)

  step(2, 'setsid(), as every manual has it')
  try {
    setsid()
    throw new Error('a process group leader became a session leader by setsid()')
  } catch (error) {
    console.log(`   ${paint('red', (error as Error).message)}`)
  }

  step(3, "detachSync(): by way of a helper's process group, without fork")
  const { method } = detachSync({ stdin: 'keep', stdout: 'keep', stderr: 'keep' })
  console.log(`   method: ${method}`)

  step(4, 'After: the same process, now leader of a session of its own')
  showIds(processInfo(), before)
  console.log(`\n   ${ctermid()}: ${hasTerminal() ? 'still opens' : 'no such terminal (ENXIO)'}`)
  console.log('   Ctrl-C and closing the terminal no longer reach it.')

  step(5, 'The sessions of this machine')
  showSessions(await listSessions())

  const { pid, pgid, sid, tty } = processInfo()
  if (before.pid !== pid || sid !== pid || pgid !== pid || tty !== null) {
    throw new Error('the process did not get away from its terminal')
  }
}

await (hasTerminal() ? demonstrate() : onOwnTerminal())
