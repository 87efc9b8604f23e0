// docs/errors.md as data: which errors a function has.
import { readFileSync } from 'node:fs'

const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
const words = (cell) => cell.split(',').map((word) => word.trim().replaceAll('`', ''))
const rows = text
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  .map(([functions, codes, , reasons = '']) => ({
    functions: words(functions),
    codes: words(codes),
    reasons: words(reasons),
  }))

const stopping = ['stopProcess', 'stopGroup', 'stopSession', 'stopContained', 'stopDaemon']
const inspection = [
  ...['processInfo', 'listProcesses', 'listProcessesSync', 'listSessions', 'inspectSession'],
  ...['inspectGroup', 'identify', 'isSameProcess', 'explain', 'holders', 'sessionMembers'],
  ...['groupMembers', 'containedMembers'],
]
const namesOf = (name) => [
  ...[name, `${name} (error event)`],
  ...(stopping.includes(name) ? ['all of stopping'] : []),
  ...(inspection.includes(name) ? ['all of inspection'] : []),
]

/** Whether a row tells of this error of this function, with this reason or none. */
export const isDocumented = (name, { code, reason = '' }) =>
  rows.some(
    ({ functions, codes, reasons }) =>
      functions.some((known) => namesOf(name).includes(known)) &&
      codes.includes(code) &&
      reasons.includes(reason),
  )
