// The picture of `sess tree` and `sess watch`: sessions, their groups, their members.
import { columns, fit, paint, printable, userName } from './picture.ts'
import {
  bytes,
  commandLine,
  duration,
  isLeftAlone,
  isStopped,
  leaderName,
  localTime,
  membersOf,
} from './rows.ts'
import type { ProcessGroup, ProcessInfo, Session } from '../inspect/types.ts'

/** What one column says of a process. */
export interface Figure {
  head: string
  of: (info: ProcessInfo) => string
}

export const figures = (now: number): Figure[] => [
  { head: 'AGE', of: ({ startedAt }) => duration(now - startedAt.getTime()) },
  { head: 'CPU', of: ({ cpuTime }) => duration(cpuTime) },
  { head: 'MEM', of: ({ memory }) => bytes(memory) },
]

/** The lines of a picture, none longer than `width`; the first is the head of the columns. */
export function drawForest(sessions: Session[], shown: Figure[], width: number): string[] {
  const all = sessions.flatMap(membersOf)
  if (all.length === 0) return []
  const wanted: Figure[] = [{ head: 'PID', of: ({ pid }) => String(pid) }, ...shown]
  const rows = new Map(all.map((info) => [info.pid, wanted.map(({ of }) => of(info))]))
  const widths = wanted.map(({ head }, i) =>
    Math.max(head.length, ...Array.from(rows.values(), (cells) => cells[i]?.length ?? 0)),
  )
  const cells = (texts: string[]) =>
    texts.map((text, i) => text.padStart(widths[i] ?? 0)).join('  ')
  const head = `      ${cells(wanted.map(({ head }) => head))}  COMMAND`
  const row = ({ pid }: ProcessInfo) => cells(rows.get(pid) ?? [])
  return [
    paint('bold', fit(head, width)),
    ...sessions.flatMap((session) => drawSession(session, row, width)),
  ]
}

function drawSession(
  session: Session,
  row: (info: ProcessInfo) => string,
  width: number,
): string[] {
  const { sid, tty, leader, groups } = session
  const who = leader === null ? [] : [userName(leader.uid), `since ${localTime(leader.startedAt)}`]
  const title = [`session ${sid}`, leaderName(session), tty ?? 'no terminal', ...who].join('  ')
  return [
    paint('bold', fit(title, width)),
    ...groups.flatMap((group, i) => {
      const last = i === groups.length - 1
      const [branch, rest] = last ? ['└─ ', '   '] : ['├─ ', '│  ']
      const members = group.members.map((info, j) => {
        const begin = `${rest}${j === group.members.length - 1 ? '└─ ' : '├─ '}${row(info)}`
        return withCommand(begin, printable(commandLine(info)), remarks(info, session), width)
      })
      return [drawGroup(group, branch, width), ...members]
    }),
  ]
}

/** The command line gives way, what is said of it stays. */
function withCommand(begin: string, command: string, end: string, width: number): string {
  const behind = end === '' ? '' : `  ${end}`
  const room = width - columns(begin) - 2 - columns(behind)
  return fit(`${begin}  ${fit(command, Math.max(room, LEAST))}${behind}`, width)
}

/** Of a command line, where there is no room. */
const LEAST = 8

function drawGroup(group: ProcessGroup, branch: string, width: number): string {
  const { pgid, leader, foreground } = group
  const words = [
    ...(foreground ? ['foreground'] : []),
    ...(isStopped(group) ? ['stopped'] : []),
    ...(isLeftAlone(group) ? ['orphaned'] : []),
    ...(leader === null && pgid !== 0 ? ['leader gone'] : []),
  ]
  const style = foreground ? 'green' : isStopped(group) ? 'yellow' : 'reset'
  const title = `${branch}group ${pgid}${words.length > 0 ? `  ${words.join(', ')}` : ''}`
  return paint(style, fit(title, width))
}

const states: Record<string, string> = { T: 'stopped', t: 'traced', Z: 'zombie' }

/** What is not as one would think. */
function remarks(info: ProcessInfo, session: Session): string {
  const words = [
    ...(info.pid === session.sid ? ['session leader'] : []),
    ...(info.state in states ? [states[info.state] ?? ''] : []),
    ...(info.tty === null && session.tty !== null ? ['without the terminal'] : []),
    ...(session.leader !== null && info.uid !== session.leader.uid ? [userName(info.uid)] : []),
  ]
  return words.length === 0 ? '' : `(${words.join(', ')})`
}
