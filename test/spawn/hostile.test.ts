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

test.runIf(!isRoot || hasNobody)(
  'a member that kills supervisor and stand-in is free, without a cgroup, and what is left is not known',
  async () => {
    const seconds = `${200_000 + (process.pid % 10_000)}.1`
    const sleeping = () => withArgument(`sleep\0${seconds}\0`).filter(isLive)
    const parent = (pid: string) => `$(sed -n 's/^PPid:[[:space:]]*//p' /proc/${pid}/status)`
    const hostile = `supervisor=${parent('$1')}; standin=${parent('$supervisor')}
      kill -9 $standin $supervisor; exec sleep ${seconds}`
    const child = spawn('sh', ['-c', 'setsid sh -c "$1" sh $$ & exec sleep 1000', 'sh', hostile], {
      ...{ stdio: 'ignore', contain: true, ...unprivileged },
    })
    track(child.pid ?? 0, containedPid(child) ?? 0)
    expect(await exitOrStop(child)).toMatchObject({ signal: 'SIGKILL' })
    await until(() => sleeping().length === 1)
    track(...sleeping())
    await until(() => !isLive(containedPid(child) ?? 0))
    await expect(waitForContained(child)).rejects.toMatchObject({
      ...{ code: 'ESRCH', reason: 'no-supervisor' },
    })
    expect(containedMembers(child)).toEqual([])
    expect(await stopContained(child)).toMatchObject({
      ...{ outcome: 'survivors', hidden: true, signalled: [] },
    })
    expect(sleeping()).toHaveLength(1)
  },
)
