import { type Command, commands, fixed, isLookedUp, quoted } from './words.ts'
import type { Option, Values } from '../pages/page.ts'

/** What proposes a value, as _arguments takes it: with a blank before it, it gets no other arguments than these. */
function propose(kind: Values | undefined): string {
  if (kind === 'command') return '_sess_commands'
  const words = fixed(kind)
  if (words !== undefined) return `(${words.join(' ')})`
  if (isLookedUp(kind)) return ` _sess_values ${kind}`
  if (kind === 'file') return '_files'
  if (kind === 'folder') return '_directories'
  if (kind === 'user') return '_users'
  if (kind === 'user-group') return '_groups'
  // Something, but nothing to propose.
  return ' '
}

/** A text between brackets or colons. */
const plain = (text: string) => text.replace(/[[\]:\\]/g, '\\$&')

function optionSpec(name: string, { short, value, values, help }: Option): string {
  const takes = value === undefined ? '' : `:${plain(value)}:${propose(values)}`
  const text = quoted(`[${plain(help)}]${takes}`)
  const long = value === undefined ? `--${name}` : `--${name}=`
  if (short === undefined) return quoted(long) + text
  const letter = value === undefined ? `-${short}` : `-${short}+`
  return `${quoted(`(-${short} --${name})`)}{${letter},${long}}${text}`
}

function commandCase({ name, page, options }: Command): string {
  const specs = options.map(([option, about]) => optionSpec(option, about))
  if (page.operand !== undefined) specs.push(quoted(`1:${page.operand}:${propose(page.operand)}`))
  if (page.takesCommand === true) specs.push(quoted('*::command: _sess_command_line'))
  // Options end at the first word of the command line that follows.
  const flags = page.takesCommand === true ? `-s -S -A '-*'` : '-s -S'
  return `    ${name})
      _arguments ${flags} : \\
${specs.map((spec) => `        ${spec}`).join(' \\\n')} ;;`
}

export const zsh = (): string => `#compdef sess
# zsh completion of sess. Load it behind compinit by: source <(sess completion zsh)

_sess_commands() {
  local -a found=(
${commands.map(({ name, page }) => `    ${quoted(`${name}:${plain(page.summary)}`)}`).join('\n')}
  )
  _describe -t commands 'command of sess' found
}

# What there is of a kind, with the descriptions behind the tabs.
_sess_values() {
  local -a found
  local line tab=$'\\t'
  for line in \${(f)"$($sess completion --values $1 2>/dev/null)"}; do
    line=\${line//:/\\\\:}
    found+=("\${line/$tab/:}")
  done
  _describe -t values $1 found
}

# What stands behind \`run\`: another command.
_sess_command_line() {
  if [[ $words[1] == -- ]]; then
    shift words
    (( CURRENT-- ))
  fi
  _normal
}

_sess() {
  # As the user has written it: _arguments changes the words.
  local sess=\${(Q)words[1]}
  if (( CURRENT == 2 )); then
    _sess_commands
    [[ $PREFIX == -* ]] && compadd -- --help --version
    return
  fi
  local name=$words[2]
  shift words
  (( CURRENT-- ))
  case $name in
${commands.map(commandCase).join('\n')}
  esac
}

# In a folder of fpath it is the function itself; else it is loaded by hand.
if [[ $funcstack[1] == _sess ]]; then
  _sess "$@"
else
  compdef _sess sess
fi`
