import { bash } from '../completion/bash.ts'
import { fish } from '../completion/fish.ts'
import { isLookedUp, LOOKED_UP, SHELLS } from '../completion/words.ts'
import { zsh } from '../completion/zsh.ts'
import { type Command, text, UsageError } from '../options.ts'
import { nearest } from '../words.ts'

const scripts: Record<string, () => string> = { bash, zsh, fish }

export const completion: Command = {
  async run({ values, positionals }) {
    const kind = text(values, 'values')
    const [shell = ''] = positionals
    if (positionals.length !== (kind === undefined ? 1 : 0)) {
      throw new UsageError(`completion takes one of: ${SHELLS.join(', ')}`)
    }
    if (kind !== undefined) {
      if (isLookedUp(kind)) return (await import('../completion/values.ts')).listValues(kind)
      throw new UsageError(`--values takes one of: ${LOOKED_UP.join(', ')}`)
    }
    const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined
    if (script !== undefined) return script()
    throw new UsageError(`there is no completion for '${shell}'${nearest(shell, SHELLS)}`)
  },
}
