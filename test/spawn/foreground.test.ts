import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { isForeground } from 'setsid'
import { expect, test } from 'vitest'
import { prepareCommand } from '../../lib/launcher/command.ts'
import { forEachKind } from '../helpers/kinds.ts'
import { node, fixturePath, ps, track, until } from '../helpers/process.ts'
import { fixtureOnTerminal, openTerminal } from '../helpers/pty.ts'
import { openFolder } from '../helpers/folder.ts'

const run = (what: string) => fixtureOnTerminal('job-terminal.mjs', [what])
const here = { ours: true, foreground: true }

forEachKind('terminal', () => {
  test.each([
    ['reads', 'cat', 'SIGTTIN'],
    ['writes under tostop', 'echo', 'SIGTTOU'],
  ])(
    'a child in the background that %s is stopped and told within 500 ms',
    async (_, file, signal) => {
      const terminal = run(`background ${file}`)
      const stopped = await terminal.json()
      track(stopped.pid)
      expect(stopped).toMatchObject({ signal, ...here })
      expect(stopped.elapsed).toBeLessThan(500)
      expect((await terminal.ended).exitCode).toBe(0)
    },
  )

  test.each([
    ['after its exit', { state: 'exited', code: 7, signal: null }],
    ['after kill -9', { state: 'exited', code: null, signal: 'SIGKILL' }],
    ['after it stops itself', { state: 'stopped', signal: 'SIGSTOP' }],
    ['after Ctrl-Z', { state: 'stopped', signal: 'SIGTSTP' }],
  ])(
    'withForeground: the child reads what is typed; %s the terminal is ours as before',
    async (what, state) => {
      const terminal = run(what)
      await terminal.expect(/ready/)
      terminal.type('typed\n')
      await terminal.expect(/got typed/)
      if (what === 'after Ctrl-Z') {
        await terminal.expect(/waiting/)
        terminal.type('\x1a')
      }
      // The parent was not stopped: it reads the next line.
      terminal.type('for the parent\n')
      const result = await terminal.json()
      expect(result).toMatchObject({ state, after: here, line: 'for the parent' })
      expect(result.after.modes).toBe(result.before.modes)
      await terminal.ended
    },
  )

  test('withForeground: a continuation that is told late does not continue a child that has stopped since', async () => {
    const terminal = run('a continuation told late')
    const result = await terminal.json()
    track(result.pid)
    expect(result).toMatchObject({ state: { state: 'stopped', signal: 'SIGSTOP' }, after: here })
    await terminal.ended
  })

  test('spawn foreground: the child has the terminal from its start, and the modes come back', async () => {
    const terminal = run('foreground at start')
    await terminal.expect(/ready/)
    terminal.type('typed\n')
    await terminal.expect(/got typed/)
    terminal.type('next\n')
    const result = await terminal.json()
    expect(result.at.tpgid).toBe(result.at.pid)
    expect(result).toMatchObject({ state: { code: 0 }, after: here, line: 'next' })
    expect(result.after.modes).toBe(result.before.modes)
  })

  test.each([
    ['foreground alone: its group is ours', { foreground: 0 }, 'parent'],
    ["foreground and group 'new'", { foreground: 0, group: 'new' }, 'child'],
    ['foreground and group NUMBER', { foreground: 2, group: 'join' }, 'first'],
    ["group 'new' alone leaves the terminal", { group: 'new' }, 'parent'],
  ])('spawn %s: who has the terminal, as /proc sees it', async (_, options, who) => {
    const terminal = fixtureOnTerminal('job-terminal.mjs', ['place', JSON.stringify(options)])
    const { pid, first } = await terminal.json()
    track(pid, first)
    const holder = { parent: terminal.pid, child: pid, first }[who]
    const group = 'group' in options ? (options.group === 'join' ? first : pid) : terminal.pid
    expect(ps(pid)).toMatchObject({ pgid: group, sid: terminal.pid, tpgid: holder })
    for (const member of [terminal.pid, pid, first]) {
      expect(ps(member).stat.includes('+')).toBe(ps(member).pgid === holder)
      expect(ps(member).tpgid).toBe(holder)
    }
  })

  test('spawn foreground: a Ctrl-Z that comes before withForeground is not undone', async () => {
    const result = await run('stopped before withForeground').json()
    track(result.pid)
    expect(result).toMatchObject({ state: { state: 'stopped', signal: 'SIGTSTP' }, after: here })
    expect(result.after.modes).toBe(result.before.modes)
  })

  test('spawn foreground: a Ctrl-Z before the program has started does not hold the parent', async () => {
    const terminal = run('stopped before its program')
    await terminal.json()
    await until(() => ps(terminal.pid).tpgid !== terminal.pid)
    terminal.type('\x1a')
    const result = await terminal.json()
    track(result.pid)
    expect(result).toMatchObject({ state: { state: 'stopped', signal: 'SIGTSTP' }, after: here })
  })

  test('a child that stopped for want of the terminal is continued by withForeground', async () => {
    const terminal = run('a stopped one that is continued')
    terminal.type('typed\n')
    await terminal.expect(/got typed/)
    expect(await terminal.json()).toMatchObject({ first: here, state: { code: 0 }, after: here })
  })

  test('withForeground takes a group by its number: a pipeline', async () => {
    const terminal = run('a group by number')
    terminal.type('typed\n')
    await terminal.expect(/TYPED/)
    terminal.type('next\n')
    expect(await terminal.json()).toMatchObject({ state: { code: 0 }, after: here, line: 'next' })
  })

  test('a member of a pipeline is stopped and continued also when the first one has ended', async () => {
    const stopped = { state: 'stopped', signal: 'SIGTSTP' }
    expect(await run('a group without its leader').json()).toEqual({
      states: [stopped, stopped, stopped],
    })
  })

  test('withForeground: the terminal is back when fn throws', async () => {
    const result = await run('throws').json()
    expect(result).toMatchObject({ error: 'mine', after: here })
    expect(result.after.modes).toBe(result.before.modes)
  })

  test('withForeground: a child that has ended, or never was, leaves the terminal alone', async () => {
    const result = await run('gone').json()
    expect(result).toMatchObject({ state: { code: 3 }, error: 'ENOENT', after: here })
  })

  test('withForeground: a readline that is reading is paused meanwhile, and goes on', async () => {
    const terminal = run('readline is reading')
    terminal.type('for the child\n')
    await terminal.expect(/got for the child/)
    const result = await terminal.json()
    expect(result).toMatchObject({ state: { code: 0 }, after: here })
    terminal.type('for the parent\n')
    expect(await terminal.json()).toEqual({ seen: ['for the parent'] })
  })

  test.each([
    ['to a child that has ended since', { options: { foreground: 0 }, late: true }],
    ['by another descriptor', { options: { foreground: 2 } }],
    ['with the number of the group', { options: { foreground: 0 }, target: 'number' }],
    ["while stdin has a listener for 'readable'", { listen: 'readable' }],
    ['twice at once, and the first is done first', { other: true }],
  ])('withForeground %s: the terminal comes back, and stdin is read again', async (_, given) => {
    const terminal = fixtureOnTerminal('job-terminal.mjs', ['brought back', JSON.stringify(given)])
    await terminal.expect(/ready/)
    terminal.type('for the child\n')
    await terminal.expect(/got for the child/)
    const result = await terminal.json()
    expect(result).toMatchObject({ state: { code: 3 }, after: here })
    expect(result.after.modes).toBe(result.before.modes)
    terminal.type('for the parent\n')
    expect(await terminal.json()).toEqual({ seen: ['for the parent\n'] })
  })

  test('withForeground: of a terminal that has hung up there is nothing to bring back', async () => {
    const folder = openFolder()
    const file = join(folder, 'state')
    const terminal = fixtureOnTerminal('job-terminal.mjs', ['hung up', file])
    // In either order.
    await terminal.expect(/given|ready/)
    await terminal.expect(/given|ready/)
    terminal.close()
    await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('}'))
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ state: 'exited', code: 3 })
  })

  test('withForeground: the terminal comes back at a stop and goes again, while fn waits', async () => {
    const terminal = run('pending while it stops')
    await terminal.expect(/given|ready/)
    await terminal.expect(/given|ready/)
    terminal.type('go\n')
    const result = await terminal.json()
    expect(result).toMatchObject({ stopped: here, continued: true })
    expect(result.stopped.modes).toBe(result.before.modes)
    terminal.type('typed\n')
    await terminal.expect(/got typed/)
    expect(await terminal.json()).toMatchObject({ code: 0, after: here })
  })

  test('isForeground of a descriptor that is not open: EBADF', () => {
    expect(() => isForeground(2 ** 30)).toThrow(expect.objectContaining({ code: 'EBADF' }))
  })

  test('without a terminal of ours: ENOTTY, and isForeground is false', async () => {
    const terminal = openTerminal('sh', [
      '-c',
      `"${node}" "${fixturePath('job-terminal.mjs')}" 'not ours' 2>&1 | cat`,
    ])
    const { error, foreground } = await terminal.json()
    expect(error).toMatchObject({ code: 'ENOTTY', syscall: 'tcgetpgrp', reason: 'not-a-terminal' })
    expect(foreground).toBe(false)
  })

  test('spawn foreground of a program that is missing: the terminal is back at once', async () => {
    const { before, after, code } = await run('never started').json()
    expect(code).toBe('ENOENT')
    expect(after).toMatchObject(here)
    expect(after.modes).toBe(before.modes)
  })

  test.each([
    [
      'another group than was told has it: EPERM',
      2,
      { told: 8, errno: constants.errno.EPERM, code: 127 },
    ],
    ['0: from any', 0, { told: 0, code: 0 }],
  ])(
    'the launcher takes the terminal from the group that it is told alone, %s',
    async (_, holder, expected) => {
      const program = { file: 'true', args: ['true'], stdio: 'inherit' as const }
      const prepared = prepareCommand(
        program,
        [{ step: 'foreground', value: [0, holder] }],
        undefined,
      )
      if (typeof prepared !== 'object') throw new Error('no descriptor is free')
      prepared.close()
      const { file, args } = prepared.options
      const terminal = fixtureOnTerminal('job-terminal.mjs', ['a step', file, ...args.slice(1)])
      expect(await terminal.json()).toMatchObject({ ...expected, after: here })
    },
  )

  test('withForeground of a session leader: it comes back from the job of a shell that was killed', async () => {
    expect(await run('a shell in it is killed').json()).toMatchObject({ after: here })
  })
})
