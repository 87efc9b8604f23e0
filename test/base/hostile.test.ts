import { expect, test } from 'vitest'
import { openFolder } from '../helpers/folder.ts'
import { runFixture } from '../helpers/process.ts'

/** How many calls, and the seed that they come of; 0: another one each time, which a failure prints. */
const CALLS = process.env['SETSID_TEST_HOSTILE'] ?? '4000'
const given = Number(process.env['SETSID_TEST_SEED'] ?? 2026)
const SEED = String(given === 0 ? 1 + Math.floor(Math.random() * 2 ** 31) : given)

test(
  `hostile values: a typed error before anything is done, and every promise settles`,
  { timeout: 60_000 + Number(CALLS) * 20 },
  async () => {
    const seen = await runFixture('hostile.mjs', [CALLS, SEED], { cwd: openFolder() })
    const { missing, wrong, count, ...rest } = seen
    expect(missing, 'functions that have no row in test/fixtures/hostile.mjs').toEqual([])
    expect(wrong, `seed ${SEED}`).toEqual([])
    // No process, no signal, no file, and the mask as it was.
    expect(rest).toEqual({ left: [], seen: [], bystander: [], files: [], umask: true })
    expect(count.refused).toBeGreaterThan(Number(CALLS) / 2)
    expect(count.taken).toBeGreaterThan(0)
  },
)
