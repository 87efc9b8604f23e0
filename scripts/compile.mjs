// The addon and the launcher by direct calls of a compiler, with what binding.gyp says of them: for machines that are
// not this one, where node-gyp knows no way, and in an installed package, where there is no node-gyp.
import { execFile } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const thisOs = process.platform === 'darwin' ? 'mac' : process.platform

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Where binding.gyp and src/ are. A package manager would run node-gyp if a tarball had the first in its root. */
const sources = [root, join(root, 'dist')].find((folder) => existsSync(join(folder, 'binding.gyp')))

/** JSON but for its comments. */
function readRecipe() {
  const text = readFileSync(join(sources, 'binding.gyp'), 'utf8')
  return JSON.parse(text.replace(/^\s*#.*$/gm, '')).targets
}

/** What binding.gyp says of the addon and of the launcher on `os`: linux or mac. */
export function recipe(os) {
  const [addon, launcher] = readRecipe()
  const all = [
    addon,
    ...addon.conditions.filter(([when]) => when === `OS=='${os}'`).map((c) => c[1]),
  ]
  const list = (name) => all.flatMap((part) => part[name] ?? [])
  return {
    addon: list('sources'),
    compile: [
      ...addon.configurations.Release.cflags,
      ...list('defines').map((define) => `-D${define}`),
      ...[...list('cflags'), ...list('cflags_cc')],
    ],
    link:
      os === 'mac'
        ? [
            '-undefined',
            'dynamic_lookup',
            '-Wl,-dead_strip',
            '-Wl,-install_name,@rpath/setsid.node',
          ]
        : list('ldflags'),
    launcher: launcher.conditions[0][1].actions[0].inputs.filter((name) => name.endsWith('.c')),
  }
}

/** A package with the headers of Node-API alone, else those that came with this Node. */
export function findHeaders() {
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

const own = (name, otherwise) => (process.env[name] || otherwise).split(' ').filter(Boolean)

/** What is told to a compiler. The output is there when it is whole. */
async function call([command, ...first], output, rest) {
  mkdirSync(dirname(output), { recursive: true })
  const draft = `${output}.draft`
  try {
    const line = [...first, ...rest, '-o', draft]
    const { stderr } = await run(command, line, { cwd: sources, maxBuffer: 2 ** 26 })
    // zig names flags of its own that clang has no use for.
    process.stderr.write(stderr.replace(/^zig: warning: argument unused.*\n/gm, ''))
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
  renameSync(draft, output)
}

/** As many at a time as there are processors. */
async function each(list, work) {
  const rest = [...list]
  const worker = async () => {
    while (rest.length > 0) await work(rest.shift())
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
}

/**
 * `cc` and `cxx` are command lines of compilers for that target, by default those of this machine. The C compiler
 * links: src/ needs no library of C++.
 */
export async function buildAddon(
  output,
  { os = thisOs, cc = own('CC', 'cc'), cxx, flags = [] } = {},
) {
  const { addon, compile, link } = recipe(os)
  const objects = mkdtempSync(join(tmpdir(), 'setsid-build-'))
  const object = (source) => join(objects, `${source.replaceAll('/', '-')}.o`)
  const line = ['-c', '-fPIC', '-isystem', findHeaders(), ...compile, ...flags]
  try {
    await each(addon, (source) => call(cxx ?? own('CXX', 'c++'), object(source), [...line, source]))
    const exported = join(objects, 'exported')
    // The library of zig's compiler would be exported whole, and so be kept.
    writeFileSync(exported, '{ global: napi_register_module_v1; node_api_module_*; local: *; };')
    if (os === 'linux') link.push(`-Wl,--version-script=${exported}`)
    await call(cc, output, ['-shared', '-s', ...link, ...addon.map(object)])
  } finally {
    rmSync(objects, { recursive: true })
  }
}

/**
 * Linked statically on Linux, so that one file runs on every libc: by musl, where its compiler is there, since glibc
 * takes ten times the space, else by the C compiler's own libc. Where that has no static library the launcher is an
 * ordinary program.
 */
export async function buildLauncher(output, { os = thisOs, cc, strict = false } = {}) {
  const ours = cc ?? own('CC', 'cc')
  const ways = [ours]
  if (os === 'linux') {
    ways.unshift([...ours, '-static'])
    // With CC given the target may be another machine, which musl-gcc doesn't know.
    if (cc === undefined && !process.env.CC) ways.unshift(['musl-gcc', '-static'])
  }
  const flags = ['-std=c11', '-Os', '-Wall', '-Wextra', '-Wconversion', '-s']
  // A word of the protocol that a switch has forgotten.
  flags.push('-Werror=switch')
  if (strict) flags.push('-Werror')
  // A C program that nothing unwinds.
  if (os === 'linux') {
    flags.push('-fno-unwind-tables', '-fno-asynchronous-unwind-tables', '-Wl,--gc-sections')
  }
  // Fewer mappings make it start sooner. The linker of zig doesn't know these.
  if (os === 'linux' && cc === undefined) flags.push('-Wl,-z,noseparate-code,-z,norelro')
  const failed = []
  for (const way of ways) {
    try {
      return await call(way, output, [...flags, ...recipe(os).launcher])
    } catch (error) {
      failed.push(error.message)
    }
  }
  throw new Error(`the launcher was not built.\n${failed.join('\n')}`)
}
