import type { Page } from './page.ts'
import { daemon, starting } from './shared.ts'

export const start: Page = {
  synopsis: '--pid-file F|--name NAME [OPTIONS] -- CMD [ARG]...',
  summary: 'start a daemon; returns when it is ready',
  about: [
    'Starts CMD as a daemon in a session of its own and returns when it is ready. If it fails before, nothing of it is left, and its error is printed. CMD has the soft limit of descriptors and the ignored signals that sess was started with.',
  ],
  options: { ...daemon, ...starting, json: { help: 'prints what was started' } },
  takesCommand: true,
  exitCodes: [
    ['0', 'ready, or it runs already'],
    ['1', "it failed, or the pidfile's lock is held and no running daemon is named"],
    ['4', 'not permitted'],
    ['5', 'no such CMD'],
  ],
  examples: [
    'sess start --pid-file /run/web.pid --log /var/log/web.log -- node server.js',
    'sess start --name db --notify --user db -- /usr/sbin/dbd',
  ],
}
