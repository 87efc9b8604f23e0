import { inspectSession } from '../../inspect/sessions.ts'
import { type Command, ExitError, parsePid, UsageError } from '../options.ts'
import { isLeftAlone, isStopped, leaderName } from './ls.ts'
import { fit, json, paint, printable, userName, width } from '../picture.ts'
import { chooseSessions, filterHelp, filterOptions } from '../sessions.ts'
import type { ProcessGroup, ProcessInfo, Session } from '../../inspect/types.ts'

export const tree: Command = {
  usage: 'sess tree [SID] [FILTER] [--json]',
  summary: 'sessions with their groups and processes',
  help: `Draws sessions with their process groups and the members of each: which group
is in the foreground, which are stopped or orphaned, which leaders are gone.
Without SID: every session.

${filterHelp}

Examples:
  sess tree --pid $$
  sess tree --tty pts/3
  sess tree 812 --json`,
  options: filterOptions,
  async run({ values, positionals }) {
    if (positionals.length > 1) throw new UsageError('tree takes one SID')
    const [sid] = positionals
    const sessions = await chooseSessions({ values }, sid === undefined ? undefined : [find(sid)])
    if (values['json'] === true) return json(sessions)
    return sessions.map(draw).join('\n')
  },
}

function find(text: string): Session {
  const sid = text === '0' ? 0 : parsePid(text)
  const session = inspectSession(sid, { throwIfNoEntry: false })
  if (session === undefined) throw new ExitError(`there is no session ${sid}`, 1)
  return session
}

function draw(session: Session): string {
  const { sid, tty, leader, groups } = session
  const who = leader === null ? [] : [userName(leader.uid)]
  const title = [`session ${sid}`, leaderName(session), tty ?? 'no terminal', ...who].join('  ')
  const lines = [paint('bold', fit(title, width))]
  for (const [i, group] of groups.entries()) {
    const last = i === groups.length - 1
    lines.push(...drawGroup(group, session, last ? ['└─ ', '   '] : ['├─ ', '│  ']))
  }
  return lines.join('\n')
}

function drawGroup(group: ProcessGroup, session: Session, [branch, rest]: [string, string]) {
  const { pgid, members, leader } = group
  const words = [
    ...(group.foreground ? ['foreground'] : []),
    ...(isStopped(group) ? ['stopped'] : []),
    ...(isLeftAlone(group) ? ['orphaned'] : []),
    ...(leader === null && pgid !== 0 ? ['leader gone'] : []),
  ]
  const style = group.foreground ? 'green' : isStopped(group) ? 'yellow' : 'reset'
  const title = `${branch}group ${pgid}${words.length > 0 ? `  ${words.join(', ')}` : ''}`
  const lines = members.map((info, i) => {
    const branch = i === members.length - 1 ? '└─ ' : '├─ '
    return fit(`${rest}${branch}${drawMember(info, session)}`, width)
  })
  return [paint(style, fit(title, width)), ...lines]
}

const states: Record<string, string> = { T: 'stopped', t: 'traced', Z: 'zombie' }

function drawMember(info: ProcessInfo, session: Session): string {
  const words = [
    ...(info.pid === session.sid ? ['session leader'] : []),
    ...(info.state in states ? [states[info.state] ?? ''] : []),
    ...(info.tty === null && session.tty !== null ? ['without the terminal'] : []),
    ...(session.leader !== null && info.uid !== session.leader.uid ? [userName(info.uid)] : []),
  ]
  const text = `${info.pid} ${printable(info.command)}`
  return words.length > 0 ? `${text}  ${words.join(', ')}` : text
}
