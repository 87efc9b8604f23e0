// What must be true of what a Node has done with a child, and a word for it. `live` is who lived right after.
import { readlinkSync } from 'node:fs'
import { IGNORED } from './children-plan.mjs'

/** Launcher, stand-in and supervisor go a moment after the program. */
const isOurs = (pid) => {
  try {
    return readlinkSync(`/proc/${pid}/exe`).endsWith('/launcher')
  } catch {
    return true
  }
}
const programsOf = (live) => live.filter(({ pid }) => !isOurs(pid))
const isRestless = ({ words }) => words.includes('restless')
const killed = (shot, roles) =>
  shot.some(({ signal, role }) => signal === 'SIGKILL' && roles.test(role))

function judgeStop({ plan, seen, live, shot, fault }) {
  const { stopped } = seen
  if (stopped === undefined) return
  const { outcome, survivors } = stopped
  const left = programsOf(live)
  const isGone = outcome !== 'survivors'
  if (isGone && left.length > 0) fault('left', { stopped, left })
  // The numbers may have gone round between two looks, and a killed supervisor can tell nothing.
  const isExcused = isRestless(plan) || killed(shot, /stand-in|supervisor/)
  if (!isGone && (survivors.length === 0 || left.length === 0) && !isExcused)
    fault('survivors', { stopped })
}

function place({ plan, seen, live, shot, fault }) {
  const { row, umask, ignored, own, stopped } = seen
  const { options } = plan
  // One that was shot at may have ended before it was looked at.
  if (row !== undefined && umask !== undefined) {
    const { pid, pgid, sid } = row
    const isSession = options.session === 'new'
    const expected = {
      sid: isSession ? pid : own.sid,
      pgid: isSession || options.group === 'new' ? pid : own.pgid,
      umask: options.umask ?? Number.parseInt(umask, 8),
      ignored: bits(options.ignoreSignals ?? []),
    }
    const found = {
      ...{ sid, pgid, umask: Number.parseInt(umask, 8) },
      ignored: Number(BigInt(`0x${ignored}`) & BigInt(bits(Object.keys(IGNORED)))),
    }
    if (JSON.stringify(found) !== JSON.stringify(expected)) fault('place', { found, expected })
  }
  judgeStop({ plan, seen, live, shot, fault })
  return stopped?.outcome ?? 'not started'
}

const bits = (names) => names.reduce((sum, name) => sum | (1 << (IGNORED[name] - 1)), 0)

function contain(facts) {
  const { plan, seen } = facts
  judgeStop(facts)
  return `${plan.end} ${seen.stopped?.outcome ?? ''}`.trim()
}

function running({ plan, seen, live, shot, fault }) {
  const { result } = seen
  if (result === undefined) return 'not started'
  const { options, say } = plan
  const left = programsOf(live)
  const isQuiet = shot.length === 0
  const mayBeLost = killed(shot, /stand-in|supervisor/)
  const isEmpty = options.onSurvivors === 'wait' || result.stopped !== undefined
  if (isEmpty && result.stopped !== 'survivors' && left.length > 0 && !mayBeLost)
    fault('left', { result, left })
  const unnamed = left.filter(({ pid }) => !result.survivors.includes(pid))
  if (isQuiet && !isRestless(plan) && unnamed.length > 0) fault('unnamed', { result, unnamed })
  if (isQuiet && !result.contained) fault('not contained', { result })
  if (result.timedOut && options.timeout === undefined) fault('timed out', { result })
  const isWhole = isQuiet && !result.timedOut && !result.aborted
  if (isWhole && result.output + result.truncated !== say) fault('output', { result, say })
  const how = result.timedOut ? ', timed out' : result.aborted ? ', aborted' : ''
  return `${options.onSurvivors}${how}${result.survivors.length > 0 ? ', survivors' : ''}`
}

function watch({ plan, seen, live, shot, fault }) {
  const { state, agrees, last, told, end } = seen
  if (told === undefined) return 'not started'
  if (last !== null) fault('stopped after its end', { last, told })
  if (shot.length === 0) {
    if (state?.state !== 'stopped' || state.signal !== 'SIGSTOP') fault('no stop', { state, told })
    if (!agrees) fault('not as the kernel shows it', { told })
    // SIGKILL needs no continuation, and may come before it was told.
    const isOver = told.at(-1) === 'go' || end.signal === 'SIGKILL'
    const isTold = told.includes('stop SIGSTOP') && isOver
    if (!isTold) fault('not told', { told })
  }
  judgeStop({ plan, seen, live, shot, fault })
  return state?.state ?? state
}

function death({ seen, shot, fault }) {
  if (seen.errors.length === 0 && !seen.lives && !killed(shot, /./)) fault('ended early', { seen })
  return seen.lives ? 'with Node' : 'not started'
}

function foreground({ plan, seen, live, shot, fault }) {
  const { ended, last, result } = seen
  const isKilled = killed(shot, /node/)
  // In a script nobody takes the terminal back for a Node that was killed while it had lent it.
  const isLent = isKilled && plan.mode !== 'job'
  for (const word of [ended, last]) {
    const isBack = isLent || word?.foreground === word?.shell
    if (word?.modes !== true || !isBack) fault('terminal', { seen })
  }
  if (result === undefined) {
    if (!isKilled) fault('no result', { seen })
    return 'Node was killed'
  }
  if (result.foreground !== result.group) fault('foreground', { seen })
  if (result.told.error !== undefined) fault('error', { seen })
  if (live.length > 0 && !isKilled) fault('left', { seen, live })
  return `${result.told.state} ${result.told.signal ?? result.told.code}`
}

export const judges = { place, contain, running, watch, death, foreground }
