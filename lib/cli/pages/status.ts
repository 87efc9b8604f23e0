import { json, type Page } from './page.ts'
import { daemon } from './shared.ts'

export const status: Page = {
  synopsis: '--pid-file F|--name NAME [--json]',
  summary: 'whether the daemon of a pidfile runs',
  about: [
    'Says whether the daemon of a pidfile runs. A pid that was given to another process since, or that belongs to another container, is not taken for it.',
  ],
  options: { ...daemon, json },
  exitCodes: [
    ['0', 'it runs'],
    ['1', "it doesn't, and its pidfile is left"],
    ['3', "it doesn't"],
    ['4', "that can't be told"],
  ],
  examples: [
    'sess status --pid-file /run/web.pid',
    'sess status --name web --json | jq .identity.pid',
  ],
}
