// docs/command.md: its pictures are of real runs (`npm run pictures`), so that only their shape is known.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const page = readFileSync(new URL('../../docs/command.md', import.meta.url), 'utf8')
const pictures = Array.from(
  page.matchAll(/<!-- picture: (\d+) (.*) -->\n```\n\$ (.*)\n([^]*?)\n```\n<!-- end -->/g),
  ([, columns, line = '', shown, text = '']) => ({
    ...{ line, shown, lines: text.split('\n'), columns: Number(columns) },
  }),
)

const heads: Record<string, RegExp> = {
  'sess ls': /^ *SID +TTY +USER +PROCS +AGE +CPU +MEM +GROUPS +COMMAND$/,
  'sess tree': /^ +PID +AGE +CPU +MEM {2}COMMAND$/,
  'sess watch --tty pts/0': /^sess watch {2}\d\d:\d\d:\d\d {2}1 session {2}\d+ processes /,
}

test('it has ls and tree at 80 and at 200 columns, and watch', () => {
  expect(pictures.map(({ columns, line }) => `${columns} ${line}`)).toEqual([
    ...['80 sess ls', '200 sess ls', '80 sess tree', '200 sess tree', '80 sess watch --tty pts/0'],
  ])
  expect(page.match(/<!-- picture/g)).toHaveLength(pictures.length)
})

describe.each(pictures)('$columns columns: $line', ({ columns, line, shown, lines }) => {
  test('is that of its command, with its head, as wide as it may be and no wider', () => {
    expect(shown).toBe(line)
    expect(lines[0]).toMatch(heads[line] ?? /never/)
    const widest = Math.max(...lines.map((text) => text.length))
    expect(widest).toBeLessThanOrEqual(columns)
    expect(widest).toBeGreaterThan(columns === 80 ? 70 : 80)
  })

  test('shows a stopped and an orphaned group, and nothing of the machine that it was made on', () => {
    const text = lines.join('\n')
    expect(text).toMatch(line === 'sess ls' ? /\d+T .*\d+o / : /stopped[^]*orphaned/)
    expect(text).not.toMatch(/\/(tmp|home|work|root)\b|node_modules/)
    expect(text).not.toMatch(/cli\.js/)
  })
})
