// Fuzzes the parsers of native code under AddressSanitizer and UBSan:
//
//   npm run fuzz -- [--seconds N] [--root FOLDER] [TARGET]…
//
// A target is a file in test/fuzz/. It starts from test/fuzz/corpus/TARGET/, one input a file. Needs clang and its
// libFuzzer (Debian: clang libclang-rt-14-dev). An input that fails is left in build/fuzz/, and printed.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

/** What clang gets for each: sources, the target's own first, and flags. */
const sources = {
  stat: ['test/fuzz/stat.cc', 'src/linux/process_stat.cc'],
  words: ['test/fuzz/words.c', 'src/launcher/text.c'],
  options: [
    ...['test/fuzz/options.c', 'src/launcher/launch/options.c', 'src/launcher/text.c'],
    '-Dstrdup=CopyForOneLife',
  ],
}

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, root: { type: 'string', default: '.' } },
  allowPositionals: true,
})
const root = resolve(values.root)
const folder = join(root, 'build/fuzz')
const targets = positionals.length > 0 ? positionals : Object.keys(sources)
const unknown = targets.filter((target) => !Object.hasOwn(sources, target))
if (unknown.length > 0) {
  console.error(
    `no such target: ${unknown.join(', ')}; there are ${Object.keys(sources).join(', ')}`,
  )
  process.exit(2)
}

const clang = ['clang', 'clang-14'].find((name) => spawnSync(name, ['--version']).status === 0)
if (clang === undefined) {
  console.error('no clang: install clang and its libFuzzer (Debian: clang libclang-rt-14-dev)')
  process.exit(2)
}

function run(command, args) {
  // What is kept to the end of the process is no leak.
  const env = { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' }
  const { status } = spawnSync(command, args, { cwd: root, env, stdio: 'inherit' })
  return status === 0
}

function fuzz(target) {
  const program = join(folder, target)
  const corpus = join(folder, `${target}-corpus`)
  mkdirSync(corpus, { recursive: true })
  const seeds = join(root, 'test/fuzz/corpus', target)
  if (existsSync(seeds)) cpSync(seeds, corpus, { recursive: true })
  const isCpp = sources[target][0].endsWith('.cc')
  const compiler = isCpp ? clang.replace('clang', 'clang++') : clang
  const flags = [
    ...['-g', '-O1', isCpp ? '-std=c++17' : '-std=c11'],
    '-fsanitize=fuzzer,address,undefined',
    '-fno-sanitize-recover=all',
  ]
  if (!run(compiler, [...flags, '-o', program, ...sources[target]])) return false
  return run(program, [
    `-max_total_time=${values.seconds}`,
    '-detect_leaks=0',
    // What the launcher says of wrong arguments goes nowhere.
    '-close_fd_mask=2',
    ...['-max_len=4200', '-verbosity=0', '-print_final_stats=1'],
    `-artifact_prefix=${folder}/`,
    corpus,
  ])
}

for (const target of targets) {
  console.log(`== ${target}, ${values.seconds} s`)
  if (!fuzz(target)) {
    console.error(`== ${target}: failed`)
    process.exitCode = 1
  }
}
