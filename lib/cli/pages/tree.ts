import { json, type Page } from './page.ts'
import { filter } from './shared.ts'

export const tree: Page = {
  synopsis: '[SID] [FILTER] [--json]',
  summary: 'sessions with their groups and processes',
  about: [
    'Draws sessions with their process groups and the members of each: which group is in the foreground, which are stopped or orphaned, which leaders are gone. Of each process it shows the age, the processor time, the memory and the command line. Without SID: every session. sess itself is left out.',
    'On a terminal the lines end at its edge; elsewhere nothing is cut off.',
  ],
  options: { ...filter, json },
  operand: 'session',
  exitCodes: [['1', 'there is no session SID']],
  examples: ['sess tree --pid $$', 'sess tree --tty pts/3', 'sess tree 812 --json'],
}
