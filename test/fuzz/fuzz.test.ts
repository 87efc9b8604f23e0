import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { openFolder } from '../helpers/folder.ts'
import { need } from '../helpers/tools.ts'

const SECONDS = process.env['SETSID_TEST_FUZZ'] ?? '5'

function fuzz(target: string, root: string, seconds: string) {
  const args = ['scripts/fuzz.mjs', '--root', root, '--seconds', seconds, target]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  return { status, text: stdout + stderr }
}

/** The sources in a folder of their own. What a run leaves in its build/ goes with it. */
function copy(): string {
  const root = openFolder()
  for (const name of ['src', 'test/fuzz']) cpSync(name, join(root, name), { recursive: true })
  return root
}

/** A copy with a fault in one file. */
function plant(file: string, sound: string, fault: string): string {
  const root = copy()
  const path = join(root, file)
  const text = readFileSync(path, 'utf8')
  expect(text).toContain(sound)
  writeFileSync(path, text.replace(sound, fault))
  return root
}

beforeEach((context) => need('clang', undefined, context))

test.each(['stat', 'words', 'options'])('%s: no input does any harm', (target) => {
  const { status, text } = fuzz(target, copy(), SECONDS)
  expect(text).toMatch(/number_of_executed_units: +[1-9][0-9]{3}/)
  expect(status, text).toBe(0)
})

const overlong = 'if (length > sizeof row->command) length = sizeof row->command;'
test.each([
  ['stat', 'src/linux/process_stat.cc', overlong, ''],
  ['words', 'src/launcher/text.c', 'message->count == row->values ||', ''],
])(
  '%s: a planted fault is found',
  (target, file, sound, fault) => {
    const { status, text } = fuzz(target, plant(file, sound, fault), '60')
    expect(text).toMatch(/ERROR: (AddressSanitizer|libFuzzer)|runtime error/)
    expect(status).toBe(1)
  },
  120_000,
)
