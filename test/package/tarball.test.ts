import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { otherNodes } from '../helpers/nodes.ts'
import { gonePid, ps } from '../helpers/process.ts'
import { need } from '../helpers/tools.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const work = mkdtempSync(join(tmpdir(), 'setsid-package-'))
const platform = `${process.platform}-${process.arch}`
let tarball: string
const nodes = await otherNodes()

const npm = (folder: string, ...args: string[]) =>
  execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }).toString()

beforeAll(() => {
  const copy = join(work, 'copy')
  const left = new Set(['.git', 'build', 'dist', 'node_modules', 'coverage', 'prebuilds'])
  cpSync(root, copy, { recursive: true, filter: (path) => !left.has(path.slice(root.length)) })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  npm(copy, 'run', 'build:js')
  npm(copy, 'run', 'prebuild')
  // The gate would ask for the other platforms too.
  npm(copy, 'pack', '--ignore-scripts', '--pack-destination', work)
  tarball = join(work, readdirSync(work).find((name) => name.endsWith('.tgz')) ?? '')
})
afterAll(() => rmSync(work, { recursive: true }))

/** A PATH on which there is a Node, npm and a shell, and nothing that compiles. */
function bareTools(): string {
  const tools = join(work, 'tools')
  mkdirSync(tools, { recursive: true })
  for (const name of ['node', 'npm', 'sh', 'env']) {
    const path = execFileSync('sh', ['-c', `command -v ${name}`])
      .toString()
      .trim()
    rmSync(join(tools, name), { force: true })
    symlinkSync(path, join(tools, name))
  }
  return tools
}

/** An empty project with the tarball in it, installed without compiler, make and python. */
function install(name: string, ...flags: string[]): string {
  const project = join(work, name)
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true }')
  const env = { ...process.env, PATH: bareTools() }
  for (const tool of ['cc', 'gcc', 'g++', 'clang', 'make', 'python3']) {
    expect(spawnSync('sh', ['-c', `command -v ${tool}`], { env }).status, tool).not.toBe(0)
  }
  const args = ['install', tarball, '--no-audit', '--no-fund', '--prefer-offline', ...flags]
  execFileSync('npm', args, { cwd: project, env, stdio: ['ignore', 'pipe', 'pipe'] })
  return project
}

const { sid, pgid } = ps(process.pid)
const use = `
  if (setsid.getsid() !== ${sid} || setsid.getpgrp() !== ${pgid}) throw new Error('wrong ids')
  if (setsid.getsid(${gonePid}, { throwIfNoEntry: false }) !== undefined) throw new Error('not gone')
  console.log(setsid.setsid() === process.pid)`
const ways = {
  require: ['-e', `const setsid = require('setsid'); ${use}`],
  import: ['--input-type=module', '-e', `import * as setsid from 'setsid'; ${use}`],
}

const runIn = (project: string, node: string, args: string[]) => {
  const { status, stdout, stderr } = spawnSync(node, args, { cwd: project })
  return { status, stdout: stdout.toString().trim(), stderr: stderr.toString() }
}

const works = { status: 0, stdout: 'true', stderr: '' }

describe('the tarball', () => {
  test.each([
    ['with', []],
    ['without', ['--ignore-scripts']],
  ])(
    'installs from its prebuild with no compiler, make or python, %s install scripts',
    (name, flags) => {
      const project = install(name, ...flags)
      for (const way of Object.values(ways)) {
        expect(runIn(project, process.execPath, way)).toEqual(works)
      }
      const sess = (...args: string[]) => runIn(project, 'node_modules/.bin/sess', args)
      expect(JSON.parse(sess('ids', '--json').stdout)).toMatchObject({ pid: process.pid })
      expect(sess('run', '--wait', 'sh', '-c', 'echo true')).toEqual(works)
      // yarn berry starts a command by Node, whatever is in it.
      const byNode = ['node_modules/setsid/bin/sess', 'ids', '--json']
      const { stdout } = runIn(project, process.execPath, byNode)
      expect(JSON.parse(stdout)).toMatchObject({ pid: process.pid })
      expect(sess('launch', 'sh', '-c', 'echo true')).toEqual(works)
    },
  )

  test.skipIf(nodes.length === 0)(
    'one binary works by require and by import on Node 20, 22, 24 and 26 (needs a registry)',
    () => {
      const project = install('nodes')
      const prebuilt = readdirSync(join(project, 'node_modules/setsid/prebuilds', platform))
      expect(prebuilt.filter((name) => name.endsWith('.node'))).toEqual(['setsid.node'])
      for (const { version, path } of nodes) {
        for (const [way, args] of Object.entries(ways)) {
          expect(runIn(project, path, args), `${way} on ${version}`).toEqual(works)
        }
      }
    },
  )

  test('an import runs the raw calls, and the first feature that is called the features', () => {
    const project = install('lazy')
    const script = `
      const { rmSync } = require('node:fs')
      const { getsid, processInfo, spawn } = require('setsid')
      const loaded = (name) => process.moduleLoadList.includes('NativeModule ' + name)
      const line = [getsid() === ${sid}, ...['child_process', 'worker_threads'].map(loaded)]
      rmSync('node_modules/setsid/dist', { recursive: true })
      line.push(processInfo(process.pid).pid === process.pid, spawn.name)
      console.log(JSON.stringify(line))`
    const { stdout } = runIn(project, process.execPath, ['-e', script])
    expect(JSON.parse(stdout)).toEqual([true, false, false, true, 'spawn'])
  })

  test('the binary needs nothing above GLIBC_2.17, and no library but libc', () => {
    need('objdump')
    const addon = join(work, 'copy/prebuilds', platform, 'setsid.node')
    const symbols = execFileSync('objdump', ['-T', addon]).toString()
    const versions = [...symbols.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor))
    expect(versions.length).toBeGreaterThan(0)
    expect(Math.max(...versions)).toBeLessThanOrEqual(17)
    expect(symbols).not.toMatch(/GLIBCXX|CXXABI/)
    const needed = execFileSync('readelf', ['-d', addon])
      .toString()
      .match(/\(NEEDED\).*/g)
    expect(needed).toHaveLength(1)
    expect(needed?.[0]).toContain('libc.so.6')
  })

  test('without a binary the error names platform, arch, libc, paths and what to run', () => {
    const project = install('no-prebuild')
    const folder = join(project, 'node_modules/setsid')
    rmSync(join(folder, 'prebuilds'), { recursive: true })
    for (const way of Object.values(ways)) {
      const { status, stderr } = runIn(project, process.execPath, way)
      expect(status).toBe(1)
      expect(stderr).toContain('ERR_ADDON_NOT_FOUND')
      expect(stderr).toContain(`platform ${process.platform}, arch ${process.arch}, libc glibc`)
      for (const path of ['build/Release', `prebuilds/${platform}`]) {
        expect(stderr).toContain(join(folder, path))
      }
    }
    // What it says to run, run: now with the tools that it says are needed.
    const command = `node ${join(folder, 'scripts/native.mjs')}`
    expect(runIn(project, process.execPath, ways.require).stderr).toContain(`\n  ${command}\n`)
    const { status, stderr } = runIn(project, 'env', [`PATH=${bareTools()}`, 'sh', '-c', command])
    expect({ status, stderr }).toMatchObject({ status: 1 })
    expect(stderr).toContain('c++')
    execFileSync('sh', ['-c', command], { cwd: project, stdio: 'pipe' })
    expect(runIn(project, process.execPath, ways.require)).toEqual(works)
  })

  test('a binary that may not be loaded is not called missing', () => {
    const { stderr } = runIn(install('forbidden'), process.execPath, [
      '--experimental-permission',
      '--allow-fs-read=*',
      ...ways.require,
    ])
    expect(stderr).toContain('ERR_ADDON_NOT_LOADED')
    expect(stderr).toContain('ERR_DLOPEN_DISABLED')
    expect(stderr).not.toContain('npm explore')
  })

  test('an addon of another release is not taken', () => {
    const folder = join(work, 'other')
    mkdirSync(folder)
    const other = join(root, `node_modules/@lydell/node-pty-${platform}/pty.node`)
    cpSync(other, join(folder, platform, 'setsid.node'))
    const set = [`SETSID_PREBUILDS=${folder}`, process.execPath]
    const { stderr } = runIn(install('older'), 'env', [...set, ...ways.require])
    expect(stderr).toContain("setsid's native addon did not load: it is of another release")
    expect(stderr).toContain('ERR_ADDON_NOT_LOADED')
  })

  test('has types that resolve and a manifest without faults', () => {
    const bin = (name: string) => join(root, 'node_modules/.bin', name)
    const attw = spawnSync(bin('attw'), ['--no-color', tarball])
    expect({ status: attw.status, said: attw.stdout.toString() }).toMatchObject({ status: 0 })
    const publint = spawnSync(bin('publint'), ['--strict', tarball])
    expect(publint.stdout.toString()).toContain('All good')
  })

  test('runs nothing when it is installed, and has no binding.gyp in its root', () => {
    const { scripts } = JSON.parse(
      execFileSync('tar', ['-xOf', tarball, 'package/package.json']).toString(),
    ) as { scripts: Record<string, string> }
    const files = execFileSync('tar', ['-tf', tarball]).toString().split('\n')
    expect(files).toContain('package/package.json')
    expect(files).not.toContain('package/binding.gyp')
    for (const name of ['preinstall', 'install', 'postinstall']) {
      expect(Object.keys(scripts)).not.toContain(name)
    }
  })

  test('has no types of what is not public, and no second copy of the library', () => {
    const files = execFileSync('tar', ['-tf', tarball]).toString().split('\n')
    expect(files.filter((name) => /\.d\.[cm]?ts$/.test(name)).sort()).toEqual(
      ['index.d.cts', 'index.d.ts', 'launch.d.cts', 'launch.d.ts'].map((n) => `package/dist/${n}`),
    )
    const text = (name: string) =>
      execFileSync('tar', ['-xOf', tarball, `package/dist/${name}`]).toString()
    expect(text('index.cjs')).toContain('node-gyp-build')
    for (const name of ['cli.js', 'launch.cjs', 'index.js', 'bundle.js']) {
      expect(text(name), name).not.toContain('node-gyp-build')
    }
  })

  test('what require() gives can be replaced, as a test of its user does', () => {
    const script = `
      const setsid = require('setsid')
      const kept = Object.entries(Object.getOwnPropertyDescriptors(setsid))
      const fixed = kept.filter(([, one]) => !one.writable || !one.configurable)
      setsid.getsid = () => 'a spy'
      setsid.stopGroup = () => 'another'
      const again = require('setsid')
      console.log(JSON.stringify([kept.length > 40, fixed, again.getsid(), again.stopGroup()]))`
    const { stdout } = runIn(install('spied'), process.execPath, ['-e', script])
    expect(JSON.parse(stdout)).toEqual([true, [], 'a spy', 'another'])
  })
})
