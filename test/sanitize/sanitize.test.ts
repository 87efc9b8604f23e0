import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { openFolder } from '../helpers/folder.ts'
import { need } from '../helpers/tools.ts'

const tools = { address: 'patchelf', thread: 'g++', memory: 'clang', valgrind: 'valgrind' }
const targets = Object.keys(tools) as (keyof typeof tools)[]
const LIMIT = 400_000

function sanitize(target: string, root = '.', calls = '') {
  const options = ['--short', '--root', root, '--calls', calls]
  const args = ['scripts/sanitize.mjs', ...options, target]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: LIMIT - 20_000,
  })
  return { status, text: stdout + stderr }
}

/** A copy of the sources with a fault in one file, and of what was built of the others. */
function plant(target: string, file: string, sound: string, fault: string): string {
  const root = openFolder()
  for (const name of ['src', 'test/sanitize'])
    cpSync(name, join(root, name), { recursive: true, preserveTimestamps: true })
  const built = join(root, 'build/sanitize')
  for (const from of [`build/sanitize/${target}`].filter(existsSync))
    cpSync(from, join(built, target), { recursive: true, preserveTimestamps: true })
  mkdirSync(join(built, 'bin'), { recursive: true })
  symlinkSync(resolve('build/sanitize/bin/node'), join(built, 'bin/node'))
  const path = join(root, file)
  const text = readFileSync(path, 'utf8')
  expect(text).toContain(sound)
  writeFileSync(path, text.replace(sound, fault))
  return root
}

beforeEach(({ task, skip }) => {
  const target = targets.find((name) => task.name.startsWith(name))
  need(target === undefined ? 'g++' : tools[target], undefined, { skip })
})

test.each(targets)('%s: nothing is reported', { timeout: LIMIT }, (target) => {
  const { status, text } = sanitize(target)
  expect(text).toMatch(/: clean, /)
  expect(status, text).toBe(0)
})

const unset = {
  calls: '',
  file: 'src/launcher/launch/options.c',
  sound:
    '*options =\n      (struct options){.up_for = -1, .ready_fd = -1, .umask = -1, .keep = -1};',
  fault: '',
}
const faults = [
  {
    title: 'address: a write behind a buffer of the addon is found',
    calls: 'stopLook',
    file: 'src/stop_job.cc',
    sound: 'sizeof job.report + size, &bytes',
    fault: 'size, &bytes',
    report: /ERROR: AddressSanitizer: heap-buffer-overflow[^]*stop_job\.cc/,
  },
  {
    title: 'address: an overflow of a signed number is found',
    calls: 'nextNumbers',
    file: 'src/files.cc',
    sound: 'uint32_t number = 0;',
    fault: 'int32_t number = 0;',
    report: /files\.cc.*runtime error:.*signed integer overflow/,
  },
  {
    title: 'thread: an environment that ends before its thread is found',
    calls: '',
    file: 'src/stop_job.cc',
    sound: 'job->cancelled = true;\n  Join(job);',
    fault: 'job->cancelled = true;',
    report: /WARNING: ThreadSanitizer: (data race|heap-use-after-free)/,
  },
  {
    title: 'memory: an option that was never set is found',
    ...unset,
    report: /WARNING: MemorySanitizer: use-of-uninitialized-value/,
  },
  {
    title: 'valgrind: an option that was never set is found',
    ...unset,
    report: /[Uu]ninitialised/,
  },
]

const titled = faults.map((fault) => [fault.title, fault] as const)
test.each(titled)('%s', { timeout: LIMIT }, (title, { calls, file, sound, fault, report }) => {
  const [target = ''] = title.split(':')
  const { status, text } = sanitize(target, plant(target, file, sound, fault), calls)
  expect(text).toMatch(report)
  expect(status, text).toBe(1)
})
