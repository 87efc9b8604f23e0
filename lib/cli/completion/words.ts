// What the scripts of the three shells say of the commands.
import { canEnd, signals } from '../../base/signals.ts'
import { everywhere, type Name, names, pages } from '../pages/all.ts'
import type { Option, Page, Values } from '../pages/page.ts'

/** What only a look at the machine can tell: `sess completion --values KIND`. */
export const LOOKED_UP = ['pid', 'group', 'session', 'tty'] as const
export type LookedUp = (typeof LOOKED_UP)[number]

export const isLookedUp = (kind: string | undefined): kind is LookedUp =>
  LOOKED_UP.some((name) => name === kind)

export const SHELLS = ['bash', 'zsh', 'fish'] as const

/** Words that don't change while the machine runs; undefined: they do, or are the shell's to know. */
export function fixed(kind: Values | undefined): readonly string[] | undefined {
  if (kind === 'command') return names
  if (kind === 'shell') return SHELLS
  if (kind === 'values') return LOOKED_UP
  if (kind !== 'signal') return undefined
  const ending = Object.entries(signals).filter(([, number]) => canEnd(number))
  return ending.map(([name]) => name.slice(3))
}

export interface Command {
  name: Name
  page: Page
  /** Those of all commands too. */
  options: [name: string, option: Option][]
}

export const commands: Command[] = names.map((name) => {
  const page: Page = pages[name]
  return { name, page, options: Object.entries({ ...page.options, ...everywhere }) }
})

/** Both ways to write an option. */
export const spellings = ([name, { short }]: [string, Option]): string[] => [
  ...(short === undefined ? [] : [`-${short}`]),
  `--${name}`,
]

/** In single quotes, as all three shells take it. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
