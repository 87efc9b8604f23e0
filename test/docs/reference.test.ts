// The reference that `npm run docs` makes of the doc comments.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openFolder } from '../helpers/folder.ts'
import { node } from '../helpers/process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What typedoc's JSON has of a declaration, as far as we read it. */
interface Reflection {
  name: string
  comment?: { summary: { text: string }[] }
  children?: Reflection[]
  type?: unknown
}

function typedoc(...args: string[]) {
  const bin = join(root, 'node_modules/typedoc/bin/typedoc')
  const { status, stdout, stderr } = spawnSync(node, [bin, ...args], { cwd: root })
  return { status, said: `${stdout.toString()}${stderr.toString()}` }
}

/** typedoc compiles all of lib/. */
const SLOW = 240_000

/** What a number can be. */
const unit = /milliseconds|bytes|\bID\b|descriptor|signal|group|0 to (0o)?\d+/i

test(
  'it is made without a warning, and has an anchor, a default and a unit for each option',
  { timeout: SLOW },
  () => {
    const out = openFolder()
    const made = typedoc('--out', out, '--json', join(out, 'all.json'))
    expect(made.said).not.toMatch(/warning|error/)
    expect(made.status).toBe(0)
    const { children: modules = [] } = JSON.parse(
      readFileSync(join(out, 'all.json'), 'utf8'),
    ) as Reflection
    expect(modules.map(({ name }) => name)).toEqual(['setsid', 'setsid/launch'])
    const interfaces = modules[0]?.children?.filter(({ name }) => name.endsWith('Options')) ?? []
    const options = interfaces.flatMap((owner) =>
      (owner.children ?? []).map((option) => ({ owner: owner.name, ...option })),
    )
    expect(options.length).toBeGreaterThan(50)
    for (const { owner, name, comment, type } of options) {
      const text = (comment?.summary ?? []).map((part) => part.text).join('')
      expect(text, `${owner}.${name}`).toMatch(/\bDefault\b/)
      if (JSON.stringify(type).includes('"name":"number"')) {
        expect(text, `${owner}.${name}`).toMatch(unit)
      }
      const page = readFileSync(join(out, `interfaces/setsid.${owner}.html`), 'utf8')
      expect(page, `${owner}.${name}`).toContain(`id="${name.toLowerCase()}"`)
    }
  },
)

test('what is not told, and a link that leads nowhere, is an error', { timeout: SLOW }, () => {
  const out = openFolder()
  writeFileSync(
    join(out, 'bad.ts'),
    `/**
 * @module bad
 */
/** As {@link nowhere}. */
export interface Told {
  untold: number
}
`,
  )
  const compilerOptions = { types: [], lib: ['es2023'] }
  writeFileSync(join(out, 'tsconfig.json'), JSON.stringify({ files: ['bad.ts'], compilerOptions }))
  const ours = join(root, 'typedoc.config.js')
  writeFileSync(
    join(out, 'options.mjs'),
    `import ours from ${JSON.stringify(ours)}
export default { ...ours, entryPoints: ['bad.ts'], tsconfig: 'tsconfig.json', out: 'html' }`,
  )
  const { status, said } = typedoc('--options', join(out, 'options.mjs'))
  expect(said).toMatch(/"nowhere"/)
  expect(said).toMatch(/untold \(Property\).* does not have any documentation/)
  expect(status).not.toBe(0)
})
