import { json, type Page } from './page.ts'

export const ids: Page = {
  synopsis: '[--json] [PID]',
  summary: 'the ids of one process: pid ppid pgid sid tty tpgid',
  about: [
    "Shows where a process belongs: its parent, process group, session, controlling terminal and that terminal's foreground process group. Without PID: the process that called sess.",
  ],
  options: { json },
  operand: 'pid',
  exitCodes: [['1', 'there is no process PID']],
  examples: ['sess ids', 'sess ids 812', 'sess ids --json 1'],
}
