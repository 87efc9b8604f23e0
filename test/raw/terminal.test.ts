import { readlinkSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { openTerminal } from '../helpers/pty.ts'
import { fixturePath, node, ps, runFixture, track, until } from '../helpers/process.ts'

describe('on a terminal', () => {
  test('tcgetpgrp, tcgetsid, ttyname and ctermid are what ps and /proc say', async () => {
    // A foreground job, so that session, group and foreground group are told apart.
    const script = `set -m; "${node}" "${fixturePath('terminal.mjs')}" ids; true`
    const terminal = openTerminal('bash', ['-c', script])
    const line = await terminal.json()
    const { tpgid, sid, tty } = ps(terminal.pid)
    expect(tpgid).not.toBe(sid)
    expect(line).toMatchObject({ tcgetpgrp: tpgid, tcgetsid: sid, ttyname: `/dev/${tty}` })
    expect(line.ttyname).toBe(readlinkSync(`/proc/${terminal.pid}/fd/0`))
    expect(line).toMatchObject({ ctermid: '/dev/tty', ctermidOpens: true })
  })

  test('tcgetpgrp: the master of a pty that controls nobody gives 0', async () => {
    expect(await runFixture('terminal.mjs', ['master'])).toEqual({ value: 0 })
  })

  test('tcsetpgrp gives the terminal to another group of the session', async () => {
    const script = `set -m; sleep 60 & "${node}" "${fixturePath('terminal.mjs')}" give $!; true`
    const terminal = openTerminal('bash', ['-c', script])
    const { value, now } = await terminal.json()
    expect(value).toBe('undefined')
    track(now)
    expect(ps(terminal.pid).tpgid).toBe(now)
    expect(ps(now).stat).toContain('+')
  })

  test('the signal mask is afterwards what it was before', async () => {
    const script = `set -m; "${node}" "${fixturePath('terminal.mjs')}" mask; true`
    const { before, after } = await openTerminal('bash', ['-c', script]).json()
    expect(after).toEqual([
      ['value', before],
      ['error', before],
      ['value', before],
    ])
  })

  test('tcsetpgrp from a background group works and does not stop the caller', async () => {
    // The redirection keeps bash from giving a background job /dev/null as its input.
    const script = `set -m; "${node}" "${fixturePath('terminal.mjs')}" take <&0 & wait; true`
    const terminal = openTerminal('bash', ['-c', script])
    const { before, pid, value } = await terminal.json()
    track(pid)
    expect(value).toBe('undefined')
    expect(before).not.toBe(pid)
    expect(ps(pid).tpgid).toBe(pid)
    await until(() => ps(pid).stat.startsWith('S'))
  })

  test('a background process that sets it without that protection is stopped', async () => {
    // What tcsetpgrp(3) does by itself: the witness that the case above can fail.
    const python = 'import os; os.tcsetpgrp(0, os.getpgrp())'
    const script = `set -m; python3 -c '${python}' <&0 & echo "{\\"pid\\":$!}"; sleep 60; true`
    const terminal = openTerminal('bash', ['-c', script])
    const { pid } = await terminal.json()
    track(pid)
    await until(() => ps(pid).stat.startsWith('T'))
  })
})
