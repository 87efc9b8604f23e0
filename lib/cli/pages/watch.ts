import type { Page } from './page.ts'
import { filter } from './shared.ts'

export const watch: Page = {
  synopsis: '[FILTER] [--interval S]',
  summary: 'the tree, live',
  about: [
    'Draws what sess tree draws, and again every second, in place, with the processor time of each process as a share of the time since the last look. It needs a terminal.',
  ],
  options: {
    ...filter,
    interval: { short: 'i', value: 'S', help: 'seconds from one look to the next; default 1' },
  },
  notes: [
    'Keys: q or Ctrl-C ends it, Ctrl-Z stops it; the arrows, j and k, Page Up and Page Down, Home and End scroll.',
  ],
  exitCodes: [],
  examples: ['sess watch', 'sess watch --user $USER', 'sess watch --tty pts/3 --interval 0.2'],
}
