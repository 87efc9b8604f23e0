import { abortSignal, boolean, checkOptions, ms, signalNumber } from '../base/check.ts'
import { invalidArgValue, outOfRange } from '../base/errors.ts'
import { canEnd, MAX_SIGNAL, signals } from '../base/signals.ts'

export interface StopOptions {
  /** The first signal. SIGCONT follows it, so that what is stopped can act on it. Default: `'SIGTERM'`. */
  killSignal?: NodeJS.Signals | number | undefined
  /** Milliseconds from the first signal to the second. Default: 5000. */
  grace?: number | undefined
  /** The second signal, or `false` for none. Default: `'SIGKILL'`. */
  escalate?: NodeJS.Signals | number | false | undefined
  /** Ends the wait with an `AbortError`. What was signalled stays so. */
  signal?: AbortSignal | undefined
  /** Allow our own group or session. The caller itself is left out all the same. Default: false. */
  allowSelf?: boolean | undefined
}

/** The options of a stop, checked, with their defaults. */
export interface StopPlan {
  killSignal: number
  grace: number
  escalate: number | false
  signal: AbortSignal | undefined
  allowSelf: boolean
}

/** @internal */
export function checkStopOptions(options: StopOptions): StopPlan {
  const {
    killSignal = signals.SIGTERM,
    grace = 5000,
    escalate = signals.SIGKILL,
    signal,
    allowSelf = false,
  } = checkOptions(options, {
    killSignal: endingSignal,
    grace: ms(0),
    escalate: (value, name) => (value === false ? (false as const) : endingSignal(value, name)),
    signal: abortSignal,
    allowSelf: boolean,
  })
  return { killSignal, grace, escalate, signal, allowSelf }
}

function endingSignal(value: unknown, name: string): number {
  const number = signalNumber(value, name)
  if (number < 1 || number > MAX_SIGNAL) throw outOfRange(name, `>= 1 && <= ${MAX_SIGNAL}`, number)
  if (!canEnd(number)) throw invalidArgValue(name, value, 'must be a signal that can end a process')
  return number
}
