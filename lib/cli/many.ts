// A process group or a session as `sess kill` and `sess wait` speak of it.
import { listProcessesSync } from '../inspect/list.ts'
import { isDead, look } from '../inspect/process.ts'
import type { ProcessInfo } from '../inspect/types.ts'
import { ExitError } from './options.ts'
import { named } from './picture.ts'

export interface Many {
  id: number
  session: boolean
  /** `process group 812` */
  title: string
  contains: (info: ProcessInfo) => boolean
  /** The live ones, without ourselves. */
  members: () => ProcessInfo[]
}

export function nameMany(id: number, session: boolean): Many {
  const title = `${session ? 'session' : 'process group'} ${id}`
  if (id === 1) throw new ExitError(`${title} is that of the system's first process`, 1)
  const filter = session ? { sid: id } : { pgid: id }
  return {
    id,
    session,
    title,
    contains: (info) => (session ? info.sid : info.pgid) === id,
    members: () =>
      listProcessesSync(filter).filter((info) => info.pid !== process.pid && !isDead(info)),
  }
}

/** A process, as far as /proc shows it. */
export function visible(pid: number): ProcessInfo | undefined {
  const info = look(pid)
  return info === 'hidden' ? undefined : info
}

/** Refuses the number of a process that is no group's or session's. */
export function refuseProcess({ id, session, title, members }: Many): void {
  const info = members().length === 0 ? visible(id) : undefined
  if (info === undefined || isDead(info)) return
  const place = session ? `session ${info.sid}` : `process group ${info.pgid}`
  throw new ExitError(`there is no ${title}: ${named(info)} is in ${place}`, 1)
}
