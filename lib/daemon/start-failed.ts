import { fstatSync, readSync } from 'node:fs'
import { getSystemErrorMap } from 'node:util'
import { EAGAIN, EMFILE, ENFILE, ENOMEM, EPERM } from '../base/errno.ts'
import { daemonFailed, systemError } from '../base/errors.ts'
import { signalName } from '../base/signals.ts'
import type { Message, reportWords } from '../launcher/protocol.ts'

/** A log, and where it ended before the start. */
export interface Log {
  fd: number
  size: number
}

/** How a failed start ended. */
export interface Failure {
  file: string
  args: readonly string[]
  log: Log | undefined
  /** The launcher's last word; none where it was killed. */
  verdict: Message<typeof reportWords> | undefined
  /** The processes that could not be ended. */
  survivors: number[]
}

const TAIL = 4096
/** The launcher's word for privileges that could be regained. Neither Node nor libuv has this name. */
const ENOTRECOVERABLE = 131

/** No process, no descriptor was left. */
const scarce = new Set([EAGAIN, EMFILE, ENFILE, ENOMEM])

const nameOf = (number: number): string => signalName(number) ?? `signal ${number}`

const killed = ['was stopped: its launcher was killed', {}] as const

type Ended = Exclude<keyof typeof reportWords, 'started' | 'left' | 'ready' | 'exec' | 'failed'>

/** Sentence and facts of each verdict of a program that ran. */
const verdicts: Record<Ended, (value: number) => readonly [string, Record<string, unknown>]> = {
  exit: (code) => [`exited with code ${code} before it was ready`, { exitCode: code }],
  signal: (number) => [
    `was killed by ${nameOf(number)} before it was ready`,
    { signal: nameOf(number) },
  ],
  timeout: () => ['was not ready in time and has been stopped', {}],
  cancelled: () => ['was stopped before it was ready', {}],
}

const isEnded = (word: string): word is Ended => Object.hasOwn(verdicts, word)

export function startFailed({ file, args, log, verdict, survivors }: Failure): Error {
  const { word = '', values = [] } = verdict ?? {}
  const [value = 0] = values
  if (word === 'exec') {
    const error = systemError(-value, `spawn ${file}`)
    return Object.assign(error, { path: file, spawnargs: [...args] })
  }
  if (word === 'failed') {
    if (value === ENOTRECOVERABLE) {
      const text = `${file} could return from the user that it was given`
      return systemError(EPERM, 'launch', { reason: 'privileges-kept', text })
    }
    const reason = 'not-set-up'
    const [, why = 'unknown error'] = getSystemErrorMap().get(-value) ?? []
    const what = scarce.has(-value)
      ? 'could not be started'
      : 'could not be given its session or its user'
    const text = `${file} ${what}: ${why}`
    return systemError(-value, 'launch', { reason, text })
  }
  const [sentence, facts] = isEnded(word) ? verdicts[word](value) : killed
  const stderr = log === undefined ? '' : tail(log)
  const left = survivors.length === 0 ? '' : `; left, as we may not end it: ${survivors.join(', ')}`
  const message = `${file} ${sentence}${left}${stderr && `:\n${stderr}`}`
  const reason = isEnded(word) ? word : 'cancelled'
  return daemonFailed(message, { reason, ...facts, stderr, survivors })
}

/** What was written to the log since the start, at most the last 4 KiB. */
function tail({ fd, size }: Log): string {
  const end = fstatSync(fd).size
  const from = Math.max(size, end - TAIL)
  const bytes = Buffer.alloc(Math.max(0, end - from))
  const read = readSync(fd, bytes, 0, bytes.length, from)
  return bytes.toString('utf8', 0, read).trimEnd()
}
