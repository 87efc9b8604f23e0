import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { compile } from '../helpers/compile.ts'
import { gonePid, node, ps, start, track, until } from '../helpers/process.ts'
import { openTerminal, type Terminal } from '../helpers/pty.ts'

const user = execFileSync('id', ['-un']).toString().trim()
const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const sess = (...args: string[]) =>
  execFileSync(node, [cli, ...args], { maxBuffer: 2 ** 26 }).toString()
const escape = String.fromCharCode(27)
const AGE = /^(\d\.)?\d+[smhd](\d\d[smh])?$/
const SIZE = /^(\d\.)?\d+[KMG]$/

/** The lines of a tree without the figures, which it checks. */
function withoutFigures(text: string): string[] {
  const [head, ...lines] = text.trimEnd().split('\n')
  expect(head).toMatch(/^ +PID +AGE +CPU +MEM {2}COMMAND$/)
  return lines.map((line) => {
    const [, begin = '', age = '', cpu = '', memory = '', end = ''] =
      /^(.{6} *\d+) +(\S+) +(\S+) +(\S+) {2}(.*)$/.exec(line) ?? []
    if (begin === '' || /^session|^.. group/.test(line)) return line
    expect([age, cpu, memory]).toEqual([
      expect.stringMatching(AGE),
      expect.stringMatching(AGE),
      expect.stringMatching(SIZE),
    ])
    return `${begin.replace(/ +(?=\d)/, ' ')} ${end}`
  })
}

describe('sess', () => {
  const folder = mkdtempSync(join(tmpdir(), 'setsid-cli-'))
  const pids = { stopped: 0, background: 0, orphan: 0 }
  let terminal: Terminal

  // One session on a terminal: bash, a stopped job, a background job with an ugly name, an orphan.
  beforeEach(async (context) => {
    const subject = compile('subject')
    terminal = openTerminal('bash', ['--norc', '--noprofile', '-i'], {
      cols: 60,
      env: { ...process.env, PS1: '$ ' },
    })
    await terminal.expect(/\$ /)
    const run = async (name: keyof typeof pids, line: string) => {
      const file = join(folder, `${context.task.id}-${name}`)
      terminal.type(`${line.replace('SUBJECT', `${subject} ${file}`)}\r`)
      await until(() => existsSync(file))
      pids[name] = Number(readFileSync(file, 'utf8'))
      track(pids[name])
    }
    await run('stopped', 'SUBJECT stop')
    await until(
      () => ps(pids.stopped).stat.startsWith('T') && ps(terminal.pid).tpgid === terminal.pid,
    )
    await run('background', `SUBJECT name=$'a\\e[31m\\nb' &`)
    await run('orphan', '(SUBJECT group &)')
  })

  afterAll(() => rmSync(folder, { recursive: true }))

  const tty = () => `/dev/${ps(terminal.pid).tty}`

  test('ls: a line a session, with its groups and their marks', () => {
    const [head, ...lines] = sess('ls').split('\n')
    expect(head).toMatch(/^ *SID +TTY +USER +PROCS +AGE +CPU +MEM +GROUPS +COMMAND$/)
    const line = lines.find((text) => text.trim().startsWith(`${terminal.pid} `))
    const { stopped, background, orphan } = pids
    expect(line?.trim().split(/\s+/)).toEqual([
      ...[String(terminal.pid), tty().slice(5), user, '4'],
      ...[expect.stringMatching(AGE), expect.stringMatching(AGE), expect.stringMatching(SIZE)],
      ...[`${terminal.pid}+`, `${stopped}T`, String(background), `${orphan}o`],
      ...['bash', '--norc', '--noprofile', '-i'],
    ])
  })

  test.each([
    ['tty', tty],
    ['tty', () => tty().slice(5)],
    ['pid', () => String(pids.orphan)],
  ])('ls --%s: the one session that it is about', (option, value) => {
    const sessions = JSON.parse(sess('ls', '--json', `--${option}`, value()))
    expect(sessions.map(({ sid }: { sid: number }) => sid)).toEqual([terminal.pid])
  })

  test('ls with a word that it does not know is wrong usage', () => {
    const { status, stderr } = spawnSync(node, [cli, 'ls', 'all'])
    expect(status).toBe(2)
    expect(stderr.toString()).toContain('ls takes no words')
  })

  test('ls --user: by name and by number; an unknown one is wrong usage', () => {
    const all = JSON.parse(sess('ls', '--json', '--user', user))
    expect(all).toEqual(expect.arrayContaining([expect.objectContaining({ sid: terminal.pid })]))
    expect(JSON.parse(sess('ls', '--json', '--user', '4294967290'))).toEqual([])
    const { status, stderr } = spawnSync(node, [cli, 'ls', '--user', 'no such user'])
    expect(status).toBe(2)
    expect(stderr.toString()).toBe("sess: there is no user 'no such user' (see sess --help)\n")
  })

  test('tree: groups with their members, names made harmless, no colour in a pipe', () => {
    const { stopped, background, orphan } = pids
    const args = (pid: number) =>
      readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').slice(0, -1)
    const [program = '', file = '', , name] = args(background)
    expect(name).toBe('a\u001b[31m\nb')
    const time = new Date(Date.now())
    const since = `since ${String(time.getHours()).padStart(2, '0')}:`
    expect(withoutFigures(sess('tree', String(terminal.pid)))).toEqual([
      expect.stringContaining(`session ${terminal.pid}  bash  ${tty()}  ${user}  ${since}`),
      `├─ group ${terminal.pid}  foreground`,
      `│  └─ ${terminal.pid} bash --norc --noprofile -i  (session leader)`,
      `├─ group ${stopped}  stopped`,
      `│  └─ ${stopped} ${args(stopped).join(' ')}  (stopped)`,
      `├─ group ${background}`,
      `│  └─ ${background} ${program} ${file} name 'a\\u{1b}[31m\\nb'`,
      `└─ group ${orphan}  orphaned`,
      `   └─ ${orphan} ${args(orphan).join(' ')}`,
    ])
  })

  test('on a terminal: colour, and no line longer than the terminal is wide', async () => {
    // Node takes a terminal under CI for one without colours.
    terminal.type(
      `clear; env -u CI -u NO_COLOR ${node} ${cli} show ${pids.background}; echo "EN"D\r`,
    )
    const [text] = await terminal.expect(/process [^]*END/)
    expect(text).toContain(`${escape}[`)
    const colours = new RegExp(`${escape}\\[[0-9;?]*[a-zA-Z]`, 'g')
    const lines = text.replaceAll(colours, '').split(/\r?\n/)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60)
    expect(lines.join(' ')).toMatch(/terminal closes +ends +bash/)
  })

  test('show: the verdicts with their reasons', () => {
    const text = sess('show', String(pids.background))
    expect(text).toMatch(/^process group +[0-9]+, its leader$/m)
    expect(text).toContain(`session          ${terminal.pid}, led by bash (${terminal.pid})\n`)
    expect(text).toMatch(/^terminal closes +ends +bash .* passes SIGHUP on to its jobs/m)
    expect(text).toMatch(/^Ctrl-C +survives +its process group is in the background/m)
    expect(JSON.parse(sess('show', '--json', String(pids.background)))).toMatchObject({
      process: { pid: pids.background },
      hangup: { outcome: 'ends' },
      interrupt: { outcome: 'survives' },
      suspend: { outcome: 'survives' },
      parentDeath: { outcome: 'survives' },
    })
  })

  test.each([
    [['show', String(gonePid)], 1, `sess: there is no process ${gonePid}\n`],
    [['tree', String(gonePid)], 1, `sess: there is no session ${gonePid}\n`],
    [['show', 'x'], 2, "sess: 'x' is not a process ID (see sess --help)\n"],
    [['tree', '1', '2'], 2, 'sess: tree takes one SID (see sess --help)\n'],
  ])('%j: exit code %i and one line', (args, code, line) => {
    const { status, stdout, stderr } = spawnSync(node, [cli, ...args])
    expect({ status, stdout: stdout.toString(), stderr: stderr.toString() }).toEqual({
      status: code,
      stdout: '',
      stderr: line,
    })
  })
})

describe('names and terminals of all kinds', () => {
  const folder = mkdtempSync(join(tmpdir(), 'setsid-cli-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  /** A session leader of that name. */
  async function leaderNamed(name: string): Promise<number> {
    const file = join(mkdtempSync(join(folder, 'subject-')), 'pid')
    const { pid } = start(compile('subject'), [file, 'session', `name=${name}`])
    await until(() => existsSync(file))
    return pid
  }

  /** What `sess tree PID` draws on a terminal of so many columns. */
  async function drawn(pid: number, size: number): Promise<string[]> {
    const { output } = openTerminal(
      'sh',
      ['-c', `stty cols ${size}; "$0" "$@"; echo END`, node, cli, 'tree', String(pid)],
      { env: { ...process.env, NO_COLOR: '1' } },
    )
    await until(() => output().includes('END'))
    return output().split('\r\n').slice(0, 4)
  }

  test('a terminal that does not know its width cuts nothing off', async () => {
    const pid = await leaderNamed('plain')
    const args = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim()
    expect(args.length).toBeGreaterThan(60)
    expect(withoutFigures((await drawn(pid, 0)).join('\n'))).toEqual([
      expect.stringMatching(`^session ${pid}  plain  no terminal  ${user}  since \\d\\d:\\d\\d$`),
      `└─ group ${pid}`,
      `   └─ ${pid} ${args}  (session leader)`,
    ])
    expect(sess('tree', String(pid))).toContain(`  ${args}  (session leader)\n`)
  })

  test.each([70, 80, 200])('%i columns: lines fill them, and the remarks stay', async (size) => {
    const pid = await leaderNamed('x'.repeat(240))
    const lines = await drawn(pid, size)
    const widths = lines.map((line) => line.length)
    expect(Math.max(...widths)).toBe(size)
    expect(lines[3]).toMatch(/ \S+… {2}\(session leader\)$/)
  })

  test('sess is in none of its pictures', () => {
    const script = `echo $$; exec ${node} ${cli} "$@"`
    for (const words of [['ls'], ['tree'], ['ls', '--json'], ['tree', '--json']]) {
      const { stdout } = spawnSync('sh', ['-c', script, 'sess', ...words])
      const [pid = '', ...lines] = stdout.toString().split('\n')
      expect(lines.join('\n')).toContain(String(ps(process.pid).pgid))
      expect(lines.join('\n')).not.toMatch(new RegExp(`\\b${pid}\\b`))
    }
  })

  test('wide characters take two columns of a line', async () => {
    const lines = await drawn(await leaderNamed('日本語です'), 24)
    const widths = lines.map((line) => line.replace(/[日本語です]/g, 'xx').length)
    expect(Math.max(...widths)).toBeLessThanOrEqual(24)
    expect(Math.max(...widths)).toBeGreaterThan(22)
  })

  test('--json escapes what a terminal would obey', async () => {
    const name = '\u009b31m\u202ea'
    const text = sess('tree', '--json', String(await leaderNamed(name)))
    expect(text).toContain('"\\u009b31m\\u202ea"')
    expect(JSON.parse(text)[0].leader.command).toBe(name)
  })

  test('a reader that has gone is no error', async () => {
    const child = spawn(node, [cli, 'ls'], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    const stderr = child.stderr.toArray()
    const [code] = await once(child, 'exit')
    expect({ code, stderr: (await stderr).join('') }).toEqual({ code: 0, stderr: '' })
  })

  test('tree SID: the options hold there too, and 0 is one', async () => {
    const pid = String(await leaderNamed('plain'))
    expect(sess('tree', pid, '--user', user)).toContain(`session ${pid}  plain`)
    expect(sess('tree', pid, '--user', '4294967290')).toBe('')
    // Some containers have no session 0.
    expect(spawnSync(node, [cli, 'tree', '0']).stderr.toString()).toMatch(
      /^$|there is no session 0/,
    )
  })
})
