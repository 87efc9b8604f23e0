// Native code under what finds its faults, each in a build of its own below build/sanitize/:
//
//   npm run sanitize -- [--short] [--calls CALL] [--root FOLDER] [TARGET]…
//
//   address   addon and launcher under AddressSanitizer and UBSan, with the suite
//   thread    the addon under ThreadSanitizer, without Node: test/sanitize/threads.cc calls it from many threads
//   memory    the launcher under MemorySanitizer, with the tests that start it
//   valgrind  the launcher under valgrind's memcheck, likewise; valgrind 3.19 has no pidfd_open(2), so that a child can't
//             be contained below it, and tests that need it fail. What valgrind reports decides
//
// All of them without a TARGET. `--short` has what the suite runs of them: every call of the addon some times, and the
// launcher's parts once; with `--calls` some of the calls (test/endure/). `--root` takes src/ from another folder. What is found is printed: there is a fault, also where
// every test has passed. Needs g++ with its sanitizers, patchelf, clang and valgrind.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { findHeaders, recipe, root as checkout } from './compile.mjs'

const { values, positionals } = parseArgs({
  options: {
    root: { type: 'string', default: checkout },
    calls: { type: 'string', default: '' },
    short: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
const root = resolve(values.root)
const folder = join(root, 'build/sanitize')
const { addon, compile, link, launcher } = recipe('linux')

/** The tests that run native code; the others are of the package, the documentation, or start sanitizers themselves. */
const suite = [
  'base',
  'raw',
  'inspect',
  'spawn',
  'stop',
  'run',
  'daemon',
  'cli',
  'launcher',
  'protocol',
  'endure',
]
const launcherTests = [
  'spawn/spawn.test',
  'spawn/contain',
  'launcher',
  'protocol',
  'daemon/start',
  'daemon/daemonize',
  'cli/run',
]

function fail(text) {
  console.error(text)
  process.exit(2)
}

function needTool(tool, hint) {
  if (spawnSync(tool, ['--version']).error !== undefined) fail(`no ${tool}: ${hint}`)
}

const timeOf = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
const newestHeader = () =>
  Math.max(
    ...readdirSync(join(root, 'src'), { recursive: true })
      .filter((name) => name.endsWith('.h'))
      .map((name) => timeOf(join(root, 'src', name))),
  )

/** Compiles what has changed since the last time, as many files at a time as there are processors. */
async function objectsOf(name, sources, flags, compilers = ['gcc', 'g++']) {
  const headers = newestHeader()
  const all = sources.map((source) => ({
    source,
    object: join(folder, name, `${source.replaceAll('/', '-')}.o`),
  }))
  mkdirSync(join(folder, name), { recursive: true })
  const stale = all.filter(
    ({ source, object }) => timeOf(object) < Math.max(headers, timeOf(join(root, source))),
  )
  const work = async () => {
    for (let next = stale.shift(); next !== undefined; next = stale.shift()) {
      const compiler = compilers[next.source.endsWith('.cc') ? 1 : 0]
      const line = [...flags(next.source), '-c', next.source, '-o', next.object]
      const [code] = await once(spawn(compiler, line, { cwd: root, stdio: 'inherit' }), 'exit')
      if (code !== 0) fail(`${next.source} was not compiled`)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  return all.map(({ object }) => object)
}

const traceable = ['-g', '-O1', '-fno-omit-frame-pointer', '-Wno-psabi']
const addonFlags = (...more) => [
  ...['-fPIC', '-isystem', findHeaders(), ...compile, ...traceable, ...more],
]

function gcc(output, words, compiler = 'gcc') {
  mkdirSync(dirname(output), { recursive: true })
  execFileSync(compiler, [...words, '-o', output], { cwd: root, stdio: 'inherit' })
}

/** A folder for reports, to which every user of the tests may write. */
function reportsOf(name) {
  const reports = join(folder, `${name}-reports`)
  rmSync(reports, { recursive: true, force: true })
  mkdirSync(reports, { recursive: true })
  chmodSync(reports, 0o1777)
  return reports
}

/** Prints what was reported: how many files say something. */
function tellReports(reports) {
  const texts = readdirSync(reports)
    .map((name) => readFileSync(join(reports, name), 'utf8'))
    // valgrind says in lines with dashes what it can't do.
    .map((text) => text.replace(/^--.*\n/gm, ''))
  const faults = texts.filter((text) => text.trim() !== '')
  for (const text of faults.slice(0, 10)) console.log(text)
  return { faults: faults.length, all: texts.length }
}

/** A copy of the checkout, whose build/Release has these binaries: tests and programs find no others. */
function copySuite(name, binaries) {
  const copy = join(folder, name)
  rmSync(copy, { recursive: true, force: true })
  mkdirSync(join(copy, 'build/Release'), { recursive: true })
  for (const entry of readdirSync(checkout)) {
    if (['.git', 'build', 'node_modules', 'prebuilds', 'coverage'].includes(entry)) continue
    cpSync(join(checkout, entry), join(copy, entry), { recursive: true })
  }
  symlinkSync(realpathSync(join(checkout, 'node_modules')), join(copy, 'node_modules'))
  for (const [file, from] of Object.entries(binaries)) {
    copyFileSync(from, join(copy, 'build/Release', file))
    chmodSync(join(copy, 'build/Release', file), 0o755)
  }
  return copy
}

/** In a pid namespace of its own, where it may be: what a faulty launcher leaves ends with it. */
function runApart(copy, node, args, reports) {
  const apart = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const may = spawnSync('unshare', [...apart, 'true']).status === 0
  if (!may) return runIn(copy, node, args, reports)
  const shell = ['sh', '-c', '"$@"; exit $?', 'sh', node, ...args]
  return runIn(copy, node, [...apart, ...shell], reports, 'unshare')
}

function runIn(copy, node, args, reports, program = node) {
  const log = `log_path=${reports}/report`
  const PATH = `${dirname(node)}:${process.env.PATH}`
  const { status, signal } = spawnSync(program, args, {
    cwd: copy,
    stdio: 'inherit',
    env: { ...process.env, PATH, ASAN_OPTIONS: log, MSAN_OPTIONS: log, SETSID_REPORTS: reports },
  })
  if (status !== 0) console.log(`${args.join(' ')} ended with ${signal ?? status}`)
  return status === 0
}

const vitest = (...files) => [
  ...['node_modules/vitest/vitest.mjs', 'run', '--typecheck.enabled=false'],
  ...['--testTimeout=300000', '--reporter=dot', ...files],
]

/** Node with the runtimes loaded first, as they have to be. Its children that are no Node know nothing of them. */
function buildNode(reports) {
  const common = `log_path=${reports}/report`
  const options = join(folder, 'options.c')
  // Node keeps what it has until its end; the launcher, parts of its arguments.
  writeFileSync(
    options,
    `#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#define SHOWN __attribute__((visibility("default")))
SHOWN const char* __asan_default_options(void);
SHOWN const char* __asan_default_options(void) {
  return "detect_leaks=0:verify_asan_link_order=0:alloc_dealloc_mismatch=0:${common}";
}
SHOWN const char* __ubsan_default_options(void);
SHOWN const char* __ubsan_default_options(void) { return "print_stacktrace=1"; }

// UBSan takes no log_path where ASan is there too.
typedef void Tell(const char** kind, const char** message, const char** file, unsigned* line,
                  unsigned* column, char** address);
SHOWN void __ubsan_on_report(void);
SHOWN void __ubsan_on_report(void) {
  const char *kind = "", *message = "", *file = "";
  unsigned line = 0, column;
  char path[4096], *address;
  void* runtime = dlopen("libubsan.so.1", RTLD_LAZY | RTLD_NOLOAD);
  Tell* tell = runtime == NULL ? NULL : (Tell*)dlsym(runtime, "__ubsan_get_current_report_data");
  if (tell != NULL) tell(&kind, &message, &file, &line, &column, &address);
  const char* reports = getenv("SETSID_REPORTS");
  if (reports == NULL) reports = "${reports}";
  snprintf(path, sizeof path, "%s/undefined.%d", reports, (int)getpid());
  FILE* report = fopen(path, "w");
  if (report == NULL) return;
  fprintf(report, "%s:%u: runtime error: %s\\n", file, line, message);
  fclose(report);
}
`,
  )
  const library = join(folder, 'libsetsid-options.so')
  gcc(library, ['-shared', '-fPIC', options])
  const node = join(folder, 'bin/node')
  if (!existsSync(node)) {
    mkdirSync(dirname(node), { recursive: true })
    copyFileSync(realpathSync(process.execPath), `${node}.draft`)
    chmodSync(`${node}.draft`, 0o755)
    const runtime = execFileSync('gcc', ['-print-file-name=libasan.so'], {
      encoding: 'utf8',
    }).trim()
    const name = execFileSync('patchelf', ['--print-soname', runtime], { encoding: 'utf8' }).trim()
    const needed = ['--add-needed', name, '--add-needed', library]
    execFileSync('patchelf', [...needed, `${node}.draft`], { stdio: 'inherit' })
    execFileSync('mv', [`${node}.draft`, node])
  }
  return { node, options }
}

async function address() {
  needTool('patchelf', 'apt-get install patchelf')
  const sanitize = ['-fsanitize=address,undefined', '-fno-sanitize-recover=undefined']
  const reports = reportsOf('address')
  const { node, options } = buildNode(reports)
  const objects = await objectsOf('address', addon, () => addonFlags(...sanitize))
  const setsid = join(folder, 'address/setsid.node')
  gcc(setsid, ['-shared', ...sanitize, ...link, ...objects])
  const parts = await objectsOf('address/parts', launcher, () => [
    '-std=c11',
    ...traceable,
    ...sanitize,
  ])
  const program = join(folder, 'address/launcher')
  gcc(program, [...sanitize, ...traceable, ...parts, options])

  const copy = copySuite('address-suite', { 'setsid.node': setsid, launcher: program })
  const endure = ['test/endure/endure.mjs', '--any-memory', '--rounds', '300', '--workers', '4']
  const passed = values.short
    ? runIn(copy, node, [...endure, values.calls], reports) &&
      runApart(copy, node, ['test/sanitize/launcher.mjs'], reports)
    : runIn(copy, node, vitest(...suite.map((name) => `test/${name}`)), reports)
  const { faults } = tellReports(reports)
  return { passed: passed && faults === 0, text: `${faults} reports` }
}

async function thread() {
  const sources = [...addon, 'test/sanitize/napi.cc', 'test/sanitize/threads.cc']
  const sanitize = '-fsanitize=thread'
  const objects = await objectsOf('thread', sources, () => addonFlags(sanitize))
  const program = join(folder, 'thread/threads')
  gcc(program, [sanitize, ...objects, '-lstdc++'])
  const seconds = values.short ? 2 : 60
  const { status, signal } = spawnSync(program, [String(seconds)], {
    stdio: 'inherit',
    // After a race nothing has to go on as it should.
    env: { ...process.env, TSAN_OPTIONS: 'halt_on_error=1' },
    timeout: (seconds + 120) * 1000,
    killSignal: 'SIGKILL',
  })
  return {
    passed: status === 0,
    text: status === 0 ? 'no report' : `ended with ${signal ?? status}`,
  }
}

/** A suite whose launcher is this one, with the addon of the checkout. */
function runLauncher(name, program, reports) {
  const setsid = join(checkout, 'build/Release/setsid.node')
  const copy = copySuite(`${name}-suite`, { 'setsid.node': setsid, launcher: program })
  const { execPath } = process
  if (values.short) return runApart(copy, execPath, ['test/sanitize/launcher.mjs', name], reports)
  return runIn(copy, execPath, vitest(...launcherTests.map((file) => `test/${file}`)), reports)
}

async function memory() {
  needTool('clang', 'apt-get install clang libclang-rt-14-dev')
  const reports = reportsOf('memory')
  const options = join(folder, 'memory/options.c')
  mkdirSync(dirname(options), { recursive: true })
  writeFileSync(
    options,
    `#include <sanitizer/msan_interface.h>
#include <signal.h>
#include <sys/syscall.h>
const char* __msan_default_options(void);
const char* __msan_default_options(void) { return "log_path=${reports}/report"; }
// It knows what the kernel writes by the functions of libc, and not by syscall().
long __real_syscall(long number, long a, long b, long c, long d, long e);
long __wrap_syscall(long number, long a, long b, long c, long d, long e);
long __wrap_syscall(long number, long a, long b, long c, long d, long e) {
  long result = __real_syscall(number, a, b, c, d, e);
  if (result < 0) return result;
  if (number == SYS_rt_sigtimedwait && b != 0) __msan_unpoison((void*)b, sizeof(siginfo_t));
  if (number == SYS_rt_sigprocmask && c != 0) __msan_unpoison((void*)c, (size_t)d);
  return result;
}
`,
  )
  const sanitize = ['-fsanitize=memory', '-fno-sanitize-recover=memory']
  const flags = ['-std=c11', ...traceable, '-fPIE', ...sanitize]
  const parts = await objectsOf('memory', launcher, () => flags, ['clang', 'clang++'])
  const program = join(folder, 'memory/launcher')
  gcc(
    program,
    [...traceable, '-pie', '-Wl,--wrap=syscall', ...sanitize, ...parts, options],
    'clang',
  )
  const passed = runLauncher('memory', program, reports)
  const { faults } = tellReports(reports)
  return { passed: passed && faults === 0, text: `${faults} reports` }
}

async function valgrind() {
  needTool('valgrind', 'apt-get install valgrind')
  const reports = reportsOf('valgrind')
  const parts = await objectsOf('valgrind', launcher, () => ['-std=c11', ...traceable])
  const program = join(folder, 'valgrind/launcher')
  gcc(program, [...traceable, ...parts])
  const words = [
    'valgrind',
    '--quiet',
    '--trace-children=no',
    `--log-file=${reports}/%p.txt`,
    program,
  ]
  const wrapper = join(folder, 'valgrind/wrapper')
  // No script: the library may start the launcher by a descriptor, which is closed when sh looks for it.
  writeFileSync(
    `${wrapper}.c`,
    `#include <string.h>
#include <unistd.h>
int main(int argc, char** argv) {
  char* words[1024] = {${words.map((word) => JSON.stringify(word)).join(', ')}};
  if (argc > 1000) return 2;
  memcpy(words + ${words.length}, argv + 1, (size_t)argc * sizeof *argv);
  execvp(*words, words);
  return 127;
}
`,
  )
  gcc(wrapper, [`${wrapper}.c`])
  const passed = runLauncher('valgrind', wrapper, reports)
  const { faults, all } = tellReports(reports)
  return {
    passed: faults === 0 && all > 0 && (passed || !values.short),
    text: `${faults} reports of ${all} launchers`,
  }
}

const targets = { address, thread, memory, valgrind }
const chosen = positionals.length > 0 ? positionals : Object.keys(targets)
const unknown = chosen.filter((target) => !Object.hasOwn(targets, target))
if (unknown.length > 0 || values.help) {
  console.log(
    'npm run sanitize -- [--short] [--calls CALL] [--root FOLDER] [address | thread | memory | valgrind]…',
  )
  if (!values.help) fail(`no such target: ${unknown.join(', ')}`)
  process.exit()
}
for (const target of chosen) {
  console.log(`== ${target}`)
  const { passed, text } = await targets[target]()
  console.log(`== ${target}: ${passed ? 'clean' : 'failed'}, ${text}`)
  if (!passed) process.exitCode = 1
}
