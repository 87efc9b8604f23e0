import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { getSystemErrorMap } from 'node:util'
import { describe, expect, test } from 'vitest'
import { fixtureOnTerminal, openTerminal, type Terminal } from '../helpers/pty.ts'
import {
  fixturePath,
  gonePid,
  isLive,
  isRoot,
  type Json,
  node,
  ps,
  readRow,
  runFixture,
  start,
  startFixture,
  track,
  until,
} from '../helpers/process.ts'
import { each } from '../helpers/table.ts'

interface Row {
  title: string
  call: string
  errno: string
  reason: string
}

const text = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')

const rows: Row[] = text('../../docs/errors.md')
  .replace(/^## Features$[^]*/m, '')
  .split('\n')
  .filter((line) => /^\| \w+ \| E/.test(line))
  .map((line) => {
    const [call = '', errno = '', cause = '', reason = ''] = line
      .split('|')
      .slice(1)
      .map((cell) => cell.trim())
    return { title: `${call} ${errno}: ${cause}`, call, errno, reason: reason.replaceAll('`', '') }
  })

/** In the worker's session, which has no part in any terminal. */
const plain = (cause: string) => async () => runFixture('errors.mjs', [cause, String(gonePid)])
/** Below a shell that leads a session: the group of ours may be out of sight, with the number 0. */
const belowShell = (cause: string) => async () => {
  const fixture = [node, fixturePath('errors.mjs'), cause, String(gonePid)]
  return start('sh', ['-c', '"$@"; exit $?', 'sh', ...fixture], { detached: true }).next()
}
/** As the leader of a terminal's session. */
const onTerminal = (cause: string) => async () =>
  fixtureOnTerminal('errors.mjs', [cause, String(gonePid)]).json()
/** A terminal's path, once its leader has taken it. */
async function pathOf({ pid }: Terminal): Promise<string> {
  await until(() => ps(pid).tty !== '?')
  return `/dev/${ps(pid).tty}`
}

/** Given the name of a terminal that another session has. */
const beside = (cause: string) => async () => {
  const path = await pathOf(openTerminal('sleep', ['120']))
  return runFixture('errors.mjs', [cause, String(gonePid), path])
}

/** On a descriptor of a terminal that has been closed. */
const hungUp = (cause: string) => async () => {
  // Started before the terminal: node-pty lets later children inherit the master side.
  const running = startFixture('errors.mjs', [cause, String(gonePid)])
  const terminal = openTerminal('sleep', ['120'])
  running.tell(await pathOf(terminal))
  await running.next()
  terminal.close()
  await until(() => !isLive(terminal.pid))
  running.tell('closed')
  return running.next()
}

/** Each cause of docs/errors.md, brought about. */
const cases: Record<string, () => Promise<Json>> = {
  'setsid EPERM: the caller leads its process group': plain('setsid group-leader'),
  "setsid EPERM: other processes are in the group of the caller's number":
    belowShell('setsid group-in-use'),
  'getsid ESRCH: there is no such process': plain('getsid gone'),
  'getpgid ESRCH: there is no such process': plain('getpgid gone'),
  'setpgid EACCES: the child has already called exec': plain('setpgid has-execed'),
  'setpgid EINVAL: the group is negative': plain('setpgid negative'),
  "setpgid EINVAL: the pid is a thread's and not a process's": plain('setpgid thread'),
  'setpgid EPERM: the process is a session leader': plain('setpgid session-leader'),
  'setpgid EPERM: the child is in another session': plain('setpgid other-session'),
  'setpgid EPERM: there is no such group': plain('setpgid no-such-group'),
  'setpgid EPERM: the group is in another session': plain('setpgid group-in-other-session'),
  'setpgid ESRCH: there is no such process': plain('setpgid gone'),
  'setpgid ESRCH: the process is neither the caller nor a child of it':
    plain('setpgid not-a-child'),
  'killpg EINVAL: there is no such signal': plain('killpg signal'),
  'killpg EPERM: the caller may signal no member of the group': async () => {
    const other = isRoot ? undefined : rootsGroup()
    return runFixture('errors.mjs', ['killpg permission', String(gonePid), String(other ?? '')])
  },
  'killpg ESRCH: there is no such group': plain('killpg gone'),
  'tcgetpgrp EBADF: the descriptor is not open': plain('tcgetpgrp closed'),
  'tcgetpgrp ENOTTY: the descriptor is not a terminal': plain('tcgetpgrp not-a-terminal'),
  "tcgetpgrp ENOTTY: the terminal is not the caller's controlling terminal": beside(
    'tcgetpgrp not-controlling',
  ),
  'tcsetpgrp EBADF: the descriptor is not open': plain('tcsetpgrp closed'),
  'tcsetpgrp EINVAL: the group is negative': onTerminal('tcsetpgrp negative'),
  'tcsetpgrp ENOTTY: the descriptor is not a terminal': plain('tcsetpgrp not-a-terminal'),
  "tcsetpgrp ENOTTY: the terminal is not the caller's controlling terminal": beside(
    'tcsetpgrp not-controlling',
  ),
  'tcsetpgrp EPERM: the group is in another session': onTerminal(
    'tcsetpgrp group-in-other-session',
  ),
  "tcsetpgrp EPERM: the number is a process's in another session and no group's": onTerminal(
    'tcsetpgrp process-in-other-session',
  ),
  'tcsetpgrp ESRCH: there is neither a group nor a process of that number':
    onTerminal('tcsetpgrp gone'),
  'tcgetsid EBADF: the descriptor is not open': plain('tcgetsid closed'),
  'tcgetsid ENOTTY: the descriptor is not a terminal': plain('tcgetsid not-a-terminal'),
  "tcgetsid ENOTTY: the terminal is not the caller's controlling terminal": beside(
    'tcgetsid not-controlling',
  ),
  'ttyname EBADF: the descriptor is not open': plain('ttyname closed'),
  'ttyname ENODEV: the terminal has no name in this mount namespace': async () => {
    const command = `mount -t tmpfs none /dev/pts && exec "${node}" "${fixturePath('errors.mjs')}" 'ttyname no-name' 0`
    return openTerminal('unshare', [...mountNamespace, 'sh', '-c', command]).json()
  },
  'tcgetpgrp EIO: the terminal has hung up': hungUp('tcgetpgrp hung-up'),
  'tcgetsid EIO: the terminal has hung up': hungUp('tcgetsid hung-up'),
  'ttyname EIO: the terminal has hung up': hungUp('ttyname hung-up'),
  'tcsetpgrp ENOTTY: the terminal has hung up': hungUp('tcsetpgrp hung-up'),
  'ttyname ENOTTY: the descriptor is not a terminal': plain('ttyname not-a-terminal'),
}

const mountNamespace = isRoot ? ['-m'] : ['-rm']

/** The number of a group that is root's alone, for a user who isn't. */
function rootsGroup(): number | undefined {
  const others = new Set<number>()
  const roots = new Set<number>()
  const ids = (pid: number) => ({ uid: statSync(`/proc/${pid}`).uid, pgid: readRow(pid).pgid })
  for (const { uid, pgid } of each(ids)) {
    ;(uid === 0 ? roots : others).add(pgid)
  }
  return [...roots].find((pgid) => pgid > 1 && !others.has(pgid))
}

/** Why this machine can't bring an error about, if it can't. */
function hindrance(title: string): string | undefined {
  if (title.includes('ENODEV') && spawnSync('unshare', [...mountNamespace, 'true']).status !== 0) {
    return 'mount namespaces are not allowed here'
  }
  if (title.startsWith('killpg EPERM') && !isRoot && rootsGroup() === undefined) {
    return "there is no group of root's alone"
  }
  return undefined
}

describe('each row of docs/errors.md', () => {
  test('has a case, and each case a row', () => {
    expect(Object.keys(cases).sort()).toEqual(rows.map((row) => row.title).sort())
  })

  test.for(rows)('$title', async ({ title, call, errno, reason }, { skip }) => {
    const why = hindrance(title)
    if (why !== undefined) {
      console.log(`skipped: ${title}: ${why}`)
      skip(why)
    }
    const { pid, sid, other, theirs, fd, tty, error } = (await cases[title]?.()) ?? {}
    if (other !== undefined && isRoot) track(other)
    expect(error).toMatchObject({ name: 'Error', code: errno, syscall: call })
    expect(error.errno).toBeLessThan(0)
    const [, standard = ''] = getSystemErrorMap().get(error.errno) ?? []
    expect(error.keys.slice(0, 3)).toEqual(['errno', 'code', 'syscall'])
    if (reason === '') {
      expect(error.message).toBe(`${errno}: ${standard}, ${call}`)
      expect(error.keys).toHaveLength(3)
      return
    }
    const { text, ...facts } = explained({ reason, pid, sid, other, theirs, fd, tty })
    expect(error.message).toBe(`${errno}: ${standard}, ${call}: ${text}`)
    expect(error).toMatchObject({ reason, ...facts })
    expect(error.keys).toEqual(['errno', 'code', 'syscall', 'reason', ...Object.keys(facts)])
  })
})

/** The sentence and the facts that go with a reason, from ids that the case knows. */
function explained({ reason, pid, sid, other, theirs = other, fd, tty }: Json): Json {
  const members = (pids: number[]) => pids.sort((a, b) => a - b)
  switch (reason) {
    case 'group-leader': {
      const list = members([pid, other])
      const text = `already the leader of process group ${pid} (members ${list.join(', ')})`
      return { text, pgid: pid, members: list }
    }
    case 'group-in-use':
      return {
        text: `process group ${pid} is still in use (members ${other})`,
        pgid: pid,
        members: [other],
      }
    case 'has-execed':
      return { text: `the child ${other} has already called exec`, pid: other }
    case 'session-leader':
      return { text: `process ${pid} is a session leader and keeps its group`, pid, sid: pid }
    case 'other-session': {
      const own = ps(process.pid).sid
      return {
        text: `process ${other} is in session ${own}, the caller in ${sid}`,
        pid: other,
        sid: own,
      }
    }
    case 'no-such-group':
      return { text: `there is no process group ${gonePid}`, pgid: gonePid }
    case 'group-in-other-session': {
      const text = `process group ${other} is in session ${theirs}, the caller in ${sid}`
      return { text, pgid: other, sid: theirs }
    }
    case 'not-a-child':
      return {
        text: `process ${process.pid} is neither the caller nor a child of it`,
        pid: process.pid,
      }
    case 'not-a-terminal':
      return { text: `descriptor ${fd} is not a terminal`, fd }
    case 'not-controlling':
      return { text: `${tty} is not the controlling terminal of process ${pid}`, fd }
    case 'hung-up':
      return { text: `the terminal of descriptor ${fd} has hung up`, fd }
    default:
      throw new Error(`no sentence for the reason ${reason}`)
  }
}

/** The raw calls by their sources: name and doc comment. */
const rawCalls = new Map(
  ['session', 'terminal'].flatMap((file) =>
    [
      ...text(`../../lib/raw/${file}.ts`).matchAll(
        /\/\*\*((?:(?!\*\/)[^])*)\*\/\nexport function (\w+)/g,
      ),
    ]
      .filter(([, comment = '']) => !comment.includes('@internal'))
      .map(([, comment = '', call = '']) => [call, comment]),
  ),
)

test('each errno of a call has its @throws line, and each such line a row', () => {
  expect(rawCalls.size).toBeGreaterThan(10)
  const documented = [...rawCalls].flatMap(([call, comment]) =>
    [...comment.matchAll(/@throws `(E[A-Z0-9]+)`/g)].map(([, errno = '']) => `${call} ${errno}`),
  )
  const inTable = rows
    .filter(({ call }) => rawCalls.has(call))
    .map(({ call, errno }) => `${call} ${errno}`)
  expect(documented.sort()).toEqual([...new Set(inTable)].sort())
})

test('no raw call is forgotten by the table, the argument tests or the type tests', async () => {
  const [neverFail, withoutArguments] = [
    ['getpgrp', 'ctermid'],
    ['setsid', 'getpgrp', 'ctermid'],
  ]
  const refused = text('../fixtures/arguments.mjs')
  const types = text('../types.test-d.ts')
  const exported: object = await import('../../lib/index.ts')
  for (const call of rawCalls.keys()) {
    const has = {
      exported: call in exported,
      row: neverFail.includes(call) || rows.some((row) => row.call === call),
      arguments:
        withoutArguments.includes(call) || new RegExp(`^  '?${call}\\b`, 'm').test(refused),
      types: types.includes(`setsid.${call}`),
    }
    expect(has, call).toEqual({ exported: true, row: true, arguments: true, types: true })
  }
})

test('a plain system error has the own keys of fs errors and no more', async () => {
  const running = start(node, [
    '--input-type=module',
    '-e',
    `import { getsid } from 'setsid'
     import { statSync } from 'node:fs'
     const keys = (f) => { try { f() } catch (e) { return [Object.keys(e), e.name, e.constructor === Error] } }
     console.log(JSON.stringify([keys(() => getsid(${gonePid})), keys(() => statSync('/none'))]))`,
  ])
  const [ours, theirs] = await running.next()
  expect([...ours[0], 'path'].sort()).toEqual([...theirs[0]].sort())
  expect(ours.slice(1)).toEqual(theirs.slice(1))
})
