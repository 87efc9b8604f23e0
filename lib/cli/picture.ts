// How the pictures of `sess` look: colour and width where there is a terminal, plain text elsewhere.
import { readFileSync } from 'node:fs'
import { styleText } from 'node:util'
import { eastAsianWidth } from 'get-east-asian-width'
import type { ProcessInfo } from '../inspect/types.ts'

type Style = Parameters<typeof styleText>[0]

const out = process.stdout
const coloured = out.isTTY && out.hasColors()

export const paint = (style: Style, text: string): string =>
  coloured && text !== '' ? styleText(style, text) : text

/** Columns of the terminal; where it has not said them, lines may be as long as they like. */
export const width = out.isTTY && out.columns > 0 ? out.columns : Infinity

// What a terminal draws over the character before: marks, and the vowels and finals of a Hangul syllable. It counts
// character by character, as wcwidth(3) does: where a newer terminal joins several to one, a line is a little shorter.
const joined = /^[\p{Mn}\p{Me}\u1160-\u11ff\ud7b0-\ud7ff]$/u
const ascii = /^[ -~]*$/

/** How many columns of a terminal `text` takes. */
export function columns(text: string): number {
  if (ascii.test(text)) return text.length
  let count = 0
  for (const character of text) {
    if (!joined.test(character)) count += eastAsianWidth(character.codePointAt(0) ?? 0)
  }
  return count
}

/** `text` in at most `room` columns. */
export function fit(text: string, room: number): string {
  if (columns(text) <= room) return text
  let kept = ''
  let used = 1 // by the ellipsis
  for (const character of text) {
    used += columns(character)
    if (used > room) break
    kept += character
  }
  return `${kept}…`
}

/** `text` with blanks to the right, up to `room` columns. */
export const pad = (text: string, room: number): string =>
  text + ' '.repeat(Math.max(room - columns(text), 0))

/** A paragraph in lines of at most `room` columns, broken between words; from the second on with `less` columns. */
export function wrap(text: string, room: number, less = 0): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const most = lines.length === 0 ? room : room - less
    if (line !== '' && columns(line) + 1 + columns(word) > most) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

/** The lines of a table, its head first, none longer than the terminal is wide. Numbers stand to the right. */
export function aligned(head: string[], rows: string[][], numeric: ReadonlySet<number>): string[] {
  const widths = head.map((name, i) =>
    Math.max(name.length, ...rows.map((row) => columns(row[i] ?? ''))),
  )
  return [head, ...rows].map((row) => {
    const cells = row.map((cell, i) =>
      numeric.has(i) ? cell.padStart(widths[i] ?? 0) : pad(cell, widths[i] ?? 0),
    )
    return fit(cells.join('  ').trimEnd(), width)
  })
}

/** What would move the cursor, change its colour or turn the writing round. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** A name that a process gave itself, harmless to a terminal. */
export const printable = (name: string): string =>
  name.replace(unprintable, (character) =>
    character === '\n' ? '\\n' : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )

/** Data that is harmless to a terminal: plain JSON lets U+009B through, which starts an escape sequence too. */
export const json = (value: unknown): string =>
  JSON.stringify(value).replace(unprintable, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  )

export const named = ({ command, pid }: ProcessInfo): string => `${printable(command)} (${pid})`

export const shortTty = (tty: string | null): string => tty?.replace(/^\/dev\//, '') ?? '-'

let users: Map<number, string> | undefined

/** The name of a user, or the number. */
export function userName(uid: number): string {
  users ??= readUsers()
  return users.get(uid) ?? String(uid)
}

function readUsers(): Map<number, string> {
  try {
    const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
    const fields = lines.filter((line) => line !== '').map((line) => line.split(':'))
    return new Map(fields.map(([name = '', , uid = '']) => [Number(uid), name]))
  } catch {
    return new Map()
  }
}
