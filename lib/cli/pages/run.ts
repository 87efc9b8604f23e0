import type { Page } from './page.ts'

export const run: Page = {
  synopsis: '[OPTIONS] -- CMD [ARG]...',
  summary: 'a program in a session or process group of its own',
  about: ['Starts CMD as setsid(1) does, and returns as soon as it runs.'],
  options: {
    session: { help: 'in a new session, without a terminal (the default)' },
    group: { help: 'in a new process group of this session' },
    ctty: {
      help: 'in a new session that takes the terminal on stdin from the session that has it, which is for root where that is another session',
    },
    wait: { help: 'wait for CMD, and exit as it does; with --group it has the terminal' },
    contain: {
      help: 'as --group --wait, or --wait with one of the others; when CMD ends or sess does, however it ends, all that CMD has started is stopped (Linux)',
    },
    timeout: {
      value: 'S',
      help: 'as --contain, and after S seconds all is stopped: exit code 124',
    },
  },
  takesCommand: true,
  notes: [
    'With --wait, sess ends as CMD ends, by the same signal; it stops and goes on with CMD, and what is sent to sess is passed on to it.',
  ],
  exitCodes: [
    ['0', 'started; with --wait the exit code is that of CMD'],
    ['1', 'another error'],
    ['124', 'its time was over'],
    ['126', "CMD can't be run"],
    ['127', 'there is no CMD'],
  ],
  examples: [
    'sess run -- backup /home',
    'sess run --wait -- make test',
    'sess run --group --wait -- vi notes',
    'sess run --timeout 60 -- npm test',
  ],
}
