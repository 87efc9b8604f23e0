// `sess run` beside setsid(1): the same place for the program, flag by flag.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isLive, isRoot, ps, track, until } from '../helpers/process.ts'
import { openTerminal } from '../helpers/pty.ts'
import { type Front, fronts } from '../helpers/sess.ts'

/** Runs a command line in a shell on a new terminal; what its program saw of its place. */
async function place(command: string): Promise<object> {
  const folder = mkdtempSync(join(tmpdir(), 'run-'))
  const script = join(folder, 'place')
  const result = join(folder, 'result')
  writeFileSync(
    script,
    `cut -d ' ' -f 1,5-8 /proc/$$/stat > ${result}.new\nmv ${result}.new ${result}\n`,
  )
  const line = `${command.replace('PLACE', `sh ${script}`)}; echo "status $?"; read wait`
  const terminal = openTerminal('bash', ['-c', line])
  const [, status] = await terminal.expect(/status (\d+)/)
  if (status !== '0') return { status, output: terminal.output() }
  await until(() => {
    try {
      return readFileSync(result, 'utf8') !== ''
    } catch {
      return false
    }
  })
  const [pid, pgid, sid, tty, tpgid] = readFileSync(result, 'utf8').trim().split(/\s+/)
  terminal.close()
  rmSync(folder, { recursive: true })
  return {
    leadsGroup: pgid === pid,
    leadsSession: sid === pid,
    hasTerminal: tty !== '0',
    foreground: tpgid === pgid,
    shellsSession: sid === String(terminal.pid),
  }
}

describe.each(Object.keys(fronts) as Front[])('%s run does as setsid', (front) => {
  const [file, ...script] = fronts[front]
  const sess = [...fronts[front], 'run'].join(' ')

  test.each([
    ['PLACE', 'PLACE'],
    ['--session -- PLACE', '--fork PLACE'],
    ['--wait -- PLACE', '--wait PLACE'],
    ['--session --wait -- PLACE', '--fork --wait PLACE'],
  ])('%s: setsid %s', async (ours, theirs) => {
    const [mine, reference] = await Promise.all([
      place(`${sess} ${ours}`),
      place(`setsid ${theirs}`),
    ])
    expect(mine).toEqual(reference)
    expect(mine).toMatchObject({ leadsSession: true, hasTerminal: false })
  })

  test('--ctty --wait: setsid --ctty --wait, as root', async ({ skip }) => {
    if (!isRoot) skip('needs root')
    const [mine, reference] = await Promise.all([
      place(`${sess} --ctty --wait -- PLACE`),
      place('setsid --ctty --fork --wait PLACE'),
    ])
    expect(mine).toEqual(reference)
    expect(mine).toMatchObject({ leadsSession: true, hasTerminal: true })
  })

  test('--ctty as another user: refused, as setsid is', async ({ skip }) => {
    if (!isRoot) skip('needs setpriv')
    const drop = 'setpriv --reuid 65534 --clear-groups'
    const mine = await place(`${drop} ${sess} --ctty --wait -- PLACE`)
    expect(mine).toMatchObject({
      status: '1',
      output: expect.stringContaining('only root may take it'),
    })
    const reference = await place(`${drop} setsid --ctty --fork --wait PLACE`)
    expect(reference).not.toMatchObject({ leadsSession: true })
  })

  test('--group: a group of its own in the same session', async () => {
    const expected = {
      leadsGroup: true,
      leadsSession: false,
      hasTerminal: true,
      shellsSession: true,
    }
    expect(await place(`${sess} --group -- PLACE`)).toMatchObject({
      ...expected,
      foreground: false,
    })
    expect(await place(`${sess} --group --wait -- PLACE`)).toMatchObject({
      ...expected,
      foreground: true,
    })
  })

  test('it returns while the program runs, and with --wait when it has ended', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'run-'))
    const told = join(folder, 'pid')
    const running = ['run', '--', 'sh', '-c', `echo $$ > ${told}; exec sleep 60`]
    expect(spawnSync(file, [...script, ...running], { stdio: 'ignore' }).status).toBe(0)
    await until(() => existsSync(told) && readFileSync(told, 'utf8').endsWith('\n'))
    const pid = Number(readFileSync(told, 'utf8'))
    track(pid)
    expect(isLive(pid)).toBe(true)
    rmSync(folder, { recursive: true })
    const args = [...script, 'run', '--wait', '--', 'sh', '-c', 'sleep 0.3; echo done']
    expect(execFileSync(file, args).toString()).toBe('done\n')
  })

  test.each([
    [['--wait', '--', 'sh', '-c', 'exit 7'], 7, ''],
    [['--wait', '--group', '--', 'sh', '-c', 'exit 7'], 7, ''],
    [['--wait', '--', 'sh', '-c', 'kill -TERM $$'], 'SIGTERM', ''],
    [['--', 'no-such-program'], 127, "sess: there is no program 'no-such-program'\n"],
    [['--', './no-such-file'], 127, "sess: there is no program './no-such-file'\n"],
    [['--', '/'], 126, "sess: '/' can't be run: it is a folder\n"],
    [['--', '/etc/passwd'], 126, "sess: '/etc/passwd' can't be run: Permission denied\n"],
    [['--ctty', '--', 'true'], 1, 'sess: stdin is not a terminal, and --ctty needs one there\n'],
    [[], 2, 'sess: run takes a command (see sess --help)\n'],
    [['--no', '--', 'true'], 2, "sess: unknown option '--no' (see sess --help)\n"],
  ])('%j: exit code or signal %s', (args, code, words) => {
    const { status, signal, stderr } = spawnSync(file, [...script, 'run', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    expect([signal ?? status, stderr.toString()]).toEqual([code, words])
  })

  test('--group --wait: Ctrl-Z stops both for the shell, fg goes on with both', async () => {
    const terminal = openTerminal('bash', ['--norc', '-i'], {
      env: { ...process.env, PS1: 'prompt$ ' },
    })
    await terminal.expect(/prompt\$ /)
    terminal.type(`${sess} --group --wait -- sh -c 'echo up; read x; echo "got $x"'\r`)
    await terminal.expect(/up\r\n/)
    terminal.type('\x1a')
    await terminal.expect(/Stopped/)
    await terminal.expect(/prompt\$ /)
    terminal.type('fg\r')
    await until(() => ps(terminal.pid).tpgid !== terminal.pid)
    terminal.type('typed\n')
    await terminal.expect(/got typed/)
    await terminal.expect(/prompt\$ /)
    terminal.type('echo "status $?"\r')
    await terminal.expect(/status 0/)
  })

  test('--group --wait: Ctrl-Z where no shell could go on with it', async () => {
    const program = ['sh', '-c', 'echo up; read x; echo "got $x"']
    const args = [...script, 'run', '--group', '--wait', '--', ...program]
    const terminal = openTerminal(file, args)
    await terminal.expect(/up\r\n/)
    terminal.type('\x1atyped\n')
    await terminal.expect(/got typed/)
    expect((await terminal.ended).exitCode).toBe(0)
  })
})
