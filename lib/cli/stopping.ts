// What `sess stop`, `restart` and `kill` share: the options of a stop, and what became of it.
import { canEnd, signalName, signals } from '../base/signals.ts'
import { daemonStatus } from '../daemon/status.ts'
import { stopDaemon } from '../daemon/stop.ts'
import { listProcessesSync } from '../inspect/list.ts'
import { type Arguments, count, text, UsageError } from './options.ts'
import { json } from './picture.ts'
import { withProgress } from './progress.ts'
import { nearest, survivorInWords } from './words.ts'
import type { StopOptions, StopResult } from '../stop/types.ts'

function signalOf(values: Arguments['values']): NodeJS.Signals | undefined {
  const given = text(values, 'signal')
  if (given === undefined) return undefined
  const names = Object.keys(signals) as NodeJS.Signals[]
  const wanted = given.toUpperCase().replace(/^(?!SIG)/, 'SIG')
  const name = /^\d+$/.test(given)
    ? signalName(Number(given))
    : names.find((signal) => signal === wanted)
  if (name === undefined) {
    throw new UsageError(`there is no signal '${given}'${nearest(wanted, names)}`)
  }
  if (!canEnd(signals[name])) throw new UsageError(`${name} ends no process`)
  return name
}

export const stopOptionsOf = (values: Arguments['values']): StopOptions => ({
  killSignal: signalOf(values),
  grace: count(values, 'grace'),
  escalate: values['no-kill'] === true ? false : undefined,
})

/** Stops the daemon of a pidfile. */
export async function endDaemon(path: string, options: StopOptions): Promise<StopResult> {
  const { identity } = await daemonStatus(path)
  const left = () => (identity === null ? [] : listProcessesSync({ sid: identity.pid }))
  return withProgress(left, () => stopDaemon(path, options))
}

/** What became of it, and exit code 1 where a process is left. */
export function tellStopped(result: StopResult, values: Arguments['values']): string {
  const { outcome, survivors, signalled, escalated, hidden } = result
  if (outcome === 'survivors') process.exitCode = 1
  if (values['json'] === true) return json(result)
  if (outcome === 'survivors') {
    const unseen = hidden ? ['some are left that /proc does not show to this user'] : []
    return [...survivors.map(survivorInWords), ...unseen].join('\n')
  }
  if (outcome === 'gone') {
    return `stopped ${signalled.join(', ')}${escalated ? ', by the second signal' : ''}`
  }
  return 'not running'
}

/** The same of a daemon: exit code 4 where a process is left that this user may not signal. */
export function tellEnded(result: StopResult, values: Arguments['values']): string {
  const told = tellStopped(result, values)
  if (result.survivors.some(({ reason }) => reason === 'EPERM')) process.exitCode = 4
  return told
}
