// The pages of the commands as text.
import { everywhere, type Name, names, pages } from './pages/all.ts'
import type { Option, Page } from './pages/page.ts'
import { width, wrap } from './picture.ts'

/** Longer lines are hard to read, also where there is room for them. */
const LINE = Math.min(80, width)

export const title = 'POSIX sessions and process groups'

export const exitCodes = [
  ['0', 'done'],
  ['1', 'it failed'],
  ['2', 'wrong usage'],
] as const

export const overview = (): string =>
  [
    `sess: ${title}`,
    '',
    ...names.map((name) => `  sess ${name.padEnd(11)}${pages[name].summary}`),
    '',
    `  ${'sess COMMAND --help'.padEnd(22)}what a command does, with examples`,
    `  ${'sess --version'.padEnd(22)}the version of this package`,
    '',
    ...wrap(
      'Exit codes: 0 done, 1 it failed, 2 wrong usage; the help of a command names others.',
      LINE,
    ),
  ].join('\n')

/** `-t, --tty TTY` */
function written(name: string, { short, value }: Option): string {
  const letter = short === undefined ? '    ' : `-${short}, `
  return `${letter}--${name}${value === undefined ? '' : ` ${value}`}`
}

/** All exit codes of a command, in their order. */
export function exitCodesOf({ exitCodes: own }: Page): (readonly [string, string])[] {
  const codes = new Map<string, string>([...exitCodes, ...own])
  return [...codes].sort(([a], [b]) => order(a) - order(b))
}

/** `other` comes last. */
const order = (code: string) => (/^\d+$/.test(code) ? Number(code) : 256)

export function helpOf(name: Name): string {
  const page: Page = pages[name]
  const options = Object.entries({ ...page.options, ...everywhere })
  const paragraphs = [...page.about, ...(page.notes ?? [])]
  return [
    `sess ${name} ${page.synopsis}`,
    ...paragraphs.flatMap((text) => ['', ...wrap(text, LINE)]),
    '',
    'Options:',
    ...listed(options.map(([name, option]) => [written(name, option), option.help])),
    '',
    'Exit codes:',
    ...listed(exitCodesOf(page)),
    '',
    'Examples:',
    ...page.examples.map((line) => `  ${line}`),
  ].join('\n')
}

/** Two columns, the first as wide as its longest word. */
function listed(rows: (readonly [string, string])[]): string[] {
  const indent = 4 + Math.max(...rows.map(([word]) => word.length))
  return rows.flatMap(([word, text]) =>
    wrap(text, LINE - indent).map((line, i) =>
      i === 0 ? `  ${word.padEnd(indent - 2)}${line}` : ' '.repeat(indent) + line,
    ),
  )
}
