import type { Page } from './page.ts'

export const launch: Page = {
  synopsis: '-- CMD [ARG]...',
  summary: 'run a program that may become a daemon later',
  about: [
    'Runs CMD below a small launcher. The two behave as one process: exit code, signals, Ctrl-C, Ctrl-Z and fg. When CMD calls daemonize(), the launcher ends with code 0 as soon as the daemon is ready, and the prompt is back; all that CMD had done until then is kept. A daemon that fails before it is ready is reported, and the exit code is not 0.',
  ],
  options: {},
  takesCommand: true,
  exitCodes: [
    ['0', 'the daemon is ready; until CMD is one, the exit code is that of CMD'],
    ['1', 'it was not ready in time'],
    ['126', "CMD can't be run"],
    ['127', 'there is no CMD'],
    ['other', 'the exit code of the daemon that failed, or 128 + the number of its signal'],
  ],
  examples: [
    'sess launch -- node server.js',
    'sess launch -- node --import tsx server.ts --port 8080',
  ],
}
