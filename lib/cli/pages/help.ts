import type { Page } from './page.ts'

export const help: Page = {
  synopsis: '[COMMAND]',
  summary: 'what a command does, with examples',
  about: ['Prints what a command does, as sess COMMAND --help does; without COMMAND all of them.'],
  options: {},
  operand: 'command',
  exitCodes: [],
  examples: ['sess help', 'sess help kill'],
}
