import type { Reason } from '../base/errors.ts'
import { checkInt32 } from '../base/check.ts'
import { native } from '../base/native.ts'
import { holdsMaster, inFirstNamespace, isNamespaceInit, procHides } from '../base/proc.ts'
import { Aftermath, members, named } from './aftermath.ts'
import { isKernelThread, look, processInfo } from './process.ts'
import { detailsOf, isShell, kernelThread, reaction, type Signal, verdict } from './reaction.ts'
import { readSession } from './sessions.ts'
import type { Explanation, ProcessInfo, Session, Verdict } from './types.ts'

/** Programs that keep a terminal open for sessions while no user looks at them. */
const multiplexers = /^(tmux: server|screen|SCREEN|dtach|abduco|zellij)/

/**
 * Tells what no table shows: whether a process will survive its terminal closing,
 * Ctrl-C, Ctrl-Z and its parent's death, and why.
 *
 * The kernel's rules are applied to the session as it stands: which process leads it, which group is
 * in the foreground, which become orphaned, and how each one concerned takes the signal. What
 * can't be seen from outside is assumed: that the terminal is not in raw mode, that shells have not
 * disowned the job, that there is no parent-death signal, and that reading end of file or failing to
 * write ends no process; where a standard stream is the terminal, a reason says so.
 *
 * @param pid process ID; 0, the default, is the caller
 * @throws `ESRCH` there is no process `pid`
 * @throws as `processInfo()` where /proc can't be read
 * @platform Linux; macOS compiled only
 * @see POSIX XBD 11.1 General Terminal Interface, 2.4.3 Signal Actions
 * @see credentials(7), setsid(2), tty_ioctl(4)
 */
export async function explain(pid = 0): Promise<Explanation> {
  checkInt32(pid, 'pid')
  const { session, subject, hidden } = await find(pid || process.pid)
  const details = detailsOf(subject.pid)
  const stdio = typeof details === 'object' ? details.stdio : null
  const parent = look(subject.ppid)
  const explanation = {
    process: subject,
    parent: typeof parent === 'object' ? parent : null,
    session,
    stdio,
  }
  if (isKernelThread(subject.pid)) {
    const none: Verdict = { outcome: 'survives', reasons: [kernelThread] }
    return { ...explanation, hangup: none, interrupt: none, suspend: none, parentDeath: none }
  }
  const isPartial = hidden > 0 || procHides() !== false
  const told = (verdict: Verdict) => (isPartial ? doubted(verdict) : verdict)
  return {
    ...explanation,
    hangup: told(onHangup(session, subject, stdio)),
    interrupt: told(onKey(session, subject, 'SIGINT', 'Ctrl-C')),
    suspend: told(onKey(session, subject, 'SIGTSTP', 'Ctrl-Z')),
    parentDeath: told(onParentDeath(session, subject, parent)),
  }
}

/** A process and its session, which it may leave for another one while that is read. */
async function find(
  pid: number,
): Promise<{ session: Session; subject: ProcessInfo; hidden: number }> {
  for (;;) {
    const { sid } = processInfo(pid)
    const read = await readSession(sid, 'explain')
    if (read === undefined) continue
    const subject = members(read.session).find((info) => info.pid === pid)
    if (subject !== undefined) return { ...read, subject }
  }
}

/** Reasons that hold whatever else is in the session. */
const certain = new Set([
  ...['no-terminal', 'ignored', 'blocked', 'zombie', 'init', 'no-parent', 'parent-is-init'],
])

/** What a session does that we see a part of: a process that is hidden may pass a signal on. */
function doubted(verdict: Verdict): Verdict {
  const { outcome, reasons } = verdict
  if (outcome !== 'survives' || reasons.some(({ reason }) => certain.has(reason))) return verdict
  const text = '/proc hides processes of other users from us: what these do may reach it'
  return { outcome: 'unknown', reasons: [...reasons, { reason: 'hidden', text }] }
}

/** Why nothing comes of a terminal, where no leader of the session with a terminal is seen. */
function noTerminal({ sid, leader }: Session): Verdict {
  if (sid === 0) {
    const text = 'its session leader is out of sight in another pid namespace'
    return verdict('survives', 'no-terminal', text, { sid })
  }
  // The kernel gives the session also of a process that /proc hides.
  if (leader === null && native.getsid(sid) === sid) {
    const text = `the session leader ${sid} is hidden from us: what it does can not be told`
    return verdict('unknown', 'hidden', text, { sid })
  }
  return verdict('survives', 'no-terminal', `session ${sid} has no controlling terminal`, { sid })
}

function onHangup(session: Session, info: ProcessInfo, stdio: Explanation['stdio']): Verdict {
  const { sid, leader, tty, foreground } = session
  if (leader === null || tty === null) {
    const none = noTerminal(session)
    none.reasons.push(...streams(stdio))
    return none
  }
  const text = `it leads session ${sid}: the kernel sends SIGHUP to the leader when ${tty} closes`
  const aftermath = new Aftermath(session)
  aftermath.hangUp(leader, { reason: { reason: 'session-leader', text, sid }, sure: true })
  const why: Reason =
    info.pgid === foreground
      ? {
          reason: 'leader-survives',
          text: `the session leader ${named(leader)} lives on without its terminal, and so no signal is sent to the foreground group`,
          leader: leader.pid,
        }
      : {
          reason: 'background-group',
          text: `its process group is in the background: when ${tty} closes, no signal is sent to it`,
          pgid: info.pgid,
          foreground,
        }
  const after = aftermath.verdict(info, why)
  const holder = look(leader.ppid)
  if (typeof holder === 'object' && multiplexers.test(holder.command)) {
    const text = `${named(holder)} keeps ${tty} open when the window that shows it is closed`
    after.reasons.push({ reason: 'multiplexer', text, pid: holder.pid })
  }
  after.reasons.push(...streams(stdio))
  return after
}

/** What a closed terminal does without a signal. */
function streams(stdio: Explanation['stdio']): Reason[] {
  if (stdio === null) {
    const text = 'we may not read its descriptors: some may be the terminal'
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
  // A process that the key ends may lead the session, or have kept a stopped group from being orphaned.
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
    const text = `its process group is orphaned: no shell could continue it, and so the kernel drops ${signal}`
    return verdict('survives', 'orphaned-group', text, { pgid })
  }
  const text = `its process group is in the foreground of ${tty}: ${key} sends it ${signal}`
  direct.reasons.unshift({ reason: 'foreground-group', text, pgid })
  if (direct.outcome === 'ends' || after.outcome === 'survives') return direct
  return { outcome: after.outcome, reasons: [...direct.reasons, ...after.reasons] }
}

function onParentDeath(
  session: Session,
  info: ProcessInfo,
  parent: ReturnType<typeof look>,
): Verdict {
  const { pid, ppid } = info
  if (ppid === 0) {
    const text =
      pid === 1 && inFirstNamespace()
        ? 'it is init, which the kernel has started: it has no parent'
        : 'its parent is outside of our pid namespace'
    return verdict('survives', 'no-parent', text, { ppid })
  }
  if (ppid === 1 && inFirstNamespace()) {
    return verdict('survives', 'parent-is-init', 'its parent is init, which does not end', { ppid })
  }
  const isInit = isNamespaceInit(ppid)
  if (isInit === true) {
    const text =
      'its parent is the init of a pid namespace: when that ends, the kernel kills all processes in it'
    return verdict('ends', 'namespace-init', text, { ppid })
  }
  if (parent === 'hidden' || (parent !== undefined && isInit === undefined)) {
    const text = `its parent ${ppid} is hidden from us: whether it holds a terminal can not be told`
    return verdict('unknown', 'hidden', text, { ppid })
  }
  const text = 'the kernel sends no signal to a process when its parent ends'
  if (parent === undefined) return verdict('survives', 'not-signalled', text, { ppid })

  const aftermath = new Aftermath(session)
  const { leader, tty } = session
  const holds = leader === null || tty === null ? false : holdsTerminal(ppid, tty)
  if (leader !== null && tty !== null && holds !== false) {
    const text = holds
      ? `its parent ${named(parent)} holds the other side of ${tty}, which closes with it`
      : `its parent ${named(parent)} may hold the other side of ${tty}: we may not read its descriptors`
    aftermath.hangUp(leader, {
      reason: { reason: 'terminal-holder', text, ppid },
      sure: holds === true,
    })
  }
  if (parent.sid === session.sid) aftermath.end(parent, true)
  return aftermath.verdict(info, { reason: 'not-signalled', text, ppid })
}

/** Whether a process has the master side of a terminal open. undefined: that can't be told. */
function holdsTerminal(pid: number, tty: string): boolean | undefined {
  const index = /^\/dev\/pts\/([0-9]+)$/.exec(tty)?.[1]
  return index === undefined ? false : holdsMaster(pid, index)
}
