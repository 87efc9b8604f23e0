import type { Options, Page } from './pages/page.ts'
import { nearest } from './words.ts'

export interface Arguments {
  values: Record<string, string | boolean | undefined>
  positionals: string[]
  /** The limit and the ignored signals that `sess` was started with: src/launcher/run/state.c. */
  startedWith?: string | undefined
  /** The descriptors above 2 that `sess run` was started with: src/launcher/run/front.c. */
  descriptors?: number[]
}

/** What a command of `sess` does, and what it prints. */
export interface Command {
  run(args: Arguments): Promise<string>
}

/** Wrong words on the command line: exit code 2. */
export class UsageError extends Error {}

/** A failure that has an exit code of its own. */
export class ExitError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.exitCode = exitCode
  }
}

/**
 * Options end at the first operand (POSIX XBD 12.2), so that what follows CMD is CMD's. Where no
 * CMD can follow, an option that comes later can be nothing else, and is taken for what it is.
 */
export function parseArguments(
  words: string[],
  { options, takesCommand }: Pick<Page, 'options' | 'takesCommand'>,
): Arguments {
  const values: Arguments['values'] = {}
  const positionals: string[] = []
  const rest = [...words]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') return { values, positionals: [...positionals, ...rest] }
    if (!word.startsWith('-') || word === '-') {
      positionals.push(word)
      if (takesCommand === true) return { values, positionals: [...positionals, ...rest] }
    } else if (word.startsWith('--')) {
      const [name = '', value] = splitOnce(word.slice(2))
      takeOption(`--${name}`, name, value)
    } else takeLetters(word)
  }
  return { values, positionals }

  function takeOption(written: string, name: string, value: string | undefined): void {
    const option = Object.hasOwn(options, name) ? options[name] : undefined
    if (option === undefined) {
      throw new UsageError(
        `unknown option '${written}'${nearest(name, Object.keys(options), '--')}`,
      )
    }
    if (option.value === undefined) {
      if (value !== undefined) throw new UsageError(`${written} takes no value`)
      values[name] = true
    } else {
      const given = value ?? rest.shift()
      if (given === undefined || given === '')
        throw new UsageError(`${written} needs a value: ${option.value}`)
      values[name] = given
    }
  }

  /** `-aj` is two options, `-tpts/3` is one with its value. */
  function takeLetters(word: string): void {
    for (let at = 1; at < word.length; at++) {
      const letter = word.charAt(at)
      const [name] = Object.entries(options).find(([, { short }]) => short === letter) ?? []
      if (name === undefined) throw unknownLetter(word, letter, options)
      const value = word.slice(at + 1)
      if (options[name]?.value !== undefined) {
        takeOption(`-${letter}`, name, value === '' ? undefined : value)
        return
      }
      takeOption(`-${letter}`, name, undefined)
    }
  }
}

/** `-json` was probably meant as `--json`, and `-9` as kill(1) has it. */
function unknownLetter(word: string, letter: string, options: Options): UsageError {
  if ('signal' in options && /^-(\d+|[A-Z]{2,})$/.test(word)) {
    const meant = `--signal ${word.slice(1)}`
    return new UsageError(`unknown option '${word}'; did you mean '${meant}'?`)
  }
  const meant = nearest(word.slice(1), Object.keys(options), '--')
  return word.length > 2 && meant !== ''
    ? new UsageError(`unknown option '${word}'${meant}`)
    : new UsageError(`unknown option '-${letter}'`)
}

function splitOnce(text: string): string[] {
  const at = text.indexOf('=')
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

/** The value of an option that takes one. */
export function text(values: Arguments['values'], name: string): string | undefined {
  const value = values[name]
  return typeof value === 'string' ? value : undefined
}

/** The value of an option that takes a number from `least` to `most`. */
export function count(
  values: Arguments['values'],
  name: string,
  least = 0,
  most = 2 ** 31 - 1,
): number | undefined {
  const value = text(values, name)
  if (value === undefined) return undefined
  const number = Number(value)
  if (/^\d{1,10}$/.test(value) && number >= least && number <= most) return number
  const range =
    most < 2 ** 31 - 1 ? ` from ${least} to ${most}` : least > 0 ? ` from ${least} up` : ''
  throw new UsageError(`--${name} takes a number${range}, not '${value}'`)
}

/** The value of an option that takes seconds, or parts of one. */
export function seconds(values: Arguments['values'], name: string): number | undefined {
  const value = text(values, name)
  if (value === undefined) return undefined
  const number = Number(value)
  // Node's timers take no more milliseconds than 2^31 - 1.
  if (/^\d+(\.\d+)?$/.test(value) && number > 0 && number < 2_000_000) return number
  throw new UsageError(`--${name} takes seconds, more than 0 and up to 2000000, not '${value}'`)
}

export function parsePid(text: string, kind = 'process'): number {
  const pid = Number(text)
  if (!/^[0-9]+$/.test(text) || pid < 1 || pid > 2 ** 31 - 1) {
    throw new UsageError(`'${text}' is not a ${kind} ID`)
  }
  return pid
}
