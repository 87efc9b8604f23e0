// How the pictures of `sess` look: colour and width where there is a terminal, plain text elsewhere.
import { readFileSync } from 'node:fs'
import { styleText } from 'node:util'
import type { ProcessInfo } from '../inspect.ts'

type Style = Parameters<typeof styleText>[0]

const out = process.stdout
const coloured = out.isTTY && out.hasColors()

export const paint = (style: Style, text: string): string =>
  coloured && text !== '' ? styleText(style, text) : text

/** Columns of the terminal; where it has not said them, lines may be as long as they like. */
export const width = out.isTTY && out.columns > 0 ? out.columns : Infinity

/** `text` in at most `columns`. */
export function fit(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(columns - 1, 0))}…`
}

/** A name that a process gave itself, without what would move the cursor. */
export const printable = (name: string): string =>
  name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character === '\n' ? '\\n' : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
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
