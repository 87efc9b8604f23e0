// What the pictures say of a process: its command line, and figures that take few columns.
import { printable } from './picture.ts'
import type { ProcessGroup, ProcessInfo, Session } from '../inspect/types.ts'

/**
 * The whole command line, what has blanks in it in quotes; where there is none to be read, the name in brackets, as ps
 * has it. A program that has written a title over its arguments (setproctitle) shows as one, and zeros behind it.
 */
export function commandLine({ args, command }: ProcessInfo): string {
  if (args == null) return `[${command}]`
  const [title = '', ...rest] = args
  if (rest.every((arg) => arg === '')) return title.trimEnd()
  return args.map((arg) => (/^$|[\s'"]/.test(arg) ? quoted(arg) : arg)).join(' ')
}

/** The name of the leader, or why there is none. */
export function leaderName({ sid, leader }: Session): string {
  if (leader !== null) return printable(leader.command)
  return sid === 0 ? '(out of sight)' : '(leader gone)'
}

/** As a shell would take it, and easy to read where that can be. */
function quoted(arg: string): string {
  if (arg.includes("'") && !/["$`\\!]/.test(arg)) return `"${arg}"`
  return `'${arg.replaceAll("'", `'\\''`)}'`
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const two = (number: number) => String(number).padStart(2, '0')

/** `3.2s`, `4m10s`, `2h05m`, `12d03h`: at most six columns for 99 days. */
export function duration(ms: number): string {
  if (Number.isNaN(ms)) return '-'
  if (ms < 0) return '0s'
  if (ms < 10 * SECOND) return `${(Math.floor(ms / 100) / 10).toFixed(1)}s`
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)}s`
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}m${two(Math.floor((ms % MINUTE) / SECOND))}s`
  if (ms < DAY) return `${Math.floor(ms / HOUR)}h${two(Math.floor((ms % HOUR) / MINUTE))}m`
  return `${Math.floor(ms / DAY)}d${two(Math.floor((ms % DAY) / HOUR))}h`
}

const units = ['B', 'K', 'M', 'G', 'T', 'P']

/** `812K`, `4.2M`, `1.3G`: at most five columns. None is a dash: a zombie, a kernel thread. */
export function bytes(count: number): string {
  if (!(count > 0)) return '-'
  let value = count
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${value < 9.95 && unit > 0 ? value.toFixed(1) : Math.round(value)}${units[unit]}`
}

/** A time of this day, or a day with its time, where the user is. */
export function localTime(date: Date, now = new Date()): string {
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`
  if (date.toDateString() === now.toDateString()) return time
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`
}

export const membersOf = ({ groups }: Session): ProcessInfo[] =>
  groups.flatMap(({ members }) => members)

/** A sum, of what is known. */
export const sum = (numbers: number[]): number =>
  numbers.reduce((total, number) => total + (Number.isNaN(number) ? 0 : number), 0)

export const isStopped = ({ members }: ProcessGroup): boolean =>
  members.some(({ state }) => state === 'T')

/** Orphaned, and not for the plain reason that its leader leads the session. */
export const isLeftAlone = ({ orphaned, pgid, sid }: ProcessGroup): boolean =>
  orphaned && sid !== 0 && pgid !== sid
