import { spawnSync } from 'node:child_process'
import { TestRunner, type TestContext } from 'vitest'
import { NO } from './skips.ts'

/** What some tests need beside Node, npm, g++, make and python3, and the Debian package that has it. */
const packages: Readonly<Record<string, string>> = {
  zsh: 'zsh',
  fish: 'fish',
  tmux: 'tmux',
  strace: 'strace',
  clang: 'clang',
  patchelf: 'patchelf',
  valgrind: 'valgrind',
  'musl-gcc': 'musl-tools',
  'systemd-analyze': 'systemd',
  systemctl: 'systemd',
  bash: 'bash',
  dash: 'dash',
  less: 'less',
  ps: 'procps',
  objdump: 'binutils',
  readelf: 'binutils',
  script: 'bsdutils',
  setpriv: 'util-linux',
  setsid: 'util-linux',
  taskset: 'util-linux',
  prlimit: 'util-linux',
  unshare: 'util-linux',
  mount: 'mount',
  groff: 'groff-base',
  mandoc: 'mandoc',
  'qemu-aarch64-static': 'qemu-user-static',
  'aarch64-linux-gnu-g++': 'g++-aarch64-linux-gnu',
}

/** How a tool that is there can still be of no use, by the user's uid: a container may forbid namespaces. */
const probes: Readonly<Record<string, (uid: number | undefined) => string[]>> = {
  unshare: (uid) => [uid === 0 ? '--mount' : '-Ur', '--pid', '--fork', 'true'],
}

interface Ids {
  uid?: number | undefined
  gid?: number | undefined
}

const known = new Map<string, boolean>()

/** Whether a user, by default ours, may run a tool. A shell in root's home is there for root alone. */
export function has(tool: string, { uid, gid }: Ids = {}): boolean {
  const key = `${tool} ${uid}`
  let there = known.get(key)
  if (there === undefined) {
    const ids = uid === undefined ? {} : { uid, gid: gid ?? uid }
    const probe = probes[tool]?.(uid ?? process.getuid?.())
    // Whatever it says of the option: it runs.
    const { error, status } = spawnSync(tool, probe ?? ['--version'], {
      ...{ ...ids, cwd: '/', stdio: 'ignore', timeout: 20_000 },
    })
    there = error === undefined && (probe === undefined || status === 0)
    known.set(key, there)
  }
  return there
}

type Skips = Pick<TestContext, 'skip'>

/** Ends the test that runs as skipped, where there is no such thing. `.ci/run` has all: a failure. */
export function lacks(
  name: string,
  context: Skips | undefined = TestRunner.getCurrentTest()?.context,
): never {
  if (process.env['SETSID_TEST_ALL_TOOLS'] !== undefined) {
    const hint = name in packages ? `: apt-get install ${packages[name]}` : ''
    throw new Error(`there is no ${name}, and SETSID_TEST_ALL_TOOLS asks for it${hint}`)
  }
  if (context === undefined) throw new Error(`${NO}${name}`)
  return context.skip(`${NO}${name}`)
}

/**
 * Skips the test that runs, by name, where a tool is missing that is in the list. A test that
 * runs beside others of its file (`test.concurrent`) gives its context.
 */
export function need(tool: string, user?: Ids, context?: Skips): void {
  if (tool in packages && !has(tool, user)) lacks(tool, context)
}
