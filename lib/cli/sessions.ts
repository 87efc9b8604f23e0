// Which sessions `sess ls`, `tree` and `watch` show.
import { look } from '../inspect/process.ts'
import { inspectSession, sessionsOf } from '../inspect/sessions.ts'
import { type Arguments, ExitError, parsePid, text, UsageError } from './options.ts'
import type { ProcessFilter, ProcessInfo, Session } from '../inspect/types.ts'

/** A kernel thread is a child of kthreadd, pid 2; in a container both are out of sight. */
const isKernel = ({ pid, ppid, sid }: ProcessInfo) => sid === 0 && (pid === 2 || ppid === 2)

/** The sessions of all processes, or of those that match, with command lines; without sess itself. */
export async function readSessions(filter: ProcessFilter = {}, kernel = false): Promise<Session[]> {
  const sessions = await sessionsOf(filter, { args: true }, 'listSessions')
  return without(sessions, (info) => info.pid === process.pid || (!kernel && isKernel(info)))
}

function without(sessions: Session[], isLeftOut: (info: ProcessInfo) => boolean): Session[] {
  const rest = sessions.map((session) => ({
    ...session,
    groups: session.groups
      .map((group) => ({ ...group, members: group.members.filter((info) => !isLeftOut(info)) }))
      .filter(({ members }) => members.length > 0),
  }))
  return rest.filter(({ groups }) => groups.length > 0)
}

/** Reads the sessions that match the options; of one word, the session of that number. */
export type Choice = () => Promise<Session[]>

export async function chooseSessions({ values, positionals }: Arguments): Promise<Choice> {
  const [tty, user, pid] = [text(values, 'tty'), text(values, 'user'), text(values, 'pid')]
  const path = tty?.replace(/^(?!\/)/, '/dev/')
  const uid = user === undefined ? undefined : await userId(user)
  const process = pid === undefined ? undefined : parsePid(pid)
  if (process !== undefined && look(process) === undefined) {
    throw new ExitError(`there is no process ${process}`, 1)
  }
  const [word] = positionals
  const sid = word === undefined ? undefined : word === '0' ? 0 : parsePid(word, 'session')
  const matches = (info: ProcessInfo) =>
    (path === undefined || info.tty === path) &&
    (uid === undefined || info.uid === uid) &&
    (process === undefined || info.pid === process)

  return async () => {
    if (sid !== undefined && inspectSession(sid, { throwIfNoEntry: false }) === undefined) {
      throw new ExitError(`there is no session ${sid}`, 1)
    }
    const sessions = await readSessions(sid === undefined ? {} : { sid }, values['all'] === true)
    return sessions.filter(({ groups }) => groups.some(({ members }) => members.some(matches)))
  }
}

async function userId(user: string): Promise<number> {
  if (/^[0-9]+$/.test(user)) return Number(user)
  const { execFileSync } = await import('node:child_process')
  try {
    // The system's own look-up: users may come from elsewhere than /etc/passwd.
    return Number(execFileSync('id', ['-u', '--', user], { stdio: ['ignore', 'pipe', 'ignore'] }))
  } catch {
    throw new UsageError(`there is no user '${user}'`)
  }
}
