import type { Reason } from '../base/errors.ts'
import { reaction } from './reaction.ts'
import { isHeldBy } from './sessions.ts'
import type { ProcessInfo, Session, Verdict } from './types.ts'

/** Shells that pass SIGHUP on to the jobs that they know, to their groups' numbers. */
const hangsUpJobs = new Set(['bash', 'zsh', 'fish'])

export const named = ({ command, pid }: ProcessInfo): string => `${command} (${pid})`

export const members = ({ groups }: Session): ProcessInfo[] =>
  groups.flatMap(({ members }) => members)

/** A SIGHUP on its way, and whether it is sure to come. */
interface Hangup {
  reason: Reason
  sure: boolean
}

/** Plays through a session what follows when a terminal closes or a process dies. */
export class Aftermath {
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
