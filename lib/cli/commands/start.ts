import { daemonStatus } from '../../daemon/status.ts'
import { exitWith } from '../daemon.ts'
import type { Command } from '../options.ts'
import { begin, startOf } from '../starting.ts'
import { inWords } from '../words.ts'

export const start: Command = {
  async run(given) {
    const wanted = startOf(given, 'start')
    try {
      return await begin(wanted, given.values)
    } catch (error) {
      const { reason } = error as { reason?: string }
      if (reason !== 'already-running') exitWith(error, 1, 5)
      const { state, identity } = await daemonStatus(wanted.pidFile)
      // The lock alone shows no daemon: another start may hold it, and fail.
      if (state !== 'running') exitWith(error, 1, 5)
      const message = inWords(error)
      return given.values['json'] === true ? JSON.stringify({ reason, identity, message }) : message
    }
  },
}
