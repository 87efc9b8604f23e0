import { listProcessesSync } from '../../inspect/list.ts'
import { processInfo } from '../../inspect/process.ts'
import { stopGroup, stopSession } from '../../stop/stop.ts'
import { type Many, nameMany, refuseProcess, visible } from '../many.ts'
import { type Arguments, type Command, ExitError, parsePid, UsageError } from '../options.ts'
import { aligned, fit, json, named, paint, printable, userName } from '../picture.ts'
import { withProgress } from '../progress.ts'
import { stopOptionsOf, tellStopped } from '../stopping.ts'
import { whyLeft } from '../words.ts'
import type { ProcessInfo } from '../../inspect/types.ts'
import type { StopOptions, StopResult } from '../../stop/types.ts'

export const kill: Command = {
  async run({ values, positionals }) {
    const [word] = positionals
    if (word === undefined || positionals.length > 1) throw new UsageError('kill takes one ID')
    const session = values['session'] === true
    const target = nameMany(parsePid(word, session ? 'session' : 'process group'), session)
    const options = { ...stopOptionsOf(values), allowSelf: values['force'] === true }
    const refusal = values['force'] === true ? undefined : refuse(target)
    refuseProcess(target)
    const members = target.members()
    if (values['dry-run'] === true) return tellPlan(target, members, values, options, refusal)
    if (refusal !== undefined) throw new ExitError(refusal, 1)
    if (process.stderr.isTTY && members.length > 0) {
      const count = members.length === 1 ? '1 process' : `${members.length} processes`
      console.error(`${count} of ${target.title}: ${signalsOf(options)}`)
    }
    const stopAll = target.session ? stopSession : stopGroup
    const result = await withProgress(target.members, () => stopAll(target.id, options))
    return tellEnds(result, members, values)
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

type Row = [process: Pick<ProcessInfo, 'pid'> & Partial<ProcessInfo>, last: string]

const numeric = new Set([0])

function table(head: string, rows: Row[]): string {
  const cells = rows.map(([{ pid, uid, command }, last]) => [
    ...[String(pid), uid === undefined ? '-' : userName(uid)],
    ...[command === undefined ? '-' : fit(printable(command), 24), last],
  ])
  const [first = '', ...lines] = aligned(['PID', 'USER', 'COMMAND', head], cells, numeric)
  return [paint('bold', first), ...lines].join('\n')
}

/** The signals, each with its time. */
function signalsOf({ killSignal = 'SIGTERM', grace = 5000, escalate }: StopOptions): string {
  const second = escalate === false || killSignal === 'SIGKILL'
  return second ? String(killSignal) : `${killSignal}, after ${grace / 1000} s SIGKILL`
}

function tellPlan(
  { id, session, title }: Many,
  members: ProcessInfo[],
  values: Arguments['values'],
  options: StopOptions,
  refusal: string | undefined,
): string {
  const { killSignal: signal = 'SIGTERM', grace = 5000, escalate = 'SIGKILL' } = options
  if (refusal !== undefined) process.exitCode = 1
  if (values['json'] === true) {
    return json({ id, session, signal, grace, escalate, members, refused: refusal ?? null })
  }
  const signals = signalsOf(options)
  const lines =
    members.length > 0
      ? table(
          'SIGNALS',
          members.map((info) => [info, signals]),
        )
      : `no process is in ${title}`
  return refusal === undefined ? lines : `${lines}\nrefused: ${refusal}`
}

/** What became of each. `before`: who was there, by pid. */
function tellEnds(result: StopResult, before: ProcessInfo[], values: Arguments['values']): string {
  const { outcome, signalled, survivors, hidden, escalated, elapsed } = result
  const told = tellStopped(result, values)
  if (values['json'] === true || outcome === 'already-gone' || outcome === 'stale') return told
  const all = new Map<number, Row>(signalled.map((pid) => [pid, [{ pid }, 'ended']]))
  for (const info of before) {
    all.set(info.pid, [info, all.has(info.pid) ? 'ended' : 'had ended before its signal'])
  }
  for (const survivor of survivors) all.set(survivor.pid, [survivor, `left: ${whyLeft(survivor)}`])
  const rows = [...all.values()].sort(([a], [b]) => a.pid - b.pid)
  const unseen = hidden ? ', and some that /proc does not show to this user' : ''
  const end = outcome === 'gone' ? 'all gone' : `${survivors.length} left${unseen}`
  const by = escalated ? ', SIGKILL was needed' : ''
  return `${table('RESULT', rows)}\n${end} after ${(elapsed / 1000).toFixed(1)} s${by}`
}
