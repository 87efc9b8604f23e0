import { EBUSY } from '../../base/errno.ts'
import { daemonStatus, unknownDaemon } from '../../daemon/status.ts'
import { pidFileOf } from '../daemon.ts'
import { type Command, ExitError } from '../options.ts'
import { printable } from '../picture.ts'
import { inWords } from '../words.ts'

/** A state that is not here can't be told, which is 4 too. */
const exitCodes: Record<string, number> = { running: 0, stale: 1, stopped: 3 }

export const status: Command = {
  async run(given) {
    const path = pidFileOf(given, 'status')
    const found = await daemonStatus(path).catch((error: unknown) => {
      throw new ExitError(inWords(error), 4)
    })
    const { state, identity } = found
    process.exitCode = exitCodes[state] ?? 4
    if (given.values['json'] === true) return JSON.stringify(found)
    const words: Record<string, string> = {
      running:
        identity === null ? 'running, its pid is not known here' : `running, pid ${identity.pid}`,
      stale: `not running, ${printable(path)} is left`,
      stopped: 'not running',
    }
    // As `sess stop` says why it does nothing.
    const why = () => inWords(unknownDaemon(EBUSY, path, found))
    return words[state] ?? `it can't be told whether it runs: ${why()}`
  },
}
