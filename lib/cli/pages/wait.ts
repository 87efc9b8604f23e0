import type { Page } from './page.ts'

export const wait: Page = {
  synopsis: '[--group|--session] [OPTIONS] ID',
  summary: 'wait until a process, group or session has ended',
  about: [
    'Waits until the process ID has ended, which may be any process, not only a child. With --group or --session it waits until no live member is left. A member that joins meanwhile counts too; a zombie does not.',
  ],
  options: {
    group: { help: 'ID is a process group' },
    session: { help: 'ID is a session' },
    timeout: { value: 'S', help: 'gives up after S seconds; default: never' },
    json: { help: 'prints what it has waited for, and the milliseconds' },
  },
  operand: 'pid',
  exitCodes: [
    ['0', 'it has ended, or was not there'],
    ['1', "it is still there after --timeout, or can't be waited for"],
  ],
  examples: [
    'sess wait 812',
    'sess wait --group --timeout 2.5 812 || echo still there',
    'sess wait --session 812 && poweroff',
  ],
}
