import type { Page } from './page.ts'
import { ending } from './shared.ts'

export const kill: Page = {
  synopsis: '[--session] [--dry-run] [OPTIONS] ID',
  summary: 'stop a whole process group or session and see it gone',
  about: [
    'Ends every member of the process group ID, or with --session of the session ID: a signal, time to act on it, SIGKILL. Returns when no process is left, or says which one is: a table tells what became of each. On a terminal it says first what it is going to do, and from the first second on who is left. A group or session is refused that has one of these in it: a process that sess was started from, the leader of its session, the foreground of its terminal.',
  ],
  options: {
    session: { help: 'ID is a session' },
    'dry-run': { help: 'lists who would be signalled and how, and signals nobody' },
    force: { help: 'what is refused too, but for sess itself' },
    ...ending,
    json: { help: 'prints which processes were signalled and which are left' },
  },
  operand: 'group',
  exitCodes: [
    ['0', 'no process is left'],
    ['1', 'one is, it was refused, or it failed'],
  ],
  examples: [
    'sess kill 812',
    'sess kill --dry-run --session 812',
    'sess kill --session --grace 500 812',
  ],
}
