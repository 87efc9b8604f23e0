// The words of src/launcher/PROTOCOL.md as data. src/launcher/protocol.h has the same rows in the same order, and
// test/protocol/ compares both.

/** It changes whenever a word, a value or an answer changes. */
export const PROTOCOL_VERSION = 5

/** The longest message: a word and a path. */
export const PROTOCOL_MESSAGE = 4200

const INT_MAX = 2 ** 31 - 1
const INT_MIN = -(2 ** 31)

/** How many numbers follow a word, and the least and the most of each; -1 is a text, with its least and most bytes. */
export type Row = readonly [values: number, least: number, most: number]

/** The program to the launcher, one message each. */
export const programWords = {
  hello: [1, 1, INT_MAX],
  pidfile: [-1, 2, 4096],
  detached: [1, 0, INT_MAX],
  ready: [1, 0, 255],
} as const satisfies Record<string, Row>

/** The launcher's answers to the program. */
export const answerWords = {
  welcome: [2, 0, INT_MAX],
  refused: [1, 1, INT_MAX],
  bad: [0, 0, 0],
} as const satisfies Record<string, Row>

/** The launcher to Node, one line each. Clock ticks are exact up to 2^53, 2.8 million years. */
export const reportWords = {
  started: [2, 0, Infinity],
  left: [1, 1, INT_MAX],
  ready: [0, 0, 0],
  exit: [1, 0, 255],
  signal: [1, 1, 64],
  timeout: [0, 0, 0],
  cancelled: [1, 1, 64],
  exec: [1, 1, 4095],
  failed: [1, 1, 4095],
} as const satisfies Record<string, Row>

/** Node to the launcher's exec part, as WORD=VALUE[,VALUE…]. */
export const stepWords = {
  status: [1, 0, INT_MAX],
  contain: [3, 0, INT_MAX],
  session: [0, 0, 0],
  death: [3, 0, INT_MAX],
  group: [1, INT_MIN, INT_MAX],
  steal: [1, 0, INT_MAX],
  terminal: [1, 0, INT_MAX],
  foreground: [2, -1, INT_MAX],
  umask: [1, 0, 0o777],
  ignore: [1, 1, 64],
} as const satisfies Record<string, Row>

/** The supervisor of a contained child to Node, one line each. */
export const supervisorWords = {
  began: [5, 0, Infinity],
  stopped: [1, 1, 64],
  continued: [0, 0, 0],
  sent: [1, 1, INT_MAX],
  denied: [1, 1, INT_MAX],
  looked: [0, 0, 0],
  empty: [0, 0, 0],
} as const satisfies Record<string, Row>

/** Node to the supervisor, one line each. */
export const containWords = {
  held: [0, 0, 0],
  signal: [1, 1, 64],
  kill: [0, 0, 0],
  look: [0, 0, 0],
  rest: [0, 0, 0],
} as const satisfies Record<string, Row>

/** Node to the launcher's launch part, as --WORD=VALUE. */
export const launchOptions = {
  protocol: [1, 0, INT_MAX],
  mark: [-1, 1, INT_MAX],
  name: [-1, 0, INT_MAX],
  report: [1, 3, INT_MAX],
  ready: [-1, 1, INT_MAX],
  timeout: [1, 0, INT_MAX],
  grace: [1, 0, INT_MAX],
  cred: [-1, 3, INT_MAX],
  umask: [1, 0, 0o777],
  keep: [1, 3, INT_MAX],
} as const satisfies Record<string, Row>

/** The value of `--ready`, as WORD or WORD:VALUE. */
export const wayWords = {
  up: [1, 0, INT_MAX],
  fd: [1, 0, INT_MAX],
  notify: [0, 0, 0],
} as const satisfies Record<string, Row>

type Value = string | number

/** A word with its values, as the launcher reads it. */
const encode =
  <Words extends Record<string, Row>>(_: Words, before: string, separator: string) =>
  (word: keyof Words & string, ...values: readonly Value[]): string =>
    `${before}${word}${values.length > 0 ? separator : ''}${values.join()}`

export const encodeMessage = encode(programWords, '', ' ')
export const encodeStep = encode(stepWords, '', '=')
export const encodeContain = encode(containWords, '', ' ')
export const encodeOption = encode(launchOptions, '--', '=')
export const encodeWay = encode(wayWords, '', ':')

/** A word and its numbers. */
export interface Message<Words> {
  word: keyof Words
  values: number[]
}

/** Reads a message or a line of the launcher; undefined if its row doesn't allow it. */
export function decode<Words extends Record<string, Row>>(
  words: Words,
  text: string,
): Message<Words> | undefined {
  const [word = '', ...rest] = text.split(' ')
  const row = Object.hasOwn(words, word) ? words[word] : undefined
  if (row === undefined) return undefined
  const [count, least, most] = row
  const values = rest.map(Number)
  const fits = (value: number, i: number) =>
    /^-?\d+$/.test(rest[i] ?? '') && value >= least && value <= most
  return values.length === count && values.every(fits) ? { word, values } : undefined
}
