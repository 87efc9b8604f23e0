import type { Page } from './page.ts'
import { daemon, ending, starting } from './shared.ts'

export const restart: Page = {
  synopsis: '--pid-file F|--name NAME [OPTIONS] -- CMD [ARG]...',
  summary: 'stop the daemon of a pidfile, and start it anew',
  about: [
    'Does what sess stop does, then what sess start does. A daemon that does not run is started. What can be seen to be wrong with the options or with CMD is said before anything is stopped, and nothing is started while a process of the old daemon is left.',
  ],
  options: { ...daemon, ...ending, ...starting, json: { help: 'prints what was started' } },
  takesCommand: true,
  exitCodes: [
    ['0', 'ready'],
    ['1', 'a process of the old daemon is left, or the new one failed'],
    ['4', 'not permitted'],
    ['5', 'no such CMD; the old daemon still runs'],
  ],
  examples: [
    'sess restart --pid-file /run/web.pid --log /var/log/web.log -- node server.js',
    'sess restart --name web --grace 30000 -- node server.js',
  ],
}
