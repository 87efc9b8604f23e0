import { constants } from 'node:os'

/** The numbers of this platform's signals by name. */
export const { signals } = constants

/** undefined for a name that no signal here has. */
export const numberOfSignal = (name: string): number | undefined =>
  Object.hasOwn(signals, name) ? signals[name as NodeJS.Signals] : undefined

/** The largest number of a signal. */
export const MAX_SIGNAL = process.platform === 'linux' ? 64 : 31

/** undefined for a number that has no name, such as that of a real-time signal. */
export function signalName(number: number): NodeJS.Signals | undefined {
  const names = Object.keys(signals) as NodeJS.Signals[]
  return names.find((name) => signals[name] === number)
}

/** Signals that end no process, whatever it does with them (signal(7)). */
const harmless: readonly NodeJS.Signals[] = [
  'SIGCONT',
  'SIGCHLD',
  'SIGURG',
  'SIGWINCH',
  'SIGSTOP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
]

export const canEnd = (number: number): boolean =>
  !harmless.some((name) => signals[name] === number)
