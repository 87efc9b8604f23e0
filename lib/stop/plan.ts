import { abortSignal, boolean, checkOptions, ms, signalNumber } from '../base/check.ts'
import { invalidArgValue, outOfRange } from '../base/errors.ts'
import { canEnd, MAX_SIGNAL, signals } from '../base/signals.ts'
import type { StopOptions, StopPlan } from './types.ts'

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
