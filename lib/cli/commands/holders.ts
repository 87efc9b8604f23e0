import { holders as holdersOf } from '../../inspect/holders.ts'
import { processInfo } from '../../inspect/process.ts'
import type { Holders } from '../../inspect/types.ts'
import { type Command, ExitError, UsageError } from '../options.ts'
import { aligned, fit, json, paint, printable, userName } from '../picture.ts'

export const holders: Command = {
  async run({ values, positionals }) {
    if (positionals.length > 1) throw new UsageError('holders takes one TTY')
    const [tty = callersTerminal()] = positionals
    const found = await holdersOf(tty)
    const { unreadable, hidden } = found
    const others = found.filter(({ pid }) => pid !== process.pid)
    if (values['json'] === true) return json({ holders: others, unreadable, hidden })
    const note = notSeen(found)
    if (note !== undefined) process.stderr.on('error', () => undefined).write(`${note}\n`)
    if (others.length > 0) return table(others)
    return note === undefined ? `nobody has ${tty} open` : `nobody that can be seen has ${tty} open`
  },
}

function callersTerminal(): string {
  const { tty } = processInfo()
  if (tty !== null) return tty
  throw new ExitError('there is no controlling terminal here: say which one, such as pts/3', 1)
}

const numeric = new Set([0])

function table(list: Holders[number][]): string {
  const rows = list.map(({ pid, uid, command, fds }) => [
    ...[String(pid), userName(uid), fit(printable(command), 24), fds.join(' ')],
  ])
  const [first = '', ...lines] = aligned(['PID', 'USER', 'COMMAND', 'FDS'], rows, numeric)
  return [paint('bold', first), ...lines].join('\n')
}

/** What was not seen, and how it would be. */
function notSeen({ unreadable: { length }, hidden }: Holders): string | undefined {
  const who = length === 1 ? '1 process' : `${length} processes`
  const isRoot = process.getuid?.() === 0
  const advice = isRoot ? '' : `; run it as root to see ${length === 1 && !hidden ? 'it' : 'them'}`
  if (hidden) {
    const more = length > 0 ? `${who} could not be looked at, and ` : ''
    return `${more}/proc hides processes of other users${advice}`
  }
  if (length === 0) return undefined
  return isRoot
    ? `${who} could not be looked at: a container or a security module forbids it`
    : `${who} of other users could not be looked at${advice}`
}
