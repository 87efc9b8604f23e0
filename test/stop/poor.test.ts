import { execFileSync, spawnSync } from 'node:child_process'
import { beforeAll, describe, expect, test } from 'vitest'
import { compile } from '../helpers/compile.ts'
import { fixturePath, hasNobody, isRoot, node } from '../helpers/process.ts'

// Old kernels, sandboxes and poor limits: every cell is a right answer or a typed error, in time.

const fixture = fixturePath('stop-cases.mjs')
const one = [
  'a process',
  'a group',
  'a deaf group',
  'a group whose leader is gone',
  'a child of ours that is gone',
  'a session of jobs',
  'a session whose leader is gone',
  'signalGroup and signalSession',
]
const nobodyThere = { nobody: 'already-gone' }
const all = (outcome: string) => ({
  ...Object.fromEntries(one.map((name) => [name, outcome])),
  ...nobodyThere,
})

function run(command: string[], env: NodeJS.ProcessEnv = {}): unknown {
  const [file = '', ...args] = command
  const options = { timeout: 50_000, env: { ...process.env, ...env } }
  return JSON.parse(execFileSync(file, args, options).toString())
}

const { hasOwnLimit } = (await import(new URL('../soak/apart.mjs', import.meta.url).href)) as {
  hasOwnLimit: boolean
}
/**
 * Where a pid namespace has a limit of its own (Linux 6.14), it begins with four million numbers, each of which a look
 * with hidepid asks.
 */
const setLimit = hasOwnLimit ? 'echo 32768 >/proc/sys/kernel/pid_max;' : ''

const ways = ['--mount', '--pid', '--fork', '--kill-child']
/** In a pid namespace with a /proc of its own. */
const apart = (mount: string, command: string, env?: NodeJS.ProcessEnv) =>
  run(
    ['unshare', ...ways, 'bash', '-c', `${setLimit} mount ${mount} /proc && ${command}; true`],
    env,
  )

const canUnshare = isRoot && spawnSync('unshare', [...ways, 'true']).status === 0
const asNobody = 'setpriv --reuid 65534 --regid 65534 --clear-groups'

describe('stops on a poor machine', () => {
  beforeAll(() => void compile('deny'))

  const calls = ['pidfd_open', 'pidfd_send_signal', 'statx', 'close_range']
  const refusals = calls.flatMap((call) => [`${call}=ENOSYS`, `${call}=EPERM`])
  test.for(refusals)('a kernel or sandbox with %s changes no answer', (refusal) => {
    expect(run([compile('deny'), refusal, '--', node, fixture])).toEqual(all('gone'))
  })

  test('without pidfds a deaf group is waited for asleep', () => {
    const command = [compile('deny'), 'pidfd_open=ENOSYS', '--', node, fixture, 'a deaf group']
    expect(run(command, { GRACE: '1500' })).toEqual({ 'a deaf group': 'gone' })
  })

  // Taken for "no member", the answer would be already-gone; taken for "not ours", we would signal our own session.
  test.for([
    ['getsid', 'EPERM', 'session'],
    ['getsid', 'ENOSYS', 'session'],
    ['getpgid', 'EPERM', 'group'],
  ])(
    'a sandbox that refuses %s by %s: no %s is stopped, and none is said to be gone',
    ([call, error, kind]) => {
      const command = [
        compile('deny'),
        `${call}=${error}`,
        '--',
        node,
        fixturePath('unplaced.mjs'),
        kind ?? '',
      ]
      const refused = `${error} ${call}`
      expect(run(command)).toEqual({
        number: refused,
        child: refused,
        own: refused,
        signal: refused,
        live: true,
      })
    },
  )

  const limits = [9, 16, 20, 24, 32, 64, 256]
  test.for(limits)('ulimit -n %d: all gone, where Node itself starts', (limit) => {
    const shell = (command: string) => ['bash', '-c', `ulimit -n ${limit}; ${command}`]
    const [file = '', ...args] = shell(
      `exec "${node}" -e 'require("child_process").execFileSync("true")'`,
    )
    if (spawnSync(file, args).status !== 0) return
    expect(run(shell(`exec "${node}" "${fixture}"`))).toEqual(all('gone'))
  })

  test.for([3, 4, 8])('%d free descriptors are enough', (free) => {
    const result = run(['bash', '-c', `ulimit -n 64; exec "${node}" "${fixture}"`], {
      FREE: String(free),
    })
    expect(result).toEqual(all('gone'))
  })

  test('no free descriptor: EMFILE, and nothing is signalled', () => {
    const result = run(['bash', '-c', `ulimit -n 64; exec "${node}" "${fixture}"`], {
      FREE: '0',
    }) as object
    for (const [name, outcome] of Object.entries(result)) {
      expect(outcome).toMatch(name === 'nobody' ? /^already-gone$/ : /^EMFILE stop, [23] live$/)
    }
  })

  test.runIf(hasNobody).for(['a deaf group', 'a session of jobs'])(
    'no thread may be started (ulimit -u): %s is gone all the same (needs root)',
    (name) => {
      const command = `exec ${asNobody} "${node}" "${fixture}" '${name}'`
      expect(run(['bash', '-c', command], { THREADS: '0' })).toEqual({ [name]: 'gone' })
    },
  )

  test.runIf(canUnshare && hasNobody).for([1, 2])(
    'hidepid=%d: all of our own are gone (needs root)',
    (hidepid) => {
      expect(
        apart(`-t proc -o hidepid=${hidepid} proc`, `${asNobody} "${node}" "${fixture}"`),
      ).toEqual(all('gone'))
    },
  )

  test.runIf(canUnshare)(
    'no /proc: ENOENT, nothing is signalled, and what is gone is gone (needs root)',
    () => {
      const result = apart('-t tmpfs none', `"${node}" "${fixture}"`) as object
      for (const [name, outcome] of Object.entries(result)) {
        expect(outcome).toMatch(name === 'nobody' ? /^already-gone$/ : /^ENOENT stop, [23] live$/)
      }
    },
  )

  const hidden = `
    import { stopGroup, stopSession, stopProcess, signalSession } from 'setsid'
    const id = Number(process.argv[1])
    const results = []
    for (const stop of [stopProcess, stopGroup, stopSession]) {
      const { outcome, signalled, hidden, survivors } = await stop(id, { grace: 50 })
      results.push({ outcome, signalled: signalled.length, hidden, survivors: survivors.length })
    }
    results.push(signalSession(id, 'SIGTERM'))
    console.log(JSON.stringify(results))`
  test.runIf(canUnshare && hasNobody).for([1, 2])(
    'hidepid=%d: members of another user are left, and never said to be gone (needs root)',
    (hidepid) => {
      const command = `{ setsid sleep 100 & } && sleep 0.2; ${asNobody} "${node}" --input-type=module -e "$SCRIPT" $!`
      const result = apart(`-t proc -o hidepid=${hidepid} proc`, `${command}; kill %1`, {
        SCRIPT: hidden,
      })
      const left = { outcome: 'survivors', signalled: 0, hidden: true, survivors: 0 }
      expect(result).toEqual([
        left,
        left,
        left,
        { signalled: [], notSignalled: [{ pid: expect.any(Number), code: 'EPERM' }] },
      ])
    },
  )

  // It has made itself not dumpable, as programs with secrets do, and so /proc hides it from its own user too.
  const unseen = `
    import { spawn } from 'node:child_process'
    import { once } from 'node:events'
    import { stopGroup, stopSession, stopProcess } from 'setsid'
    const code = "import ctypes, time; ctypes.CDLL(None).prctl(4, 0); print(flush=True); time.sleep(100)"
    const child = spawn('python3', ['-c', code], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    const results = []
    for (const stop of [stopProcess, stopGroup, stopSession]) {
      const { outcome, signalled, hidden } = await stop(child.pid, { killSignal: 'SIGKILL', grace: 500 })
      results.push([outcome, signalled.length, hidden])
      if (outcome === 'gone') break
    }
    child.kill('SIGKILL')
    console.log(JSON.stringify(results))`
  test.runIf(canUnshare && hasNobody).for([
    ['pidfds', [], [['gone', 1, false]]],
    ['no pidfds', ['pidfd_open=ENOSYS'], Array(3).fill(['survivors', 0, true])],
  ] as const)(
    'hidepid=2 and %s: one of our own that /proc does not show is signalled by a pidfd or not at all (needs root)',
    ([, refused, expected]) => {
      const deny = `"${compile('deny')}" ${refused.join(' ')} --`
      const command = `cd "${import.meta.dirname}" && ${asNobody} ${deny} "${node}" --input-type=module -e "$SCRIPT"`
      const env = { SCRIPT: unseen }
      expect(apart('-t proc -o hidepid=2 proc', command, env)).toEqual(expected)
    },
  )
})
