import { commands, fixed, isLookedUp, quoted, spellings } from './words.ts'
import type { Values } from '../pages/page.ts'

// The script asks for nothing but bash 3.2, which macOS has; compopt came with bash 4. Where bash-completion
// is loaded, its _command_offset completes the command line behind `run`.

/** What proposes a value. */
function propose(kind: Values | undefined): string {
  const words = fixed(kind)
  if (words !== undefined) return `_sess_words ${words.map(quoted).join(' ')}`
  if (isLookedUp(kind)) return `_sess_values ${kind}`
  if (kind === 'file') return '_sess_files -f'
  if (kind === 'folder') return '_sess_files -d'
  if (kind === 'user') return '_sess_compgen -u'
  if (kind === 'user-group') return '_sess_compgen -g'
  return ':'
}

/** By command and option, so that `--user` may mean two things. */
function valueCases(): string[] {
  return commands.flatMap(({ name, options }) =>
    options
      .filter(([, { value }]) => value !== undefined)
      .map((option) => {
        const patterns = spellings(option).map((spelling) => `${name}${spelling}`)
        return `    ${patterns.join(' | ')}) ${propose(option[1].values)} ;;`
      }),
  )
}

const withValue = () =>
  commands.flatMap(({ name, options }) =>
    options
      .filter(([, { value }]) => value !== undefined)
      .flatMap((option) => spellings(option).map((spelling) => `${name}${spelling}`)),
  )

const optionCases = () =>
  commands.map(
    ({ name, options }) =>
      `      ${name}) _sess_words ${options.flatMap(spellings).map(quoted).join(' ')} ;;`,
  )

const operandCases = () =>
  commands
    .filter(({ page }) => page.operand !== undefined)
    .map(({ name, page }) => `    ${name}) ${propose(page.operand)} ;;`)

const runners = () =>
  commands.filter(({ page }) => page.takesCommand === true).map(({ name }) => name)

export const bash =
  (): string => `# bash completion of sess. Load it by: source <(sess completion bash)

_sess_compgen() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen "$@" -- "$cur"))
}

_sess_words() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(printf '%s\\n' "$@")" -- "$cur"))
}

_sess_files() {
  compopt -o filenames 2>/dev/null
  _sess_compgen "$1"
}

# What there is of a kind, without the descriptions behind the tabs.
_sess_values() {
  local word rest words=()
  case $1$cur in tty/*) _sess_files -f; return ;; esac
  while IFS=$'\\t' read -r word rest; do
    words[\${#words[@]}]=$word
  done < <("$sess" completion --values "$1" 2>/dev/null)
  [ \${#words[@]} -eq 0 ] || _sess_words "\${words[@]}"
}

_sess_option_value() {
  case $1$2 in
${valueCases().join('\n')}
  esac
}

_sess_takes_value() {
  case $1$2 in ${withValue().join(' | ')}) return 0 ;; esac
  return 1
}

_sess() {
  local sess=$1 cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}
  local name=\${COMP_WORDS[1]} at word begun=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    _sess_words ${commands.map(({ name }) => quoted(name)).join(' ')} '--help' '--version'
    return
  fi
  # bash breaks words at the "=" of --tty=pts/3.
  if [ "$cur" = = ]; then
    cur=
  elif [ "$prev" = = ]; then
    prev=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  # Where the command line behind \`run\` begins.
  case $name in
    ${runners().join(' | ')})
      for ((at = 2; at < COMP_CWORD; at++)); do
        word=\${COMP_WORDS[at]}
        case $word in
          --) begun=$((at + 1)); break ;;
          =) at=$((at + 1)) ;;
          -*) [ "\${COMP_WORDS[at + 1]}" != = ] && _sess_takes_value "$name" "$word" && at=$((at + 1)) ;;
          *) begun=$at; break ;;
        esac
      done
      if [ -z "$begun" ] && ! _sess_takes_value "$name" "$prev"; then
        case $cur in -*) ;; *) begun=$COMP_CWORD ;; esac
      fi
      if [ -n "$begun" ]; then
        if type _command_offset >/dev/null 2>&1; then
          _command_offset "$begun"
        elif [ "$COMP_CWORD" -eq "$begun" ]; then
          _sess_compgen -c
        else
          _sess_files -f
        fi
        return
      fi
      ;;
  esac
  if _sess_takes_value "$name" "$prev"; then
    _sess_option_value "$name" "$prev"
    return
  fi
  case $cur in
    -*) case $name in
${optionCases().join('\n')}
    esac
    return ;;
  esac
  case $name in
${operandCases().join('\n')}
  esac
}

complete -F _sess sess`
