import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Explanation, type Outcome, processInfo, type Verdict } from '../../lib/index.ts'
import { compile } from '../helpers/compile.ts'
import {
  isLive,
  hasNobody,
  isRoot,
  type Running,
  startFixture,
  unprivileged,
  until,
} from '../helpers/process.ts'
import { openTerminal, type Terminal } from '../helpers/pty.ts'
import { need } from '../helpers/tools.ts'

/** A process on a terminal, and what comes of it: hang-up, Ctrl-C, Ctrl-Z, its parent killed. */
interface Situation {
  /** The session leader: what runs on the terminal. */
  leader: string[]
  /** What is typed there. SUBJECT stands for the program and its file. */
  type?: string
  outcomes: [hangup: Outcome, interrupt: Outcome, suspend: Outcome, parentDeath: Outcome | null]
  /** Reasons that are among those given for the hang-up. */
  reasons: string[]
}

const bash = ['bash', '--norc', '--noprofile', '-i']
const dash = ['dash', '-i']
const zsh = ['zsh', '-f', '-i']
const fish = ['fish', '--no-config', '-i']
const [lives, dies, halts, maybe] = ['survives', 'ends', 'stops', 'depends'] as const

/* prettier-ignore */
const situations: Readonly<Record<string, Situation>> = {
  'a foreground job of bash': { leader: bash, type: 'SUBJECT', outcomes: [dies, dies, halts, dies], reasons: ['shell-job', 'default-action', 'stdio-on-terminal'] },
  'a background job of bash': { leader: bash, type: 'SUBJECT &', outcomes: [dies, lives, lives, lives], reasons: ['shell-job', 'default-action'] },
  'a foreground job of dash': { leader: dash, type: 'SUBJECT', outcomes: [dies, dies, halts, dies], reasons: ['foreground-group'] },
  'a background job of dash': { leader: dash, type: 'SUBJECT &', outcomes: [lives, lives, lives, lives], reasons: ['background-group'] },
  'a foreground job of zsh': { leader: zsh, type: 'SUBJECT', outcomes: [dies, dies, halts, dies], reasons: ['default-action'] },
  'a background job of zsh': { leader: zsh, type: 'SUBJECT &', outcomes: [dies, lives, lives, lives], reasons: ['shell-job'] },
  'a foreground job of fish': { leader: fish, type: 'SUBJECT', outcomes: [dies, dies, halts, dies], reasons: ['default-action'] },
  'a background job of fish': { leader: fish, type: 'SUBJECT &', outcomes: [dies, lives, lives, lives], reasons: ['shell-job'] },
  'nohup in the foreground': { leader: bash, type: 'nohup SUBJECT', outcomes: [lives, dies, halts, lives], reasons: ['foreground-group', 'ignored'] },
  'nohup in the background': { leader: bash, type: 'nohup SUBJECT &', outcomes: [lives, lives, lives, lives], reasons: ['shell-job', 'ignored'] },
  'nohup in the background of dash': { leader: dash, type: 'nohup SUBJECT &', outcomes: [lives, lives, lives, lives], reasons: ['background-group'] },
  'a SIGHUP handler in the foreground': { leader: bash, type: 'SUBJECT handle=HUP', outcomes: [maybe, dies, halts, maybe], reasons: ['caught'] },
  'a SIGHUP handler in the background': { leader: bash, type: 'SUBJECT handle=HUP &', outcomes: [maybe, lives, lives, lives], reasons: ['shell-job', 'caught'] },
  'SIGHUP blocked': { leader: bash, type: 'SUBJECT block=HUP', outcomes: [lives, dies, halts, lives], reasons: ['blocked'] },
  'SIGINT ignored': { leader: bash, type: 'SUBJECT ignore=INT', outcomes: [dies, lives, halts, dies], reasons: ['default-action'] },
  'SIGINT and SIGTSTP handled': { leader: bash, type: 'SUBJECT handle=INT handle=TSTP', outcomes: [dies, maybe, maybe, dies], reasons: ['default-action'] },
  'SIGTSTP ignored': { leader: bash, type: 'SUBJECT ignore=TSTP', outcomes: [dies, dies, lives, dies], reasons: ['default-action'] },
  'a stopped job of bash': { leader: bash, type: 'SUBJECT stop', outcomes: [dies, lives, lives, dies], reasons: ['default-action'] },
  'a stopped job of dash': { leader: dash, type: 'SUBJECT stop', outcomes: [dies, lives, lives, dies], reasons: ['orphaned-stopped-group'] },
  'a stopped job that ignores SIGHUP': { leader: dash, type: 'SUBJECT ignore=HUP stop', outcomes: [lives, lives, lives, lives], reasons: ['ignored'] },
  'stdio on files in the foreground': { leader: bash, type: 'SUBJECT < /dev/null > /dev/null 2>&1', outcomes: [dies, dies, halts, dies], reasons: ['shell-job'] },
  'stdio on files and nohup': { leader: bash, type: 'nohup SUBJECT < /dev/null > /dev/null 2>&1 &', outcomes: [lives, lives, lives, lives], reasons: ['ignored'] },
  'an own session': { leader: bash, type: 'setsid SUBJECT', outcomes: [lives, lives, lives, lives], reasons: ['no-terminal', 'stdio-on-terminal'] },
  'an own session by a double fork': { leader: bash, type: 'SUBJECT orphan session orphan', outcomes: [lives, lives, lives, lives], reasons: ['no-terminal'] },
  'an orphan in the background': { leader: bash, type: '(SUBJECT &)', outcomes: [lives, lives, lives, lives], reasons: ['background-group'] },
  'an own group without a shell\'s knowledge': { leader: bash, type: 'SUBJECT child group', outcomes: [lives, lives, lives, lives], reasons: ['background-group'] },
  'a stopped group of an own': { leader: bash, type: 'SUBJECT child group stop', outcomes: [dies, dies, lives, dies], reasons: ['orphaned-stopped-group'] },
  'a child of a foreground job': { leader: bash, type: 'SUBJECT child', outcomes: [dies, dies, halts, lives], reasons: ['shell-job'] },
  'the terminal given up, in the background': { leader: bash, type: 'SUBJECT notty &', outcomes: [dies, lives, lives, lives], reasons: ['shell-job'] },
  'the terminal given up, in the foreground': { leader: bash, type: 'SUBJECT notty', outcomes: [dies, dies, halts, dies], reasons: ['default-action'] },
  'the session leader itself': { leader: ['SUBJECT'], outcomes: [dies, dies, lives, null], reasons: ['session-leader', 'default-action'] },
  'a session leader that ignores SIGHUP': { leader: ['SUBJECT ignore=HUP'], outcomes: [lives, dies, lives, null], reasons: ['session-leader', 'ignored'] },
  'the child of a script': { leader: ['sh', '-c', 'SUBJECT; :'], outcomes: [dies, dies, lives, dies], reasons: ['foreground-group'] },
  'a script\'s child with "&"': { leader: ['sh', '-c', 'SUBJECT & wait'], outcomes: [dies, maybe, lives, dies], reasons: ['foreground-group'] },
  'the child of a leader that ignores SIGHUP': { leader: ['SUBJECT ignore=HUP child default=HUP'], outcomes: [lives, dies, lives, dies], reasons: ['leader-survives'] },
  'a job of a shell in a shell': { leader: bash, type: 'bash --norc --noprofile -i\nSUBJECT &', outcomes: [maybe, lives, lives, lives], reasons: ['shell-job'] },
  'the leader under script': { leader: bash, type: 'script -qc "exec SUBJECT" /dev/null', outcomes: [dies, dies, lives, dies], reasons: ['session-leader'] },
  'the leader of a tmux pane': { leader: ['tmux', '-f', '/dev/null', 'new-session', 'exec SUBJECT'], outcomes: [dies, dies, lives, dies], reasons: ['session-leader', 'multiplexer'] },
}

const actions = ['hangup', 'interrupt', 'suspend', 'parentDeath'] as const
type Action = (typeof actions)[number]

const folder = mkdtempSync(join(tmpdir(), 'setsid-explain-'))
const firstNamespace = readlinkSync('/proc/self/ns/pid') === 'pid:[4026531836]'
const users = hasNobody
  ? (['root', 'unprivileged'] as const)
  : ([isRoot ? 'root' : 'unprivileged'] as const)
type User = (typeof users)[number]

let subject: string
const explainers = new Map<User, Running>()
const results = new Map<string, Promise<{ said: Explanation; seen: Outcome }>>()
const key = (user: User, name: string, action: Action) => `${user}: ${name}: ${action}`

/** One explainer a user; questions wait for their turn. */
let turn = Promise.resolve<unknown>(undefined)
async function ask(user: User, pid: number): Promise<Explanation> {
  const explainer = explainers.get(user)
  const answer = turn.then(() => {
    explainer?.tell(String(pid))
    return explainer?.next()
  })
  turn = answer.catch(() => undefined)
  return answer
}

const stateOf = (pid: number) => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return stat.charAt(stat.lastIndexOf(')') + 2)
}

/** What has become of the subject. Where nothing is expected to, nothing may for half a second. */
async function observe(pid: number, file: string, before: string, expected: Outcome) {
  const look = (): Outcome => {
    if (existsSync(`${file}.handled`)) return 'depends'
    if (!isLive(pid)) return 'ends'
    return stateOf(pid) === 'T' && before !== 'T' ? 'stops' : 'survives'
  }
  const cap = expected === 'survives' ? 500 : 10_000
  await until(() => look() !== 'survives', cap).catch(() => undefined)
  return look()
}

/** What depends on a race, or on another's handler, may be seen to go either way. */
function mayBe({ outcome, reasons }: Verdict, seen: Outcome): boolean {
  const caught = reasons.some(({ reason }) => reason === 'caught')
  return seen === outcome || (outcome === 'depends' && !caught && seen !== 'stops')
}

/**
 * Once, or up to three times where a shell is to pass a hang-up on: one that reads
 * the end of its terminal before it handles the signal exits without that.
 */
async function playOften(user: User, situation: Situation, action: Action) {
  for (let attempt = 1; ; attempt++) {
    const result = await play(user, situation, action)
    if (mayBe(result.said[action], result.seen) || action !== 'hangup' || attempt === 3)
      return result
  }
}

async function play(
  user: User,
  situation: Situation,
  action: Action,
): Promise<{ said: Explanation; seen: Outcome }> {
  const cwd = mkdtempSync(join(folder, 'play-'))
  const file = join(cwd, 'pid')
  chmodSync(cwd, 0o777)
  const fill = (text: string) => text.replace('SUBJECT', `${subject} ${file}`)
  const [program = '', ...args] = situation.leader.flatMap((word) =>
    word.startsWith('SUBJECT') && !/[;&]/.test(word) ? fill(word).split(' ') : [fill(word)],
  )
  const socket = program === 'tmux' ? ['-S', `${file}.tmux`] : []
  const terminal = openTerminal(program, [...socket, ...args], {
    ...(user === 'unprivileged' ? unprivileged : {}),
    cwd,
    env: { ...process.env, HOME: cwd, PS1: '$ ', TMUX: '' },
  })
  const pids = [terminal.pid]
  try {
    if (situation.type !== undefined) {
      await terminal.expect(/[$>%#]/)
      terminal.type(`${fill(situation.type)}\r`)
    }
    await until(() => existsSync(file)).catch((error: unknown) => {
      throw new Error(`no subject: ${terminal.output()}`, { cause: error })
    })
    const pid = Number(readFileSync(file, 'utf8'))
    pids.push(pid)
    const stopped = / stop\b/.test(situation.type ?? '')
    if (stopped) await until(() => stateOf(pid) === 'T')
    // A shell takes the terminal back a little after a job of its has stopped or ended.
    let said = await ask(user, pid)
    const fits = () =>
      situation.reasons.every((word) => said.hangup.reasons.some(({ reason }) => reason === word))
    await until(async () => fits() || ((said = await ask(user, pid)), fits()), 5000).catch(() => 0)
    pids.push(said.process.ppid)
    const expected = said[action].outcome
    const before = stateOf(pid)
    await act(terminal, action, said, socket)
    const seen = await observe(pid, file, before, expected)
    return { said, seen }
  } finally {
    for (const pid of pids) if (pid > 1 && pid !== process.pid) kill(pid)
  }
}

async function act(terminal: Terminal, action: Action, said: Explanation, tmux: string[]) {
  const { ppid } = said.process
  switch (action) {
    case 'hangup':
      // Whoever holds its other side decides when the terminal closes.
      if (tmux.length > 0) execFileSync('tmux', [...tmux, 'kill-pane'])
      else if (processInfo(ppid).command === 'script') kill(ppid)
      else terminal.close()
      break
    case 'interrupt':
      terminal.type('\x03')
      break
    case 'suspend':
      terminal.type('\x1a')
      break
    case 'parentDeath':
      if (ppid > 1 && ppid !== process.pid) kill(ppid)
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

beforeAll(async () => {
  // On one CPU a shell seldom reads the end of its terminal before it has got SIGHUP.
  const status = readFileSync('/proc/self/status', 'utf8')
  const [, cpu = '0'] = /^Cpus_allowed_list:\s*(\d+)/m.exec(status) ?? []
  execFileSync('taskset', ['-acp', cpu, String(process.pid)])
  chmodSync(folder, 0o777)
  subject = compile('subject')
  for (const user of users) {
    const explainer = startFixture('explain.mjs', [], user === 'unprivileged' ? unprivileged : {})
    await explainer.next()
    explainers.set(user, explainer)
  }
  const plays = users.flatMap((user) =>
    Object.entries(situations).flatMap(([name, situation]) =>
      actions.map((action) => async () => {
        const result = playOften(user, situation, action)
        results.set(key(user, name, action), result)
        await result.catch(() => undefined)
      }),
    ),
  )
  const players = Array.from({ length: 12 }, async () => {
    for (let next = plays.shift(); next !== undefined; next = plays.shift()) await next()
  })
  await Promise.all(players)
}, 180_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.each(users)('explain, %s', (user) => {
  describe.each(Object.entries(situations))('%s', (name, situation) => {
    const { outcomes, reasons } = situation
    const cases = actions.map((action, i) => ({ action, outcome: outcomes[i] ?? null }))
    test.each(cases)('$action: $outcome', async ({ action, outcome }) => {
      const typed = situation.type?.split(' ')[0]
      for (const tool of [situation.leader[0], typed]) {
        need(tool ?? '', user === 'unprivileged' ? unprivileged : {})
      }
      const id = key(user, name, action)
      const played = results.get(id) ?? playOften(user, situation, action)
      // Another try of this test plays it again.
      results.delete(id)
      const result = await played
      const said = result.said[action]
      expect(result.said.hangup.reasons.map(({ reason }) => reason)).toEqual(
        expect.arrayContaining(reasons),
      )
      if (outcome === null) return
      if (action === 'parentDeath' && !firstNamespace && result.said.process.ppid === 1) {
        // What comes of that would end the tests too.
        expect(said).toMatchObject({ outcome: 'ends', reasons: [{ reason: 'namespace-init' }] })
        return
      }
      expect(said.outcome).toBe(outcome)
      expect(mayBe(said, result.seen), `seen: ${result.seen}`).toBe(true)
    })
  })
})
