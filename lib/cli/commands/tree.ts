import { drawForest, figures } from '../forest.ts'
import { type Command, UsageError } from '../options.ts'
import { json, width } from '../picture.ts'
import { chooseSessions } from '../sessions.ts'

export const tree: Command = {
  async run(given) {
    if (given.positionals.length > 1) throw new UsageError('tree takes one SID')
    const read = await chooseSessions(given)
    const sessions = await read()
    if (given.values['json'] === true) return json(sessions)
    return drawForest(sessions, figures(Date.now()), width).join('\n')
  },
}
