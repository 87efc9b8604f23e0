// What there is on this machine of a kind, for the completion: a word a line, and behind a tab what it stands for.
import type { ProcessInfo } from '../../inspect/types.ts'
import { fit, printable, shortTty } from '../picture.ts'
import { readSessions } from '../sessions.ts'
import { commandLine } from '../rows.ts'
import type { LookedUp } from './words.ts'

/** Longer descriptions leave no room for a second column. */
const ROOM = 60

export async function listValues(kind: LookedUp): Promise<string> {
  const sessions = await readSessions()
  const rows = new Map<string, string>()
  const add = (word: string | number, info: ProcessInfo | null, other = '') =>
    rows.set(String(word), info === null ? other : fit(printable(commandLine(info)), ROOM))
  for (const { sid, tty, leader, groups } of sessions) {
    if (kind === 'session' && sid !== 0) add(sid, leader, 'its leader is gone')
    if (kind === 'tty' && tty !== null) add(shortTty(tty), leader)
    for (const { pgid, leader: first, members } of groups) {
      if (kind === 'group' && pgid !== 0) add(pgid, first ?? members[0] ?? null)
      if (kind === 'pid') for (const info of members) add(info.pid, info)
    }
  }
  return [...rows].map(([word, text]) => `${word}\t${text}`).join('\n')
}
