// Installs what npm packs by each client, with install scripts on and off and nothing on PATH that compiles, and runs
// an app with it on each Node: npm run clients [-- PART-OF-A-CLIENTS-NAME]
import { execFile, execFileSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './compile.mjs'
import { fetched, fetchedNode, nodeVersions } from './fetched.mjs'
import { faults } from './gate.mjs'
import { serve } from './registry.mjs'

const execute = promisify(execFile)
const pathOf = (program) =>
  execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim()
const timeout = pathOf('timeout')
/** timeout(1) ends the whole group of a command that takes too long (`limit`, ms), so that nothing of it is left. */
const run = (file, args, { limit = SMOKE_LIMIT, ...options }) =>
  execute(timeout, ['-s', 'KILL', String(limit / 1000), file, ...args], options)

/** ms */
const INSTALL_LIMIT = 90_000
const SMOKE_LIMIT = 30_000
const AT_ONCE = 2
const TRIES = 2

const work = mkdtempSync(join(tmpdir(), 'setsid-clients-'))
const folder = (...names) => {
  const path = join(work, ...names)
  mkdirSync(path, { recursive: true })
  return path
}
const upstream = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim()

/**
 * `program` is in the package; `off` is what keeps install scripts from running. `exec` runs a command of the app, or
 * is left out where node_modules/.bin does. Without `native` it is a script for Node, `node` at least.
 */
const npm = {
  program: 'bin/npm-cli.js',
  install: ['install', '--no-audit', '--no-fund'],
  exec: ['exec', '--no', '--'],
}
const yarn = { install: ['install'], exec: ['run'] }
const berry = (linker) => ({
  name: `yarn berry, ${linker}`,
  from: '@yarnpkg/cli-dist@4',
  program: 'bin/yarn.js',
  ...yarn,
  off: [],
  env: { YARN_NODE_LINKER: linker },
  // Its own default has changed within version 4.
  onEnv: { YARN_ENABLE_SCRIPTS: 'true' },
  offEnv: { YARN_ENABLE_SCRIPTS: 'false' },
  runsNode: linker === 'pnp',
})
const clients = [
  { name: 'npm 11', from: 'npm@11', ...npm },
  { name: 'npm 12', from: 'npm@12', ...npm, node: 22 },
  { name: 'pnpm 9', from: 'pnpm@9', program: 'bin/pnpm.cjs', install: ['install'], exec: ['exec'] },
  {
    name: 'pnpm 12',
    from: `@pnpm/exe.linux-${process.arch}@12`,
    native: true,
    program: 'pnpm',
    install: ['install'],
    exec: ['exec'],
  },
  {
    name: 'yarn 1',
    from: 'yarn@1',
    program: 'bin/yarn.js',
    install: ['install', '--no-progress'],
    exec: ['--silent', 'run'],
  },
  berry('node-modules'),
  berry('pnp'),
]

/** All of a client's files are below one folder, and it asks our registry alone. */
function environment(tools, home, registry, more) {
  const at = (name) => join(home, name)
  return {
    ...{ PATH: tools, HOME: home, TMPDIR: folder('tmp'), LANG: 'C', CI: '1', NO_COLOR: '1' },
    ...{ XDG_CACHE_HOME: at('cache'), XDG_DATA_HOME: at('data'), XDG_CONFIG_HOME: at('config') },
    ...{ XDG_STATE_HOME: at('state'), PNPM_HOME: at('pnpm') },
    ...{
      npm_config_registry: registry,
      npm_config_cache: at('npm'),
      npm_config_update_notifier: 'false',
    },
    ...{ npm_config_store_dir: at('store'), npm_config_userconfig: at('npmrc') },
    ...{
      PNPM_CONFIG_REGISTRY: registry,
      PNPM_CONFIG_STORE_DIR: at('store'),
      COREPACK_ENABLE_STRICT: '0',
    },
    ...{
      YARN_REGISTRY: registry,
      YARN_CACHE_FOLDER: at('yarn'),
      YARN_NPM_REGISTRY_SERVER: registry,
    },
    ...{
      YARN_UNSAFE_HTTP_WHITELIST: '127.0.0.1',
      YARN_ENABLE_TELEMETRY: '0',
      YARN_ENABLE_GLOBAL_CACHE: 'false',
    },
    ...{ YARN_ENABLE_IMMUTABLE_INSTALLS: 'false', YARN_GLOBAL_FOLDER: at('berry') },
    ...more,
  }
}

/** A folder for PATH with these programs of the machine, and one Node. */
function toolsOf(name, node, programs) {
  const tools = folder('tools', name)
  const link = (target, as) => symlinkSync(target, join(tools, as))
  link(node, 'node')
  for (const program of programs) {
    link(pathOf(program), program)
  }
  return tools
}

const COMPILERS = ['cc', 'gcc', 'c++', 'g++', 'clang', 'make', 'python', 'python3', 'node-gyp']

async function checkBare(env) {
  for (const name of COMPILERS) {
    const found = await run('sh', ['-c', `command -v ${name}`], { env }).catch(() => undefined)
    if (found !== undefined) throw new Error(`${name} is on PATH: ${found.stdout}`)
  }
}

const lastLines = (error) => {
  const said = [
    error.stderr,
    error.stdout,
    error.code === 137 ? 'it took too long' : '',
    error.message,
  ]
  return said
    .map((text) => String(text ?? '').trim())
    .filter(Boolean)
    .join('\n')
    .slice(-1500)
}

/** The tarball, as it is published where prebuilds/ has all of it, else with what is made for this machine alone. */
function pack() {
  const copy = folder('copy')
  const left = new Set(['.git', 'build', 'dist', 'node_modules', 'coverage', 'prebuilds'])
  cpSync(root, copy, { recursive: true, filter: (path) => !left.has(path.slice(root.length + 1)) })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const inCopy = (...args) =>
    execFileSync('npm', args, { cwd: copy, stdio: ['ignore', 'ignore', 'inherit'] })
  inCopy('run', 'build:js')
  const whole = faults(join(root, 'prebuilds')).length === 0
  cpSync(join(root, 'prebuilds'), join(copy, 'prebuilds'), { recursive: true })
  if (!whole) inCopy('run', 'prebuild')
  // The gate runs before packing (prepack), and asks for every platform.
  inCopy('pack', '--silent', ...(whole ? [] : ['--ignore-scripts']), '--pack-destination', work)
  console.log(
    whole
      ? 'packed with every prebuilt binary, and the gate has passed it'
      : `packed with the binary for ${process.platform}-${process.arch} alone, past the gate`,
  )
  const file = readdirSync(work).find((name) => name.endsWith('.tgz'))
  return {
    manifest: JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8')),
    tarball: readFileSync(join(work, file)),
  }
}

/** The newest of the major that is asked for; the newest of all where there is none of it. */
async function newest(name) {
  try {
    return await fetched(name)
  } catch (error) {
    if (!/ETARGET|E404/.test(error.stderr)) throw error
    console.log(`${name} is not published: the newest is taken`)
    return fetched(name.replace(/@\d+$/, '@latest'))
  }
}

/** Installs an app, then runs it on each Node: one line of cells. */
async function tryClient(client, scripts, { nodes, registry, number }) {
  const {
    env: own = {},
    off = ['--ignore-scripts'],
    onEnv = {},
    offEnv = {},
    node: least = 0,
  } = client
  const id = `${number}-${scripts}`
  const app = folder('apps', id)
  const manifest = { name: 'app', version: '1.0.0', private: true, dependencies: { setsid: '*' } }
  writeFileSync(join(app, 'package.json'), JSON.stringify(manifest))
  // So that yarn berry takes this folder for a project of its own.
  writeFileSync(join(app, 'yarn.lock'), '')
  cpSync(join(root, 'test/fixtures/client.mjs'), join(app, 'client.mjs'))
  const package_ = await newest(client.from)
  const { version } = JSON.parse(readFileSync(join(package_, 'package.json'), 'utf8'))
  const program = join(package_, client.program)
  const home = folder('homes', id)
  const more = { ...own, ...(scripts === 'off' ? offEnv : onEnv) }
  const from = (tools) => environment(tools, home, registry, more)
  const first = nodes.find(({ major }) => major >= least)
  const call = (node, words) =>
    client.native ? [program, words] : [node.path, [program, ...words]]

  const flags = scripts === 'off' ? off : []
  const bare = from(first.bare)
  await checkBare(bare)
  const install = async () => {
    const [file, args] = call(first, [...client.install, ...flags])
    return run(file, args, { cwd: app, env: bare, limit: INSTALL_LIMIT })
  }
  const row = { client: `${client.name} (${version})`, scripts }
  for (let left = TRIES; ; left--) {
    try {
      await install()
      break
    } catch (error) {
      if (left > 1) continue
      console.error(`${row.client}, scripts ${scripts}: the install failed\n${lastLines(error)}`)
      return { ...row, cells: nodes.map(() => 'not installed') }
    }
  }

  const smoke = async (node) => {
    const limits = { cwd: app, env: from(node.tools), limit: SMOKE_LIMIT }
    // Where a client does not run on this Node, what it has put into node_modules/.bin does.
    const byClient = node.major >= least && (node === first || client.runsNode)
    const command = (...words) =>
      byClient
        ? run(...call(node, [...client.exec, ...words]), limits)
        : run(join(app, 'node_modules/.bin', words[0]), words.slice(1), limits)
    const program = client.runsNode
      ? call(node, ['node', 'client.mjs'])
      : [node.path, ['client.mjs']]
    const { stdout } = await run(...program, limits)
    if (!stdout.includes(`smoke ok ${node.version}`)) throw new Error(`it said ${stdout}`)
    const said = await command('sess', '--version')
    if (!said.stdout.includes(packed.manifest.version))
      throw new Error(`sess --version: ${said.stdout}`)
    const ids = await command('sess', 'ids', '--json')
    if (!/"sid": ?\d+/.test(ids.stdout)) throw new Error(`sess ids: ${ids.stdout}`)
  }
  const cells = []
  for (const node of nodes) {
    try {
      await smoke(node)
      cells.push('ok')
    } catch (error) {
      console.error(`${row.client}, scripts ${scripts}, Node ${node.version}:\n${lastLines(error)}`)
      cells.push('FAILED')
    }
  }
  return { ...row, cells }
}

function print(nodes, rows) {
  const lines = [
    ['client', 'scripts', ...nodes.map(({ version }) => `Node ${version}`)],
    ...rows.map(({ client, scripts, cells }) => [client, scripts, ...cells]),
  ]
  const widths = lines[0].map((_, i) => Math.max(...lines.map((line) => line[i].length)))
  for (const line of lines)
    console.log(
      line
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    )
}

let packed
async function main() {
  packed = pack()
  const server = await serve({ ...packed, upstream })
  try {
    const paths = [[process.versions.node, process.execPath]]
    for (const version of nodeVersions) paths.push([version, await fetchedNode(version)])
    const nodes = paths.map(([version, path]) => ({
      ...{ version, path, major: Number(version.split('.')[0]) },
      bare: toolsOf(`bare-${version}`, path, ['sh']),
      // The shell scripts that clients make for a command, and our own, need these; the smoke test runs cat.
      tools: toolsOf(version, path, [
        'sh',
        'env',
        'cat',
        'sed',
        'dirname',
        'basename',
        'readlink',
        'uname',
      ]),
    }))
    const asked = clients.filter(({ name }) => name.includes(process.argv[2] ?? ''))
    const tasks = asked.flatMap((client, number) =>
      ['on', 'off'].map((scripts) => ({ client, scripts, number })),
    )
    const rows = []
    const next = tasks.entries()
    const worker = async () => {
      for (const [i, { client, scripts, number }] of next) {
        rows[i] = await tryClient(client, scripts, { nodes, number, registry: server.url }).catch(
          (error) => {
            console.error(`${client.name}, scripts ${scripts}: ${lastLines(error)}`)
            return { client: client.name, scripts, cells: nodes.map(() => 'not tried') }
          },
        )
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    print(nodes, rows)
    return rows.every(({ cells }) => cells.every((cell) => cell === 'ok'))
  } finally {
    server.close()
  }
}

try {
  process.exitCode = (await main()) ? 0 : 1
} finally {
  rmSync(work, { recursive: true, force: true, maxRetries: 3 })
}
