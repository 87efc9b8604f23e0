import { type Command, UsageError } from '../options.ts'
import { aligned, fit, json, paint, printable, shortTty, userName } from '../picture.ts'
import { chooseSessions, filterHelp, filterOptions } from '../sessions.ts'
import type { ProcessGroup, Session } from '../../inspect/types.ts'

export const ls: Command = {
  usage: 'sess ls [FILTER] [--json]',
  summary: 'every session on this machine',
  help: `Lists every session with its controlling terminal, its leader, and its process
groups. A "+" marks the terminal's foreground process group, a "T" one with a
stopped member, an "o" an orphaned one.

${filterHelp}

Examples:
  sess ls
  sess ls --user www-data
  sess ls --json | jq '.[] | select(.tty != null) | .sid'`,
  options: filterOptions,
  async run({ values, positionals }) {
    if (positionals.length > 0) throw new UsageError('ls takes no words, only options')
    const sessions = await chooseSessions({ values })
    return values['json'] === true ? json(sessions) : table(sessions)
  },
}

const head = ['SID', 'TTY', 'USER', 'PROCS', 'LEADER', 'GROUPS']
const numeric = new Set([0, 3])

/** Sessions as a table for people. */
function table(sessions: Session[]): string {
  const rows = sessions.map((session) => {
    const members = session.groups.flatMap((group) => group.members)
    const [first] = members
    return [
      String(session.sid),
      shortTty(session.tty),
      first === undefined ? '-' : userName((session.leader ?? first).uid),
      String(members.length),
      fit(leaderName(session), 24),
      session.groups.map(mark).join(' '),
    ]
  })
  const [first = '', ...lines] = aligned(head, rows, numeric)
  const coloured = lines.map((line, i) => (sessions[i]?.tty == null ? line : paint('green', line)))
  return [paint('bold', first), ...coloured].join('\n')
}

export function leaderName({ sid, leader }: Session): string {
  if (leader !== null) return printable(leader.command)
  return sid === 0 ? '(out of sight)' : '(leader gone)'
}

/** The number of a group with the marks that it has earned. */
function mark(group: ProcessGroup): string {
  return `${group.pgid}${group.foreground ? '+' : ''}${isStopped(group) ? 'T' : ''}${isLeftAlone(group) ? 'o' : ''}`
}

export const isStopped = ({ members }: ProcessGroup): boolean =>
  members.some(({ state }) => state === 'T')

/** Orphaned, and not for the plain reason that its leader leads the session. */
export const isLeftAlone = ({ orphaned, pgid, sid }: ProcessGroup): boolean =>
  orphaned && sid !== 0 && pgid !== sid
