// What `sess stop` and `sess kill` share: the options of a stop, and what became of it.
import { canEnd, signalName, signals } from '../base/signals.ts'
import { type Arguments, count, type Options, text, UsageError } from './options.ts'
import { json } from './picture.ts'
import { nearest, survivorInWords } from './words.ts'
import type { StopOptions, StopResult } from '../stop/types.ts'

export const stopOptions = {
  signal: { type: 'string' },
  grace: { type: 'string' },
  'no-kill': { type: 'boolean' },
  json: { type: 'boolean' },
} as const satisfies Options

export const stopHelp = `  --signal NAME   the first signal; default SIGTERM
  --grace MS      from the first signal to SIGKILL; default 5000
  --no-kill       no SIGKILL`

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
