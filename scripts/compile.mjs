// The addon and the launcher by direct calls of a compiler, with what binding.gyp says of them: for machines that are
// not this one, where node-gyp knows no way, and in an installed package, where there is no node-gyp.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** JSON but for its comments. A package manager would run node-gyp if the tarball had it in its root. */
function readRecipe() {
  const path = [join(root, 'binding.gyp'), join(root, 'dist/binding.gyp')].find(existsSync)
  return JSON.parse(readFileSync(path, 'utf8').replace(/^\s*#.*$/gm, '')).targets
}

/** What binding.gyp says of the addon and of the launcher on `os`: linux or mac. */
function recipe(os) {
  const [addon, launcher] = readRecipe()
  const all = [
    addon,
    ...addon.conditions.filter(([when]) => when === `OS=='${os}'`).map((c) => c[1]),
  ]
  const list = (name) => all.flatMap((part) => part[name] ?? [])
  return {
    addon: list('sources'),
    flags: [
      ...addon.configurations.Release.cflags,
      ...list('defines').map((define) => `-D${define}`),
      ...[...list('cflags'), ...list('cflags_cc'), ...list('ldflags')],
    ],
    launcher: launcher.conditions[0][1].actions[0].inputs.filter((name) => name.endsWith('.c')),
  }
}

/** A package with the headers of Node-API alone, else those that came with this Node. */
function findHeaders() {
  const folders = [join(dirname(dirname(process.execPath)), 'include/node')]
  if (process.env.npm_config_nodedir) {
    folders.unshift(join(process.env.npm_config_nodedir, 'include/node'))
  }
  try {
    folders.unshift(createRequire(import.meta.url)('node-api-headers').include_dir)
  } catch {
    // An installed package has no dev dependencies.
  }
  const found = folders.find((folder) => existsSync(join(folder, 'node_api.h')))
  if (found !== undefined) return found
  throw new Error(
    'no node_api.h beside this Node. This brings it, then try again:\n  npm install --no-save node-api-headers',
  )
}

const words = (text = '') => text.split(' ').filter(Boolean)

/** Tries the compilers in turn. The output is there when it is whole. */
function build(output, ways, flags, sources) {
  mkdirSync(dirname(output), { recursive: true })
  const draft = `${output}.draft`
  let report = ''
  for (const [command, ...first] of ways) {
    const { status, stderr } = spawnSync(command, [...first, ...flags, '-o', draft, ...sources], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    })
    if (status === 0) {
      renameSync(draft, output)
      // zig names flags of its own that clang has no use for.
      const said = stderr.replace(/^zig: warning: argument unused.*\n/gm, '')
      if (said !== '') process.stderr.write(said)
      return
    }
    report += `${[command, ...first].join(' ')}: ${stderr ?? 'not found'}\n`
  }
  throw new Error(`${output} was not built.\n${report}`)
}

/** `cxx` is a command line of a C++ compiler for that target, by default the one of this machine. */
export function buildAddon(output, { os = thisOs, cxx = words(process.env.CXX || 'c++') } = {}) {
  const { addon, flags } = recipe(os)
  const link =
    os === 'mac'
      ? ['-bundle', '-undefined', 'dynamic_lookup', '-Wl,-dead_strip']
      : ['-shared', '-fPIC']
  const line = ['-s', ...link, '-isystem', findHeaders(), ...flags]
  build(output, [cxx], line, addon)
}

/**
 * Linked statically on Linux, so that one file runs on every libc: by musl, where its compiler is there, since glibc
 * takes ten times the space, else by the C compiler's own libc. Where that has no static library the launcher is an
 * ordinary program.
 */
export function buildLauncher(output, { os = thisOs, cc, strict = false } = {}) {
  const given = cc ?? words(process.env.CC)
  const own = given.length > 0 ? given : ['cc']
  const ways = [own]
  if (os === 'linux') {
    ways.unshift([...own, '-static'])
    // With CC given the target may be another machine, which musl-gcc doesn't know.
    if (given.length === 0) ways.unshift(['musl-gcc', '-static'])
  }
  const flags = ['-std=c11', '-Os', '-Wall', '-Wextra', '-Wconversion', '-s']
  // A word of the protocol that a switch has forgotten.
  flags.push('-Werror=switch')
  if (strict) flags.push('-Werror')
  // A C program that nothing unwinds.
  if (os === 'linux') flags.push('-fno-asynchronous-unwind-tables', '-Wl,--gc-sections')
  // Fewer mappings make it start sooner. The linker of zig doesn't know these.
  if (os === 'linux' && cc === undefined) flags.push('-Wl,-z,noseparate-code,-z,norelro')
  build(output, ways, flags, recipe(os).launcher)
}

const thisOs = process.platform === 'darwin' ? 'mac' : process.platform
