import { type Command, commands, fixed, isLookedUp, quoted, spellings } from './words.ts'
import type { Option, Values } from '../pages/page.ts'

/** What proposes a value, as an option of `complete`; undefined: the file names that fish has by itself. */
function propose(kind: Values | undefined): string | undefined {
  if (kind === 'file') return undefined
  const words = fixed(kind)
  if (words !== undefined) return quoted(words.join(' '))
  if (isLookedUp(kind)) return quoted(`(__sess_values ${kind})`)
  if (kind === 'folder') return quoted('(__fish_complete_directories)')
  if (kind === 'user') return quoted('(__fish_complete_users)')
  if (kind === 'user-group') return quoted('(__fish_complete_groups)')
  return `''`
}

const withValue = ({ options }: Command): string[] =>
  options.filter(([, { value }]) => value !== undefined).flatMap(spellings)

function optionLine(command: Command, [name, option]: [string, Option]): string {
  const { short, value, values, help } = option
  // The options of a command line that follows are not ours.
  const before =
    command.page.takesCommand === true
      ? `; and not __sess_begun ${withValue(command).join(' ')}`
      : ''
  const condition = quoted(`__sess_is ${command.name}${before}`)
  const letter = short === undefined ? '' : ` -s ${short}`
  const proposed = value === undefined ? undefined : propose(values)
  const takes = value === undefined ? '' : proposed === undefined ? ' -r -F' : ` -x -a ${proposed}`
  return `complete -c sess -n ${condition}${letter} -l ${name}${takes} -d ${quoted(help)}`
}

function operandLines(command: Command): string[] {
  const { name, page } = command
  if (page.takesCommand === true) {
    const action = `(__sess_command_line ${withValue(command).join(' ')})`
    return [`complete -c sess -n ${quoted(`__sess_is ${name}`)} -x -a ${quoted(action)}`]
  }
  const proposed = page.operand === undefined ? undefined : propose(page.operand)
  return proposed === undefined
    ? []
    : [`complete -c sess -n ${quoted(`__sess_is ${name}`)} -a ${proposed}`]
}

export const fish = (): string => `# fish completion of sess. Written by: sess completion fish

# No word yet.
function __sess_none
    test (count (commandline -opc)) -eq 1
end

function __sess_is
    set -l words (commandline -opc)
    test (count $words) -gt 1; and contains -- $words[2] $argv
end

# The words of the command line behind \`run\`. The arguments are the options that take a value.
function __sess_rest
    set -l words (commandline -opc)
    set -e words[1..2]
    while set -q words[1]
        switch $words[1]
            case --
                break
            case '-*'
                contains -- $words[1] $argv; and set -e words[1]
                set -e words[1]
            case '*'
                break
        end
    end
    string join \\n -- $words
end

# Whether it has begun.
function __sess_begun
    set -l words (__sess_rest $argv)
    set -q words[1]
end

function __sess_command_line
    set -l words (__sess_rest $argv)
    set -l word (commandline -ct)
    set -q words[1]; or not string match -q -- '-*' $word; or return
    test "$words[1]" = --; and set -e words[1]
    complete -C (string join ' ' -- (string escape -- $words) "$word")
end

# What there is of a kind, with the descriptions behind the tabs.
function __sess_values
    set -l words (commandline -opc)
    eval (string escape -- $words[1]) completion --values $argv[1] 2>/dev/null
end

complete -c sess -f
complete -c sess -n __sess_none -l help -s h -d 'what the commands do'
complete -c sess -n __sess_none -l version -d 'the version of this package'
${commands
  .map(({ name, page }) => `complete -c sess -n __sess_none -a ${name} -d ${quoted(page.summary)}`)
  .join('\n')}
${commands
  .flatMap((command) => [
    ...command.options.map((option) => optionLine(command, option)),
    ...operandLines(command),
  ])
  .join('\n')}`
