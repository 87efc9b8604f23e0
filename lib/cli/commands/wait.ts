import { processInfo } from '../../inspect/process.ts'
import { waitForExit } from '../../inspect/wait.ts'
import { waitForGroup, waitForSession } from '../../stop/wait.ts'
import { nameMany, refuseProcess, visible } from '../many.ts'
import { type Arguments, type Command, ExitError, parsePid, text, UsageError } from '../options.ts'
import { json } from '../picture.ts'
import { withProgress } from '../progress.ts'
import type { ProcessInfo, WaitOptions } from '../../inspect/types.ts'

export const wait: Command = {
  usage: 'sess wait [--group|--session] ID',
  summary: 'wait until a process, group or session has ended',
  help: `Waits until the process ID has ended, which may be any process, not only a child. With
--group or --session it waits until no live member is left. A member that joins
meanwhile counts too; a zombie does not.

  --group         ID is a process group
  --session       ID is a session
  --timeout S     gives up after S seconds; default: never
  --json          prints what it has waited for, and the milliseconds

Exit codes: 0 it has ended, or was not there; 1 it is still there after --timeout, or
can't be waited for; 2 wrong usage.

Examples:
  sess wait 812
  sess wait --group --timeout 2.5 812 || echo still there
  sess wait --session 812 && poweroff`,
  options: {
    group: { type: 'boolean' },
    session: { type: 'boolean' },
    timeout: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run({ values, positionals }) {
    const [word] = positionals
    if (word === undefined || positionals.length > 1) throw new UsageError('wait takes one ID')
    const id = parsePid(word)
    const options = { timeout: milliseconds(values) }
    const kind = kindOf(values)
    const began = performance.now()
    if (kind === 'process') await waitForProcess(id, options)
    else await waitForMany(id, kind, options)
    if (values['json'] !== true) return ''
    return json({ id, kind, elapsed: Math.round(performance.now() - began) })
  },
}

function kindOf(values: Arguments['values']): 'process' | 'group' | 'session' {
  if (values['group'] === true && values['session'] === true) {
    throw new UsageError("--group can't go with --session")
  }
  return values['group'] === true ? 'group' : values['session'] === true ? 'session' : 'process'
}

function milliseconds(values: Arguments['values']): number | undefined {
  const given = text(values, 'timeout')
  if (given === undefined) return undefined
  const ms = Number(given) * 1000
  if (/^\d+(\.\d+)?$/.test(given) && ms < 2 ** 31) return ms
  throw new UsageError(`--timeout takes a number of seconds, not '${given}'`)
}

async function waitForProcess(pid: number, options: WaitOptions): Promise<void> {
  if (pid === process.pid) throw new ExitError(`process ${pid} is sess itself`, 1)
  const list = (): ProcessInfo[] => {
    const info = visible(pid)
    return info === undefined ? [] : [info]
  }
  await withProgress(list, async () => waitForExit(pid, options))
}

async function waitForMany(
  id: number,
  kind: 'group' | 'session',
  options: WaitOptions,
): Promise<void> {
  const many = nameMany(id, kind === 'session')
  if (many.contains(processInfo())) {
    throw new ExitError(`${many.title} has sess itself in it, and can't end before it`, 1)
  }
  refuseProcess(many)
  const call = kind === 'session' ? waitForSession : waitForGroup
  await withProgress(many.members, async () => call(id, options))
}
