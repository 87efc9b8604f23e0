import type { Page } from './page.ts'
import { daemon, ending } from './shared.ts'

export const stop: Page = {
  synopsis: '--pid-file F|--name NAME [OPTIONS]',
  summary: 'stop the daemon of a pidfile and see it gone',
  about: [
    'Stops the daemon of a pidfile, then what is left in its session, and returns when they are gone. No other process that has got its pid is ever signalled.',
  ],
  options: {
    ...daemon,
    ...ending,
    json: { help: 'prints which processes were signalled and which are left' },
  },
  exitCodes: [
    ['0', 'it is gone, or was not running'],
    ['1', 'a process is left'],
    ['4', 'not permitted'],
  ],
  examples: ['sess stop --pid-file /run/web.pid', 'sess stop --name web --grace 30000'],
}
