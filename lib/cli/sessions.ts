// Which sessions `sess ls` and `sess tree` show.
import { listSessions } from '../inspect/sessions.ts'
import { type Arguments, type Options, parsePid, text, UsageError } from './options.ts'
import type { ProcessInfo, Session } from '../inspect/types.ts'

export const filterOptions: Options = {
  tty: { type: 'string', short: 't' },
  user: { type: 'string', short: 'u' },
  pid: { type: 'string', short: 'p' },
  all: { type: 'boolean', short: 'a' },
  json: { type: 'boolean' },
}

export const filterHelp = `  -t, --tty TTY     sessions on this terminal: pts/3 or /dev/pts/3
  -u, --user USER   sessions with a process of this user, by name or number
  -p, --pid PID     the session of this process
  -a, --all         kernel threads too
      --json        as data`

/** A kernel thread is a child of kthreadd, pid 2; in a container both are out of sight. */
const isKernel = ({ pid, ppid, sid }: ProcessInfo) => sid === 0 && (pid === 2 || ppid === 2)

/** Those that match the options, of all or of `candidates`. */
export async function chooseSessions(
  { values }: Pick<Arguments, 'values'>,
  candidates?: Session[],
): Promise<Session[]> {
  const [tty, user, pid] = [text(values, 'tty'), text(values, 'user'), text(values, 'pid')]
  const path = tty?.replace(/^(?!\/)/, '/dev/')
  const uid = user === undefined ? undefined : await userId(user)
  const process = pid === undefined ? undefined : parsePid(pid)
  const matches = (info: ProcessInfo) =>
    (path === undefined || info.tty === path) &&
    (uid === undefined || info.uid === uid) &&
    (process === undefined || info.pid === process)

  const sessions = candidates ?? (await listSessions())
  const shown = values['all'] === true ? sessions : sessions.map(withoutKernel)
  return shown.filter(({ groups }) => groups.some(({ members }) => members.some(matches)))
}

function withoutKernel(session: Session): Session {
  if (session.sid !== 0) return session
  const groups = session.groups.map((group) => ({
    ...group,
    members: group.members.filter((info) => !isKernel(info)),
  }))
  return { ...session, groups: groups.filter(({ members }) => members.length > 0) }
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
