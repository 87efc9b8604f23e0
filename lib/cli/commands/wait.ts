import { processInfo } from '../../inspect/process.ts'
import { waitForExit } from '../../inspect/wait.ts'
import { waitForGroup, waitForSession } from '../../stop/wait.ts'
import { nameMany, refuseProcess, visible } from '../many.ts'
import { type Arguments, type Command, ExitError, parsePid, text, UsageError } from '../options.ts'
import { json } from '../picture.ts'
import { withProgress } from '../progress.ts'
import type { ProcessInfo, WaitOptions } from '../../inspect/types.ts'

export const wait: Command = {
  async run({ values, positionals }) {
    const [word] = positionals
    if (word === undefined || positionals.length > 1) throw new UsageError('wait takes one ID')
    const options = { timeout: milliseconds(values) }
    const kind = kindOf(values)
    const id = parsePid(word, kind === 'group' ? 'process group' : kind)
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
