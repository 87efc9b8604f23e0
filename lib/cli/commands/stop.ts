import { exitWith, pidFileOf } from '../daemon.ts'
import type { Command } from '../options.ts'
import { endDaemon, stopOptionsOf, tellEnded } from '../stopping.ts'

export const stop: Command = {
  async run(given) {
    const path = pidFileOf(given, 'stop')
    const options = stopOptionsOf(given.values)
    try {
      return tellEnded(await endDaemon(path, options), given.values)
    } catch (error) {
      exitWith(error, 1)
    }
  },
}
