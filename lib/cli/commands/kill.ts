import { listProcessesSync } from '../../inspect/list.ts'
import { processInfo } from '../../inspect/process.ts'
import { stopGroup, stopSession } from '../../stop/stop.ts'
import { type Many, nameMany, refuseProcess, visible } from '../many.ts'
import { type Arguments, type Command, ExitError, parsePid, UsageError } from '../options.ts'
import { json, named, printable, userName } from '../picture.ts'
import { withProgress } from '../progress.ts'
import { stopOptionsOf, tellStopped } from '../stopping.ts'
import type { ProcessInfo } from '../../inspect/types.ts'

export const kill: Command = {
  async run({ values, positionals }) {
    const [word] = positionals
    if (word === undefined || positionals.length > 1) throw new UsageError('kill takes one ID')
    const target = nameMany(parsePid(word), values['session'] === true)
    const options = { ...stopOptionsOf(values), allowSelf: values['force'] === true }
    const refusal = values['force'] === true ? undefined : refuse(target)
    refuseProcess(target)
    if (values['dry-run'] === true) {
      return tellMembers(target, values, options.killSignal ?? 'SIGTERM', refusal)
    }
    if (refusal !== undefined) throw new ExitError(refusal, 1)
    const stopAll = target.session ? stopSession : stopGroup
    const result = await withProgress(target.members, () => stopAll(target.id, options))
    return tellStopped(result, values)
  },
}

/**
 * The processes that a slip of the fingers must not end, each with what it is to sess. One process may come several
 * times: the words that tell the user most come last.
 * A process out of our sight (hidepid) is left out: it is another user's, and we could not signal it.
 */
function* dear(): Generator<[ProcessInfo, string]> {
  const own = processInfo()
  const foreground = own.tpgid === null ? [] : listProcessesSync({ pgid: own.tpgid })
  for (const info of foreground) yield [info, 'which is in the foreground of this terminal']
  const leader = own.sid > 1 ? visible(own.sid) : undefined
  if (leader !== undefined) yield [leader, 'which leads the session of sess']
  yield [own, 'which is sess itself']
  const seen = new Set<number>()
  for (
    let info = visible(own.ppid);
    info !== undefined && info.pid > 1;
    info = visible(info.ppid)
  ) {
    // A number that was taken again could lead in a circle.
    if (seen.has(info.pid)) break
    seen.add(info.pid)
    yield [info, 'which sess was started from']
  }
}

function refuse({ title, contains }: Many): string | undefined {
  const found = [...dear()].findLast(([info]) => contains(info))
  if (found === undefined) return undefined
  return `${title} has ${named(found[0])} in it, ${found[1]}; --force ends it all the same`
}

function tellMembers(
  { id, session, title, members }: Many,
  values: Arguments['values'],
  signal: NodeJS.Signals | number,
  refusal: string | undefined,
): string {
  const found = members()
  if (refusal !== undefined) process.exitCode = 1
  if (values['json'] === true) {
    return json({ id, session, signal, members: found, refused: refusal ?? null })
  }
  const lines = found.map(
    ({ pid, command, uid }) => `${signal} to ${pid} ${printable(command)} of ${userName(uid)}`,
  )
  if (found.length === 0) lines.push(`no process is in ${title}`)
  return [...lines, ...(refusal === undefined ? [] : [`refused: ${refusal}`])].join('\n')
}
