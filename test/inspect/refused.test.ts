import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { tableError } from '../../lib/inspect/row.ts'
import { compile } from '../helpers/compile.ts'
import { fixturePath, isRoot, type Json, node, start, unprivileged } from '../helpers/process.ts'

/** What each call of test/fixtures/look.mjs answers where nothing is in its way. */
const right: Json = {
  listProcessesSync: true,
  listProcesses: true,
  sessionMembers: true,
  groupMembers: true,
  listSessions: true,
  own: true,
  uid: true,
  other: true,
  session: true,
  group: true,
  members: true,
  groups: true,
  isSameProcess: true,
}
const every = (answer: string) =>
  Object.fromEntries(Object.keys(right).map((name) => [name, answer]))
const look = (...args: string[]) => [node, fixturePath('look.mjs'), ...args]

async function answers(command: string[], user = {}): Promise<Json> {
  const [file = '', ...args] = command
  const running = start(file, args, user)
  const given = await running.next()
  expect(await running.ended).toBe(0)
  return given
}

let deny: string
beforeAll(() => {
  deny = compile('deny')
})

describe.each([
  ['as we are', {}],
  ['unprivileged', unprivileged],
] as const)('a kernel or sandbox that refuses, %s', (_, user) => {
  test.each([
    ['statx=ENOSYS', right],
    ['statx=EPERM', right],
    ['pidfd_open=ENOSYS', right],
    ['pidfd_open=EPERM', right],
  ])('%s: nothing is missing', async (refusal, expected) => {
    expect(await answers([deny, refusal, '--', ...look()], user)).toMatchObject(expected)
  })
})

// Node finds an addon by a look into a folder, and so it is loaded here by its name.
test.each(['EPERM', 'EACCES', 'ENOSYS', 'EMFILE'])(
  'a table that is refused with %s is an error, never an empty one',
  async (refusal) => {
    const code = `
      const native = require(process.argv[1])
      native.defineOthers(native)
      const rows = [native.processIds(0, 0), native.processIds(1, native.getsid(0)), native.processRows(0, 0)]
      native.processRowsAsync(0, 0).then((last) => console.log(JSON.stringify([...rows, last, native.processRow(process.pid, new ArrayBuffer(136))])))`
    const addon = fileURLToPath(new URL('../../build/Release/setsid.node', import.meta.url))
    const given = await answers([deny, `getdents64=${refusal}`, '--', node, '-e', code, addon])
    const errno = -constants.errno[refusal as 'EPERM']
    expect(given).toEqual([errno, errno, errno, errno, 0])
  },
)

test('the error of a table that may not be read does not speak of hidepid', () => {
  expect(tableError(-constants.errno.EPERM, 'listProcesses')).toMatchObject({
    code: 'EPERM',
    reason: 'proc-refused',
  })
})

describe('with few descriptors', () => {
  const limit = (most: number, ...args: string[]) => [
    ...['sh', '-c', `ulimit -n ${most}; exec "$0" "$@"`],
    ...look(...args),
  ]

  // The table takes one descriptor at a time, whatever its size.
  test.each([32, 64, 128, 256])('ulimit -n %i: one that is free is enough', async (most) => {
    expect(await answers(limit(most))).toMatchObject(right)
    expect(await answers(limit(most, '1'))).toMatchObject(right)
    expect(await answers(limit(most, '0'))).toMatchObject(every('EMFILE'))
  })
})

describe.runIf(isRoot)('in namespaces of its own (needs root)', () => {
  const inside = (script: string, ...args: string[]) => [
    ...['unshare', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c'],
    `${script} "$0" "$@" $!; exit $?`,
    ...look('', ...args),
  ]
  const nobody = 'setpriv --reuid=65534 --regid=65534 --clear-groups'
  const hidden = 'EPERM hidden'

  test.each([1, 2])('hidepid=%i, as nobody: what decides is hidden, not gone', async (level) => {
    const script = `"$0" "$@"; exit $?`
    const given = await answers(
      inside(
        `mount -t proc -o hidepid=${level} proc /proc && { setsid sleep 60 & } && setsid -w sh -c '${nobody} ${script}'`,
        '1',
      ),
    )
    const explain = 'unknown,unknown,unknown,unknown'
    expect(given).toMatchObject({
      ...right,
      other: hidden,
      session: hidden,
      group: hidden,
      // With hidepid=1 their names are there, and so the kernel's ids of each.
      members: level === 1 ? true : hidden,
      groups: level === 1 ? true : hidden,
      explain,
    })
  })

  test.each([1, 2])('hidepid=%i, as root: all is seen', async (level) => {
    const given = await answers(inside(`mount -t proc -o hidepid=${level} proc /proc &&`, '1'))
    expect(given).toMatchObject(right)
    expect(given.explain).not.toContain('unknown')
  })

  test('no /proc: ENOENT of each call', async () => {
    const given = await answers(inside('mount -t tmpfs none /proc &&', '1'))
    expect(given).toMatchObject(every('ENOENT no-proc'))
  })
})

describe('explain', () => {
  const hasKernelThreads =
    existsSync('/proc/2/stat') && readFileSync('/proc/2/stat', 'latin1').startsWith('2 (kthreadd)')

  test.runIf(hasKernelThreads)(
    'a thread of the kernel survives all, for its own reason (needs kernel threads)',
    async () => {
      const { explain } = await import('../../lib/index.ts')
      const { hangup, interrupt, suspend, parentDeath } = await explain(2)
      for (const verdict of [hangup, interrupt, suspend, parentDeath]) {
        expect(verdict).toMatchObject({
          outcome: 'survives',
          reasons: [{ reason: 'kernel-thread' }],
        })
      }
    },
  )

  test.runIf(isRoot)(
    'init of a namespace has no parent there, and survives (needs root)',
    async () => {
      const code = `require('setsid').explain(1).then(({ parentDeath, hangup }) => console.log(JSON.stringify({ parentDeath, hangup })))`
      const { parentDeath, hangup } = await answers([
        ...['unshare', '--mount-proc', '--pid', '--fork', '--kill-child', node, '-e', code],
      ])
      expect(parentDeath).toMatchObject({ outcome: 'survives', reasons: [{ reason: 'no-parent' }] })
      expect(hangup.outcome).toBe('survives')
    },
  )
})
