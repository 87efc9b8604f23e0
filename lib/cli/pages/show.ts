import { json, type Page } from './page.ts'

export const show: Page = {
  synopsis: '[--json] [PID]',
  summary: 'where a process belongs, and what it survives',
  about: [
    'Shows the process group, session and terminal of a process, and what becomes of it when its terminal closes, on Ctrl-C, on Ctrl-Z and when its parent is killed, each with the reasons. Without PID: the process that called sess.',
  ],
  options: { json },
  operand: 'pid',
  exitCodes: [['1', 'there is no process PID']],
  examples: ['sess show', 'sess show 812', 'sess show --json 812 | jq .hangup.outcome'],
}
