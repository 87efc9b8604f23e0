import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { constants } from 'node:os'
import { errnoOf, type Reason, systemError } from '../base/errors.ts'
import {
  inFirstNamespace,
  isHeldBy,
  isOver,
  type ProcessInfo,
  processInfo,
  readSession,
  type Session,
  ttyPath,
  visible,
} from './process.ts'
import { native } from '../base/native.ts'

/**
 * What becomes of a process: it `survives`, it `ends`, it `stops`, or it `depends` on what a
 * signal handler, its own or that of another process, does.
 */
export type Outcome = 'survives' | 'ends' | 'stops' | 'depends'

export interface Verdict {
  outcome: Outcome
  /** Why: a stable word, a sentence for people and the numbers behind it. See docs/inspection.md. */
  reasons: Reason[]
}

export interface Explanation {
  process: ProcessInfo
  /** null: there is none that can be seen. */
  parent: ProcessInfo | null
  /** The session that it is in, with all its groups. */
  session: Session
  /** The devices behind descriptors 0, 1 and 2, null for any other thing. null: not ours to read. */
  stdio: (string | null)[] | null
  /** Its terminal closes: the window is shut, the connection is lost. */
  hangup: Verdict
  /** Ctrl-C is pressed on its terminal. */
  interrupt: Verdict
  /** Ctrl-Z is pressed on its terminal. */
  suspend: Verdict
  /** Its parent is killed. */
  parentDeath: Verdict
}

const ESRCH = errnoOf('ESRCH')

/** Shells that pass SIGHUP on to the jobs that they know, to their groups' numbers. */
const hangsUpJobs = new Set(['bash', 'zsh', 'fish'])

/** Programs that keep a terminal open for sessions while nobody looks at them. */
const multiplexers = /^(tmux: server|screen|SCREEN|dtach|abduco|zellij)/

const named = ({ command, pid }: ProcessInfo) => `${command} (${pid})`

/**
 * Tells what no table shows: whether a process will survive its terminal closing,
 * Ctrl-C, Ctrl-Z and its parent's death, and why.
 *
 * The kernel's rules are applied to the session as it stands: who leads it, which group is
 * in the foreground, which become orphaned, and how each one concerned takes the signal. What
 * can't be seen from outside is assumed: that the terminal is not in raw mode, that shells have not
 * disowned the job, that there is no parent-death signal, and that reading end of file or failing to
 * write ends nobody; where a standard stream is the terminal, a reason says so.
 *
 * @param pid process ID; 0, the default, is the caller
 * @throws `ESRCH` there is no process `pid`
 * @throws as `processInfo()` where /proc can't be read
 * @platform Linux; macOS compiled only
 * @see POSIX XBD 11.1 General Terminal Interface, 2.4.3 Signal Actions
 * @see credentials(7), setsid(2), tty_ioctl(4)
 */
export async function explain(pid = 0): Promise<Explanation> {
  const { sid } = processInfo(pid)
  const session = await readSession(sid, 'explain')
  const subject = session && members(session).find((info) => info.pid === (pid || process.pid))
  if (session === undefined || subject === undefined) throw systemError(ESRCH, 'explain')

  const details = detailsOf(subject.pid)
  const stdio = details?.stdio ?? null
  return {
    process: subject,
    parent: visible(subject.ppid) ?? null,
    session,
    stdio,
    hangup: onHangup(session, subject, stdio),
    interrupt: onKey(session, subject, 'SIGINT', 'Ctrl-C'),
    suspend: onKey(session, subject, 'SIGTSTP', 'Ctrl-Z'),
    parentDeath: onParentDeath(session, subject),
  }
}

const members = ({ groups }: Session): ProcessInfo[] => groups.flatMap(({ members }) => members)

type Signal = 'SIGHUP' | 'SIGINT' | 'SIGTSTP'

interface Details {
  ignores(signal: Signal): boolean
  catches(signal: Signal): boolean
  blocks(signal: Signal): boolean
  stdio: (string | null)[] | null
}

/** Decodes ProcessDetails of src/process_table.h. undefined: the process is gone. */
function detailsOf(pid: number): Details | undefined {
  const result = native.processDetails(pid)
  if (result === ESRCH) return undefined
  if (typeof result === 'number') throw systemError(result, 'explain')
  const [ignored = 0, caught = 0, blocked = 0, error = 0, ...devices] = new Uint32Array(result)
  const has = (set: number) => (signal: Signal) =>
    ((set >>> (constants.signals[signal] - 1)) & 1) === 1
  return {
    ignores: has(ignored),
    catches: has(caught),
    blocks: has(blocked),
    stdio: error === 0 ? devices.map((device) => (device === 0 ? null : ttyPath(device))) : null,
  }
}

/** How a process takes a signal that reaches it. */
function reaction(info: ProcessInfo, signal: Signal): Verdict {
  const verdict = (outcome: Outcome, reason: string, text: string): Verdict => ({
    outcome,
    reasons: [{ reason, text, signal }],
  })
  if (isOver(info)) {
    return verdict('survives', 'zombie', 'it has ended already; only its parent has yet to see it')
  }
  const details = detailsOf(info.pid)
  if (details?.ignores(signal) === true) {
    return verdict('survives', 'ignored', `it ignores ${signal}`)
  }
  if (details?.blocks(signal) === true) {
    return verdict('survives', 'blocked', `it blocks ${signal}: the signal waits`)
  }
  if (details?.catches(signal) === true) {
    return verdict('depends', 'caught', `it catches ${signal}: its handler decides`)
  }
  if (info.pid === 1) {
    return verdict('survives', 'init', `it is init, which only signals with a handler reach`)
  }
  return signal === 'SIGTSTP'
    ? verdict('stops', 'default-action', `${signal} stops it: it neither ignores nor catches it`)
    : verdict('ends', 'default-action', `${signal} ends it: it neither ignores nor catches it`)
}

/** A SIGHUP on its way, and whether it is sure to come. */
interface Hangup {
  reason: Reason
  sure: boolean
}

/** Plays through a session what follows when a terminal closes or a process dies. */
class Aftermath {
  readonly #session: Session
  readonly #members: Map<number, ProcessInfo>
  readonly #hangups = new Map<number, Hangup[]>()
  readonly #dead = new Set<number>()

  constructor(session: Session) {
    this.#session = session
    this.#members = new Map(members(session).map((info) => [info.pid, info]))
  }

  /** What the SIGHUPs that reach a process do to it. `otherwise`: the reason that none comes. */
  verdict(info: ProcessInfo, otherwise: Reason): Verdict {
    const hangups = this.#hangups.get(info.pid)
    if (hangups === undefined) return { outcome: 'survives', reasons: [otherwise] }
    const { outcome, reasons } = reaction(info, 'SIGHUP')
    const sure = hangups.some((each) => each.sure)
    return {
      outcome: outcome === 'ends' && !sure ? 'depends' : outcome,
      reasons: [...hangups.map(({ reason }) => reason), ...reasons],
    }
  }

  hangUp(info: ProcessInfo, hangup: Hangup): void {
    if (this.#dead.has(info.pid)) return
    const earlier = this.#hangups.get(info.pid) ?? []
    if (earlier.some(({ reason }) => reason.reason === hangup.reason.reason)) return
    this.#hangups.set(info.pid, [...earlier, hangup])
    if (earlier.some(({ sure }) => sure || !hangup.sure)) return
    const { outcome } = reaction(info, 'SIGHUP')
    if (outcome === 'survives') return
    // A shell that catches it does so for its jobs, and then ends.
    const shell = outcome === 'depends' && hangsUpJobs.has(info.command)
    if (shell) this.#hangUpJobs(info, hangup.sure)
    this.end(info, hangup.sure && (outcome === 'ends' || shell))
  }

  /** Something else than SIGHUP ends a process, or may. */
  end(info: ProcessInfo, sure: boolean): void {
    if (sure) this.#dead.add(info.pid)
    const { sid, tty, foreground } = this.#session
    const when = sure ? 'when' : 'if'
    // The kernel hangs up the foreground group when the leader exits (disassociate_ctty).
    if (info.pid === sid && tty !== null && foreground !== null) {
      const text = `its process group is in the foreground: the kernel sends it SIGHUP ${when} the session leader ${named(info)} ends`
      const reason = { reason: 'foreground-group', text, pgid: foreground, leader: info.pid }
      this.#hangUpGroup(foreground, { reason, sure })
    }
    for (const { pgid, orphaned, members } of this.#session.groups) {
      if (orphaned || !members.some(({ state }) => state === 'T')) continue
      if (members.some((member) => this.#isHeld(member, info.pid))) continue
      const text = `its process group, with a stopped member, is orphaned ${when} ${named(info)} ends: the kernel then sends it SIGHUP and SIGCONT`
      this.#hangUpGroup(pgid, { reason: { reason: 'orphaned-stopped-group', text, pgid }, sure })
    }
  }

  #hangUpJobs(shell: ProcessInfo, sure: boolean): void {
    // The terminal's end of file races with the SIGHUP that an outer shell passes on to an inner one.
    const leads = shell.pid === this.#session.sid
    const text = leads
      ? `${named(shell)} passes SIGHUP on to its jobs, unless it was told to disown them`
      : `${named(shell)} passes SIGHUP on to its jobs, unless it sees the terminal's end of file first`
    for (const { pgid, members } of this.#session.groups) {
      if (pgid === shell.pgid || !members.some(({ ppid }) => ppid === shell.pid)) continue
      const reason = { reason: 'shell-job', text, pgid, shell: shell.pid }
      this.#hangUpGroup(pgid, { reason, sure: sure && leads })
    }
  }

  #hangUpGroup(pgid: number, hangup: Hangup): void {
    const group = this.#session.groups.find((each) => each.pgid === pgid)
    for (const member of group?.members ?? []) this.hangUp(member, hangup)
  }

  /** Whether a process still keeps its group from being orphaned when `ended` is gone too. */
  #isHeld(info: ProcessInfo, ended: number): boolean {
    const isGone = (pid: number) => pid === ended || this.#dead.has(pid)
    // Orphans go to init, which holds them where it is the init of a container and of this session.
    return !isGone(info.pid) && isHeldBy(info, this.#members.get(isGone(info.ppid) ? 1 : info.ppid))
  }
}

const survives = (reason: string, text: string, facts: object): Verdict => ({
  outcome: 'survives',
  reasons: [{ reason, text, ...facts }],
})

function noTerminal({ sid }: Session): Verdict {
  const text =
    sid === 0
      ? 'its session leader is out of sight in another pid namespace'
      : `session ${sid} has no controlling terminal`
  return survives('no-terminal', text, { sid })
}

function onHangup(session: Session, info: ProcessInfo, stdio: Explanation['stdio']): Verdict {
  const { sid, leader, tty, foreground } = session
  if (leader === null || tty === null) {
    const verdict = noTerminal(session)
    verdict.reasons.push(...streams(stdio))
    return verdict
  }
  const text = `it leads session ${sid}: the kernel sends SIGHUP to the leader when ${tty} closes`
  const aftermath = new Aftermath(session)
  aftermath.hangUp(leader, { reason: { reason: 'session-leader', text, sid }, sure: true })
  const why: Reason =
    info.pgid === foreground
      ? {
          reason: 'leader-survives',
          text: `the session leader ${named(leader)} lives on without its terminal, and so nobody signals the foreground group`,
          leader: leader.pid,
        }
      : {
          reason: 'background-group',
          text: `its process group is in the background: when ${tty} closes, nobody signals it`,
          pgid: info.pgid,
          foreground,
        }
  const verdict = aftermath.verdict(info, why)
  const holder = visible(leader.ppid)
  if (holder !== undefined && multiplexers.test(holder.command)) {
    const text = `${named(holder)} keeps ${tty} open when the window that shows it is closed`
    verdict.reasons.push({ reason: 'multiplexer', text, pid: holder.pid })
  }
  verdict.reasons.push(...streams(stdio))
  return verdict
}

/** What a closed terminal does without a signal. */
function streams(stdio: Explanation['stdio']): Reason[] {
  if (stdio === null) {
    const text = 'its descriptors are not ours to read: they may be the terminal'
    return [{ reason: 'stdio-hidden', text }]
  }
  const fds = [0, 1, 2].filter((fd) => /^\/dev\/(pts\/|tty)/.test(stdio[fd] ?? ''))
  const paths = [...new Set(fds.map((fd) => stdio[fd]))].join(', ')
  const one = fds.length === 1
  const text = `${one ? 'descriptor' : 'descriptors'} ${fds.join(', ')} ${one ? 'is' : 'are'} ${paths}: once it is closed, reading gives end of file and writing EIO`
  return fds.length > 0 ? [{ reason: 'stdio-on-terminal', text, fds }] : []
}

function onKey(session: Session, info: ProcessInfo, signal: Signal, key: string): Verdict {
  const { pgid } = info
  const tty = session.tty ?? info.tty
  const foreground = session.foreground ?? info.tpgid
  if (tty === null) return noTerminal(session)
  const background: Reason = {
    reason: 'background-group',
    text: `its process group is in the background: ${key} on ${tty} goes to group ${foreground ?? 'none'}`,
    pgid,
    foreground,
  }
  const group = session.groups.find((each) => each.pgid === foreground)
  // Who ends by the key may lead the session, or have kept a stopped group from being orphaned.
  const aftermath = new Aftermath(session)
  for (const member of signal === 'SIGINT' ? (group?.members ?? []) : []) {
    const { outcome } = reaction(member, signal)
    if (outcome === 'ends') aftermath.end(member, true)
    if (outcome === 'depends' && !isShell(member)) aftermath.end(member, false)
  }
  const after = aftermath.verdict(info, background)
  if (pgid !== foreground) return after

  const direct = reaction(info, signal)
  if (direct.outcome === 'stops' && group?.orphaned === true) {
    const text = `its process group is orphaned: nobody could continue it, and so the kernel drops ${signal}`
    return survives('orphaned-group', text, { pgid })
  }
  const text = `its process group is in the foreground of ${tty}: ${key} sends it ${signal}`
  direct.reasons.unshift({ reason: 'foreground-group', text, pgid })
  if (direct.outcome === 'ends' || after.outcome === 'survives') return direct
  return { outcome: after.outcome, reasons: [...direct.reasons, ...after.reasons] }
}

/** An interactive shell, which Ctrl-C and Ctrl-Z don't move: the sign of one is that it ignores SIGTSTP. */
const isShell = ({ pid }: ProcessInfo): boolean => detailsOf(pid)?.ignores('SIGTSTP') === true

function onParentDeath(session: Session, info: ProcessInfo): Verdict {
  const { ppid } = info
  if (ppid === 0) {
    return survives('no-parent', 'it has no parent in this pid namespace', { ppid })
  }
  if (ppid === 1 && inFirstNamespace()) {
    return survives('parent-is-init', 'its parent is init, which does not end', { ppid })
  }
  if (isNamespaceInit(ppid)) {
    const text = `its parent is the init of a pid namespace: when that ends, the kernel kills all in it`
    return { outcome: 'ends', reasons: [{ reason: 'namespace-init', text, ppid }] }
  }
  const text = 'nobody signals a process whose parent ends'
  const parent = visible(ppid)
  if (parent === undefined) return survives('not-signalled', text, { ppid })

  const aftermath = new Aftermath(session)
  const { leader, tty } = session
  const holds = leader === null || tty === null ? false : holdsTerminal(ppid, tty)
  if (leader !== null && tty !== null && holds !== false) {
    const text = holds
      ? `its parent ${named(parent)} holds the other side of ${tty}, which closes with it`
      : `its parent ${named(parent)} may hold the other side of ${tty}: its descriptors are not ours to read`
    aftermath.hangUp(leader, {
      reason: { reason: 'terminal-holder', text, ppid },
      sure: holds === true,
    })
  }
  if (parent.sid === session.sid) aftermath.end(parent, true)
  return aftermath.verdict(info, { reason: 'not-signalled', text, ppid })
}

/** Whether a process has the master side of a pseudoterminal open. undefined: that can't be read. */
function holdsTerminal(pid: number, tty: string): boolean | undefined {
  const index = /^\/dev\/pts\/([0-9]+)$/.exec(tty)?.[1]
  if (index === undefined) return false
  try {
    return readdirSync(`/proc/${pid}/fd`).some(
      (fd) =>
        /^\/dev\/(pts\/)?ptmx$/.test(readlinkSync(`/proc/${pid}/fd/${fd}`)) &&
        readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8').includes(`tty-index:\t${index}\n`),
    )
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? false : undefined
  }
}

/** Whether a process is pid 1 of its own pid namespace, ours or one inside ours. */
function isNamespaceInit(pid: number): boolean {
  try {
    return /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
