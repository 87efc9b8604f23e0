// How the pictures of `sess` look: colour and width where there is a terminal, plain text elsewhere.
import { readFileSync } from 'node:fs'
import { styleText } from 'node:util'
import type { ProcessInfo } from '../inspect/types.ts'

type Style = Parameters<typeof styleText>[0]

const out = process.stdout
const coloured = out.isTTY && out.hasColors()

export const paint = (style: Style, text: string): string =>
  coloured && text !== '' ? styleText(style, text) : text

/** Columns of the terminal; where it has not said them, lines may be as long as they like. */
export const width = out.isTTY && out.columns > 0 ? out.columns : Infinity

// What a terminal draws two columns wide, and what it draws over the character before (UAX 11).
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/gu
const combining = /\p{M}/gu

/** How many columns of a terminal `text` takes. */
export const columns = (text: string): number =>
  Array.from(text).length + (text.match(wide)?.length ?? 0) - (text.match(combining)?.length ?? 0)

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
const pad = (text: string, room: number): string =>
  text + ' '.repeat(Math.max(room - columns(text), 0))

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
