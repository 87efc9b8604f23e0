// What a contained program can do that means to escape. Containment is no sandbox (docs/security.md).
import { expect, test } from 'vitest'
import {
  containedMembers,
  containedPid,
  exitOrStop,
  spawn,
  stopContained,
  waitForContained,
} from 'setsid'
import { hasNobody, isLive, isRoot, track, unprivileged, until } from '../helpers/process.ts'
import { withArgument } from '../helpers/table.ts'
import { need } from '../helpers/tools.ts'

const marks = (test: number) => `${200_000 + (process.pid % 10_000)}.${test}`
const sleeping = (seconds: string) => withArgument(`sleep\0${seconds}\0`).filter(isLive)

/** A shell with a member that kills what it finds above the program, and sleeps. */
function hostile(seconds: string): string[] {
  const parent = (pid: string) => `$(sed -n 's/^PPid:[[:space:]]*//p' /proc/${pid}/status)`
  const member = `supervisor=${parent('$1')}; standin=${parent('$supervisor')}
    kill -9 $standin $supervisor; exec sleep ${seconds}`
  return ['sh', '-c', 'setsid sh -c "$1" sh $$ & exec sleep 1000', 'sh', member]
}

test.runIf(!isRoot || hasNobody)(
  'a member that kills supervisor and stand-in is free, without a cgroup, and what is left is not known',
  async () => {
    const seconds = marks(1)
    const [file = '', ...args] = hostile(seconds)
    const child = spawn(file, args, { stdio: 'ignore', contain: true, ...unprivileged })
    track(child.pid ?? 0, containedPid(child) ?? 0)
    expect(await exitOrStop(child)).toMatchObject({ signal: 'SIGKILL' })
    await until(() => sleeping(seconds).length === 1)
    track(...sleeping(seconds))
    await until(() => !isLive(containedPid(child) ?? 0))
    await expect(waitForContained(child)).rejects.toMatchObject({
      ...{ code: 'ESRCH', reason: 'no-supervisor' },
    })
    expect(containedMembers(child)).toEqual([])
    expect(await stopContained(child)).toMatchObject({
      ...{ outcome: 'survivors', hidden: true, signalled: [] },
    })
    expect(sleeping(seconds)).toHaveLength(1)
  },
)

test.runIf(hasNobody)(
  'a member that has become another user after the start can’t kill them, and is ended (needs root)',
  async () => {
    need('setpriv')
    const seconds = marks(2)
    const user = ['--reuid=65534', '--regid=65534', '--clear-groups']
    const child = spawn('setpriv', [...user, ...hostile(seconds)], {
      ...{ stdio: 'ignore', contain: true },
    })
    track(child.pid ?? 0, containedPid(child) ?? 0)
    await until(() => sleeping(seconds).length === 1)
    expect(isLive(child.pid ?? 0)).toBe(true)
    expect(await stopContained(child)).toMatchObject({ outcome: 'gone', hidden: false })
    expect(sleeping(seconds)).toEqual([])
  },
)
