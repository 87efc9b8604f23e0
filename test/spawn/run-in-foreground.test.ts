// An editor or a pager in one call, on real terminals: as a job of interactive shells, and where no shell is above.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runInForeground } from 'setsid'
import { describe, expect, test } from 'vitest'
import { openFolder } from '../helpers/folder.ts'
import { forEachKind, starterOf } from '../helpers/kinds.ts'
import { fixturePath, type Json, node, ps, startFixture, track, until } from '../helpers/process.ts'
import { fixtureOnTerminal, openTerminal, type Terminal } from '../helpers/pty.ts'
import { expectUsable, openShell, type Shell, shells, users } from '../helpers/puppet.ts'

const fixture = 'run-in-foreground.mjs'
const here = { foreground: true }

/** A note of the fixture's. */
async function noteIn(folder: string, name: string): Promise<Json> {
  const path = join(folder, name)
  await until(() => existsSync(path))
  return JSON.parse(readFileSync(path, 'utf8'))
}

/** Waits till the program of a fixture has the terminal, and gives its pid. */
async function programOf(folder: string, ...others: number[]): Promise<number> {
  const { pid } = await noteIn(folder, 'pids')
  track(pid)
  let holder = 0
  await until(() => ![ps(pid).pgid, -1, ...others].includes((holder = ps(pid).tpgid)))
  track(holder)
  return holder
}

interface Leader {
  terminal: Terminal
  note(name: string): Promise<Json>
  /** The pid of its program, which has the terminal. */
  program(): Promise<number>
}

/** The fixture as the leader of its session: its group is orphaned. */
function lead(what: string, script = 'exit 9'): Leader {
  const folder = openFolder()
  const terminal = fixtureOnTerminal(fixture, [what, folder, script])
  return {
    terminal,
    note: (name) => noteIn(folder, name),
    program: () => programOf(folder),
  }
}

/** Spoils the modes, then goes on to `script`. */
const spoil = (script: string) => `stty -echo -icanon min 1; echo ready; ${script}`
const asks = spoil('read x; echo "got $x"; exit 7')

const user = users.at(-1) ?? 'this user'

forEachKind('runInForeground', (kind) => {
  describe.each(Object.keys(shells) as Shell[])('a job of %s', (name) => {
    async function job(script: string, what = 'run', more = '', by?: string) {
      const folder = openFolder()
      const shell = await openShell(name, user, { ...process.env, HOME: folder })
      writeFileSync(join(folder, 'script'), script)
      const command = `'${node}' '${fixturePath(fixture)}' ${what} '${folder}' '. ${folder}/script'`
      shell.type(by ? `${by} "${command}; echo script ends"\r` : `${command}${more}\r`)
      return {
        shell,
        note: (name: string) => noteIn(folder, name),
        program: () => programOf(folder, shell.pid),
        /** What the shell tells of its jobs. */
        async jobs() {
          shell.type('jobs; echo "the"" end"\r')
          const [text] = await shell.expect(/[^]*the end/)
          const lines = text.split('\n').filter((line) => /topped|suspended|unning/.test(line))
          // A shell may tell of a job that has stopped right before it lists it.
          return [
            ...new Map(lines.map((line) => [/\[?\d+\]? /.exec(line)?.[0].trim(), line])).values(),
          ]
        },
      }
    }
    const stateOf = (pid: number) => ps(pid).stat.charAt(0)

    test('the program reads what is typed, and the modes come back after kill -9', async () => {
      const { shell, note } = await job(spoil('read x; echo "got $x"; kill -KILL $$'))
      await shell.expect(/ready/)
      shell.type('typed\n')
      await shell.expect(/got typed/)
      const { state, before, after } = await note('result')
      expect(state).toEqual({ state: 'exited', code: null, signal: 'SIGKILL' })
      expect(after).toEqual(before)
      expect(after).toMatchObject({ foreground: true, flowing: true })
      await expectUsable(shell)
    })

    test('Ctrl-Z: the shell has its prompt and one stopped job, and fg brings the program back', async () => {
      const { shell, note, program, jobs } = await job(asks)
      await shell.expect(/ready/)
      const child = await program()
      const { pid } = await note('pids')
      shell.type('\x1a')
      await expectUsable(shell)
      expect([stateOf(pid), stateOf(child)]).toEqual(['T', 'T'])
      expect(await jobs()).toEqual([expect.stringMatching(/topped|suspended/)])
      shell.type('fg\r')
      await until(() => ps(pid).tpgid === child)
      // And once more.
      shell.type('\x1a')
      await expectUsable(shell)
      expect(await jobs()).toEqual([expect.stringMatching(/topped|suspended/)])
      shell.type('fg\r')
      await until(() => ps(pid).tpgid === child)
      shell.type('typed\n')
      await shell.expect(/got typed/)
      const { state, before, after } = await note('result')
      expect(state).toEqual({ state: 'exited', code: 7, signal: null })
      expect(after).toEqual(before)
      await expectUsable(shell)
    })

    test('Ctrl-Z and bg: the program runs without the terminal, though the caller reads; fg gives it back', async () => {
      const { shell, note, program, jobs } = await job('exec sleep 60')
      const child = await program()
      const { pid } = await note('pids')
      shell.type('\x1a')
      await expectUsable(shell)
      shell.type('bg\r')
      await until(() => stateOf(child) === 'S' && stateOf(pid) === 'S')
      await expectUsable(shell)
      expect(await jobs()).toEqual([expect.stringMatching(/unning/)])
      expect([stateOf(pid), stateOf(child)]).toEqual(['S', 'S'])
      shell.type('fg\r')
      await until(() => ps(pid).tpgid === child)
      shell.type('\x03')
      expect(await note('result')).toMatchObject({ state: { code: null, signal: 'SIGINT' } })
      await expectUsable(shell)
    })

    test('Ctrl-Z, bg, and the program reads: one job stopped for input, and fg lets it read', async () => {
      const { shell, note, program, jobs } = await job(asks)
      await shell.expect(/ready/)
      const child = await program()
      const { pid } = await note('pids')
      shell.type('\x1a')
      await expectUsable(shell)
      shell.type('bg\r')
      await until(() => stateOf(child) === 'T' && stateOf(pid) === 'T')
      await expectUsable(shell)
      expect(await jobs()).toEqual([expect.stringMatching(/topped|suspended/)])
      shell.type('fg\r')
      await until(() => ps(pid).tpgid === child)
      shell.type('typed\n')
      await shell.expect(/got typed/)
      expect(await note('result')).toMatchObject({ state: { code: 7, signal: null } })
      await expectUsable(shell)
    })

    test('a program that ends in the background: raw mode waits for fg', async () => {
      const { shell, note, program } = await job('exec sleep 60', 'raw')
      const child = await program()
      const { pid } = await note('pids')
      shell.type('\x1a')
      await expectUsable(shell)
      shell.type('bg\r')
      await until(() => stateOf(child) === 'S' && stateOf(pid) === 'S')
      process.kill(child, 'SIGHUP')
      await until(() => stateOf(pid) === 'T')
      await expectUsable(shell)
      shell.type('fg\r')
      const { state, before, after } = await note('result')
      expect(state).toMatchObject({ signal: 'SIGHUP' })
      expect(before).toMatchObject({ raw: true, flowing: true })
      expect(after).toEqual(before)
      // By this one Node brings the terminal's modes back itself; dash doesn't.
      process.kill(pid, 'SIGTERM')
      await expectUsable(shell)
    })

    test('a script that runs the caller: all of the job stops, and goes on', async () => {
      const { shell, note, program } = await job(asks, 'run', '', 'sh -c')
      await shell.expect(/ready/)
      const { pid } = await note('pids')
      const child = await program()
      const script = ps(pid).pgid
      expect(script).not.toBe(pid)
      shell.type('\x1a')
      await expectUsable(shell)
      expect([script, pid, child].map(stateOf)).toEqual(['T', 'T', 'T'])
      shell.type('fg\r')
      await until(() => ps(pid).tpgid === child)
      shell.type('typed\n')
      await shell.expect(/got typed/)
      await shell.expect(/script ends/)
      expect(await note('result')).toMatchObject({ state: { code: 7 } })
      await expectUsable(shell)
    })

    const ends = 'trap "" HUP; sleep 60 & trap "kill $!; exit 3" CONT; echo ready; wait'
    test('the terminal hangs up while all are stopped: the program goes on, and its end is told', async () => {
      const { shell, note, program } = await job(ends, 'hung-up')
      await shell.expect(/ready/)
      await program()
      shell.type('\x1a')
      await expectUsable(shell)
      shell.close()
      expect(await note('result')).toEqual({ state: { state: 'exited', code: 3, signal: null } })
    })

    test('Ctrl-C ends the program alone: the caller tells SIGINT', async () => {
      const { shell, note, program } = await job('exec sleep 60')
      expect(starterOf(await program(), kind)).toBe((await note('pids')).pid)
      shell.type('\x03')
      const { state, after } = await note('result')
      expect(state).toEqual({ state: 'exited', code: null, signal: 'SIGINT' })
      expect(after).toMatchObject(here)
      await expectUsable(shell)
    })

    test('in the background: EPERM that says so, and nothing was started', async () => {
      const { shell, note } = await job('touch touched', 'run', ' &')
      const { state, before, after } = await note('result')
      expect(state.error).toMatchObject({
        ...{ code: 'EPERM', syscall: 'tcsetpgrp', reason: 'background' },
      })
      expect(before).toMatchObject({ foreground: false })
      expect(after).toEqual(before)
      await expectUsable(shell)
    })
  })

  test('an orphaned group, which no shell could continue: after Ctrl-Z the program goes on', async () => {
    const { terminal, note } = lead(
      'run',
      `trap 'echo continued' CONT; ${spoil('until read x; do :; done; echo "got $x"; exit 7')}`,
    )
    await terminal.expect(/ready/)
    terminal.type('\x1a')
    await terminal.expect(/continued/)
    terminal.type('typed\n')
    await terminal.expect(/got typed/)
    const { state, before, after } = await note('result')
    expect(state).toEqual({ state: 'exited', code: 7, signal: null })
    expect(after).toEqual(before)
  })

  test('raw mode of the caller: the program has the usual modes, and each reads its own', async () => {
    const { terminal, note } = lead('raw', 'stty -a; read x; echo "got $x"')
    const [text] = await terminal.expect(/[^]*-?\bicanon\b[^]*-?\becho\b/)
    expect(text).not.toMatch(/-icanon|-echo\b/)
    terminal.type('for the program\nk')
    await terminal.expect(/got for the program/)
    const { state, before, after } = await note('result')
    expect(state).toMatchObject({ code: 0 })
    expect(before).toMatchObject({ raw: true, flowing: true })
    expect(after).toEqual(before)
    // A key without a line's end: raw mode is on again.
    expect(await note('heard')).toEqual({ text: 'k' })
  })

  test('the terminal by another name: stdin is paused all the same', async () => {
    const { terminal, note } = lead('another name', 'read x; echo "got $x"')
    await until(() => ps(terminal.pid).tpgid !== terminal.pid)
    terminal.type('for the program\n')
    await terminal.expect(/got for the program/)
    terminal.type('for the caller\n')
    expect(await note('result')).toMatchObject({ state: { code: 0 }, after: { flowing: true } })
    expect(await note('heard')).toEqual({ text: 'for the caller\n' })
  })

  test('the terminal hangs up: the end of the program is told', async () => {
    const { terminal, note } = lead('hung-up', 'trap "" HUP; echo ready; cat; exit 3')
    await terminal.expect(/ready/)
    terminal.close()
    expect(await note('result')).toEqual({ state: { state: 'exited', code: 3, signal: null } })
  })

  test('readline asks before and after, and takes nothing of the program', async () => {
    const { terminal, note } = lead('readline', 'read x; echo "got $x"')
    await terminal.expect(/first\? /)
    terminal.type('one\r')
    await terminal.expect(/one/)
    await until(() => ps(terminal.pid).tpgid !== terminal.pid)
    terminal.type('for the program\n')
    await terminal.expect(/got for the program/)
    await terminal.expect(/second\? /)
    terminal.type('two\r')
    const { before, after, ...rest } = await note('result')
    expect(rest).toMatchObject({ first: 'one', second: 'two', state: { code: 0 } })
    expect(after).toEqual(before)
    expect((await terminal.ended).exitCode).toBe(0)
  })

  test('a program that is missing: ENOENT, and the terminal and raw mode are as before', async () => {
    const { note } = lead('missing')
    const { state, before, after } = await note('result')
    expect(state.error).toMatchObject({ code: 'ENOENT', syscall: 'spawn no-such' })
    expect(before).toMatchObject({ ...here, raw: true, flowing: true })
    expect(after).toEqual(before)
  })

  test('an abort: AbortError, after the program has ended', async () => {
    const { note } = lead(
      'abort',
      `sleep 60 & p=$!; trap 'kill $p; sleep 0.3; exit 1' TERM; kill -USR1 $CALLER; wait`,
    )
    const { state, after, elapsed } = await note('result')
    expect(state.error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' })
    expect(elapsed).toBeGreaterThan(250)
    expect(after).toMatchObject(here)
  })

  test('a signal that was aborted before: AbortError', async () => {
    const { note } = lead('abort', 'exec sleep 60')
    const { state, after } = await note('result')
    expect(state.error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' })
    expect(after).toMatchObject(here)
  })

  test('a timeout ends the program by killSignal, which is no error', async () => {
    const { note } = lead('timeout', 'exec sleep 60')
    expect(await note('result')).toMatchObject({
      state: { code: null, signal: 'SIGHUP' },
      after: here,
    })
  })

  test('two at once: the second waits for the end of the first', async () => {
    const { terminal, note } = lead('two', 'read x; echo "got $x"')
    await until(() => ps(terminal.pid).tpgid !== terminal.pid)
    terminal.type('one\n')
    await terminal.expect(/got one/)
    terminal.type('two\n')
    await terminal.expect(/got two/)
    const { states, after } = await note('result')
    expect(states).toMatchObject([{ code: 0 }, { code: 0 }])
    expect(after).toMatchObject(here)
  })

  const tells = (folder: string) =>
    `read x; read -r a b c d e rest < /proc/$$/stat; echo "$x $e" > ${folder}/program; exit 5`

  test('stdin is a pipe: the program reads from it, and has the terminal by stdout', async () => {
    const folder = openFolder()
    const command = `'${node}' '${fixturePath(fixture)}' plain '${folder}' '${tells(folder)}'`
    const { pid } = openTerminal('sh', ['-c', `echo piped | ${command}; :`])
    const { state, code } = await noteIn(folder, 'result')
    expect(state).toMatchObject({ code: 5 })
    const [text, group] = code.trim().split(' ')
    expect(text).toBe('piped')
    expect(Number(group)).not.toBe(pid)
  })

  test('without a terminal: the program is in our own group, and waited for', async () => {
    const folder = openFolder()
    const running = startFixture(fixture, ['plain', folder, tells(folder)], { detached: true })
    running.tell('piped')
    const { state, code } = await noteIn(folder, 'result')
    expect(state).toEqual({ state: 'exited', code: 5, signal: null })
    expect(code).toBe(`piped ${running.pid}\n`)
  })
})

test('in a worker: ERR_WORKER_UNSUPPORTED_OPERATION', async () => {
  const { note } = lead('worker')
  expect(await note('result')).toEqual({ code: 'ERR_WORKER_UNSUPPORTED_OPERATION' })
})

test.each([
  ['session', 'new'],
  ['session', 'x'],
  ['detached', true],
  ['controllingTerminal', 0],
  ['stealTerminal', true],
  ['foreground', 0],
  ['group', 'inherit'],
  ['group', 1234],
  ['stdio', 'pipe'],
  ['stdio', ['inherit', 'overlapped', 'inherit']],
  ['stdio', ['inherit', 'inherit', 'inherit', 'ipc']],
])('options.%s %s is refused by name, and nothing is started', async (name, value) => {
  const touched = join(openFolder(), 'touched')
  const call = runInForeground('touch', [touched], { [name]: value })
  await expect(call).rejects.toMatchObject({
    code: 'ERR_INVALID_ARG_VALUE',
    message: expect.stringContaining(`'options.${name}'`),
  })
  expect(existsSync(touched)).toBe(false)
})

test('options that ask for what it does anyway are none that contradict it', async () => {
  const options = { session: 'inherit', group: 'new', detached: false, stdio: 'ignore' } as const
  const end = { state: 'exited', code: 0, signal: null }
  expect(await runInForeground('true', options)).toEqual(end)
  expect(await runInForeground('true', undefined, { stdio: ['ignore', 'ignore'] })).toEqual(end)
})

test.each([
  ['options', null, 'ERR_INVALID_ARG_TYPE'],
  ['args', 'text', 'ERR_INVALID_ARG_TYPE'],
  ['file', 7, 'ERR_INVALID_ARG_TYPE'],
])('what Node refuses as %s rejects with its error', async (which, value, code) => {
  const given = { file: 'true', args: [], options: { stdio: 'ignore' }, [which]: value } as Json
  await expect(runInForeground(given.file, given.args, given.options)).rejects.toMatchObject({
    code,
  })
})
