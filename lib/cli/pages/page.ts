// What is known of a command before it runs. The help, the manual, the completion of the shells and the reading of
// the command line are all made from it, so that none of them can say something else than the others. Nothing here
// loads the addon: a user whose addon is missing can still read the help.

/** What a word can be, for the completion: words that it knows, or what `sess completion --values` lists. */
export type Values =
  | 'command'
  | 'folder'
  | 'file'
  | 'group'
  | 'pid'
  | 'session'
  | 'shell'
  | 'signal'
  | 'tty'
  | 'user'
  | 'user-group'
  | 'values'

export interface Option {
  /** One letter: `-t`. */
  short?: string
  /** Its value by the name that the help has for it; without it the option takes none. */
  value?: string
  values?: Values
  help: string
}

/** The options of a command by their long names, as the help has them one below the other. */
export type Options = Readonly<Record<string, Option>>

export interface Page {
  /** What stands behind the command's name, line by line where there are several ways. */
  synopsis: string
  summary: string
  /** Paragraphs, each a line. */
  about: readonly string[]
  options: Options
  /** What its operands are; none: it takes none, or a command line. */
  operand?: Values
  /** Its operands are a command line, whose options are not ours. */
  takesCommand?: true
  /** Paragraphs behind the options. */
  notes?: readonly string[]
  /** Other exit codes than 0, 1 and 2, or these with more to say. */
  exitCodes: readonly (readonly [code: string, meaning: string])[]
  examples: readonly string[]
}

export const json: Option = { help: 'as data' }
