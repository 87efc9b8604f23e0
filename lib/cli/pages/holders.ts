import type { Page } from './page.ts'

export const holders: Page = {
  synopsis: '[--json] [TTY]',
  summary: 'which processes have a terminal open',
  about: [
    'Lists the processes that have the terminal TTY open, which is pts/3 or /dev/pts/3, with the descriptors: also those that have left its session, and keep it from closing or still write to it. Without TTY: the terminal of the process that called sess. sess itself is left out.',
  ],
  options: {
    json: { help: 'as data; "unreadable" has the processes that can\'t be looked at' },
  },
  operand: 'tty',
  notes: ['A last line, on standard error, says how many processes could not be looked at.'],
  exitCodes: [
    ['0', 'done, also when there is none'],
    ['1', 'there is no such terminal'],
  ],
  examples: [
    'sess holders',
    'sess holders pts/3',
    "sess holders --json pts/3 | jq '.holders[].pid'",
  ],
}
