// What looks prove, from what native code has packed of each. What it packs of real processes: stop.test.ts, poor.test.ts.
import { expect, test } from 'vitest'
import { ESRCH } from '../../lib/base/errno.ts'
import { native } from '../../lib/base/native.ts'
import { verdictOf } from '../../lib/stop/look.ts'
import { NUMBER, Report, REPORT } from '../../lib/stop/report.ts'
import { type Kind, Target } from '../../lib/stop/target.ts'
import { gonePid } from '../helpers/process.ts'

type Seen = Partial<Record<'number' | 'live' | 'zombies' | 'alone' | 'group', number>>

function reportOf(seen: Seen): Report {
  const data = new DataView(new ArrayBuffer(REPORT.size))
  for (const [name, value] of Object.entries(seen))
    data.setInt32(REPORT[name as keyof Seen], value, true)
  return new Report(data.buffer)
}

const empty = {}
const alone = { alone: 1 }
const gone = { group: ESRCH }
const live = { live: 1 }
const zombie = { zombies: 1 }
const taken = { number: NUMBER.kTaken, live: 1 }
const unknown = { number: NUMBER.kUnknown, live: 1 }

// A group is explained as empty where it has zombies; the number of our own group has us.
test.for<[kind: Kind, looks: Seen[], verdict: string, id?: number]>([
  ['session', [empty, empty], 'absent'],
  ['session', [empty, live], 'live'],
  ['session', [empty, unknown], 'unknown'],
  ['session', [empty, taken], 'absent'],
  ['session', [alone], 'absent'],
  ['session', [live], 'live'],
  ['session', [{ ...live, ...alone }], 'live'],
  ['session', [taken], 'absent'],
  ['session', [unknown], 'unknown'],
  ['session', [gone, live], 'live'],
  ['group', [gone], 'absent'],
  ['group', [live], 'live'],
  ['group', [unknown], 'unknown'],
  ['group', [taken], 'absent'],
  ['group', [empty, gone], 'absent'],
  ['group', [empty, empty, empty, empty], 'hidden'],
  ['group', [alone, alone, alone, alone], 'hidden'],
  ['group', [empty, empty, empty, live], 'live'],
  ['group', [zombie, zombie], 'absent'],
  ['group', [zombie, live], 'live'],
  ['group', [{ ...zombie, ...alone }], 'absent'],
  ['group', [empty, empty], 'absent', native.getpgrp()],
  ['process', [empty], 'absent'],
  ['process', [zombie], 'absent'],
  ['process', [live], 'live'],
])('a %s, after the looks %j: %s', async ([kind, looks, verdict, id = gonePid]) => {
  const [first = empty, ...rest] = looks
  const lookAgain = async () => {
    const next = rest.shift()
    if (next === undefined) throw new Error('one look more than it needs')
    return Promise.resolve(reportOf(next))
  }
  expect(await verdictOf(new Target(kind, id), reportOf(first), lookAgain)).toBe(verdict)
  expect(rest).toEqual([])
})
