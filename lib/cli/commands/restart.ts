import { exitWith } from '../daemon.ts'
import type { Command } from '../options.ts'
import { begin, checkFirst, startOf } from '../starting.ts'
import { endDaemon, stopOptionsOf, tellEnded } from '../stopping.ts'

export const restart: Command = {
  async run(given) {
    const { values } = given
    const wanted = startOf(given, 'restart')
    const options = stopOptionsOf(values)
    checkFirst(wanted)
    try {
      const result = await endDaemon(wanted.pidFile, options)
      if (result.outcome === 'survivors') return tellEnded(result, values)
      return await begin(wanted, values)
    } catch (error) {
      exitWith(error, 1, 5)
    }
  },
}
