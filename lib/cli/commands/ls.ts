import { type Command, UsageError } from '../options.ts'
import { aligned, fit, json, paint, printable, shortTty, userName, width } from '../picture.ts'
import {
  bytes,
  commandLine,
  duration,
  isLeftAlone,
  isStopped,
  leaderName,
  membersOf,
  sum,
} from '../rows.ts'
import { chooseSessions } from '../sessions.ts'
import type { ProcessGroup, Session } from '../../inspect/types.ts'

export const ls: Command = {
  async run(given) {
    const { values, positionals } = given
    if (positionals.length > 0) throw new UsageError('ls takes no words, only options')
    const read = await chooseSessions(given)
    const sessions = await read()
    return values['json'] === true ? json(sessions) : table(sessions)
  },
}

const head = ['SID', 'TTY', 'USER', 'PROCS', 'AGE', 'CPU', 'MEM', 'GROUPS', 'COMMAND']
const numeric = new Set([0, 3, 4, 5, 6])

/** A session with many groups leaves room for the command line. */
const GROUPS = Math.max(16, Math.floor(width / 5))

/** Sessions as a table for people. */
function table(sessions: Session[]): string {
  const now = Date.now()
  const rows = sessions.map((session) => {
    const members = membersOf(session)
    const oldest = Math.min(...members.map(({ startedAt }) => startedAt.getTime()))
    const [first] = members
    return [
      String(session.sid),
      shortTty(session.tty),
      first === undefined ? '-' : fit(userName((session.leader ?? first).uid), 12),
      String(members.length),
      duration(now - (session.leader?.startedAt.getTime() ?? oldest)),
      duration(sum(members.map(({ cpuTime }) => cpuTime))),
      bytes(sum(members.map(({ memory }) => memory))),
      fit(session.groups.map(mark).join(' '), GROUPS),
      session.leader === null ? leaderName(session) : printable(commandLine(session.leader)),
    ]
  })
  const [first = '', ...lines] = aligned(head, rows, numeric)
  const coloured = lines.map((line, i) => (sessions[i]?.tty == null ? line : paint('green', line)))
  return [paint('bold', first), ...coloured].join('\n')
}

/** The number of a group with the marks that it has earned. */
function mark(group: ProcessGroup): string {
  return `${group.pgid}${group.foreground ? '+' : ''}${isStopped(group) ? 'T' : ''}${isLeftAlone(group) ? 'o' : ''}`
}
