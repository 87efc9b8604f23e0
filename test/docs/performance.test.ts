// docs/performance.md and "Speed" in README.md are made by `npm run bench -- --write` of one file of figures, and nothing
// in them is written by hand. Nothing is measured here but what shows that the command works.
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { judge, say, sayGoal } from '../../bench/frame/judge.ts'
import { measure } from '../../bench/frame/measure.ts'
import { pageOf, readFigures, readPage, readSpeed, speedOf } from '../../bench/frame/page.ts'
import { linesOf } from '../../bench/frame/print.ts'
import { measureTable } from '../../bench/frame/table.ts'
import type { Figure, Goal, Row, Table } from '../../bench/frame/types.ts'
import { tables } from '../../bench/tables/all.ts'
import { root } from '../helpers/pages.ts'
import { node } from '../helpers/process.ts'

const figures = readFigures().flatMap((measured) => measured.figures)
const rows = tables.flatMap((table) => table.rows)

describe('the pages', () => {
  test('docs/performance.md is what the figures make', () => {
    expect(readPage()).toBe(pageOf(readFigures()))
  })

  test('README.md has the same figures', () => {
    expect(readSpeed()).toBe(speedOf(readFigures()))
  })

  test('a figure that is another one is seen', () => {
    const others = structuredClone(readFigures())
    for (const { ours } of others.flatMap((measured) => measured.figures)) {
      Object.assign(ours, { 1: ours[1] * 2 + 1 })
    }
    expect(pageOf(others)).not.toBe(readPage())
    expect(speedOf(others)).not.toBe(readSpeed())
  })

  test('every row has a figure, and no other has one', () => {
    expect(figures.map(({ row }) => row)).toEqual(rows.map(({ name }) => name))
  })

  test.for(rows)('$name: a goal that is missed is explained', (row) => {
    expect(row.why).toMatch(/\.$/)
    const figure = figures.find(({ row: name }) => name === row.name)
    // Few rounds are a look: the page says that of them.
    if (figure !== undefined && figure.rounds >= row.rounds && !judge(row, figure)?.isMet) {
      expect(row.goal === undefined || row.missed !== undefined).toBe(true)
    }
    expect(row.missed ?? '.').toMatch(/\.$/)
  })

  test('no name is given twice, to a table or a row', () => {
    const names = [...tables, ...rows].map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })
})

/** A row whose ways give these samples, one after another. */
function fake(goal: Goal, samples: Record<'ours' | 'limit' | 'peer', number[]>) {
  const order: string[] = []
  const way = (name: 'ours' | 'limit' | 'peer') => {
    let turn = 0
    const sample = () => {
      order.push(name)
      return samples[name][turn++ % samples[name].length] ?? NaN
    }
    return { name, sample }
  }
  const open = () => ({ ours: way('ours'), limit: way('limit'), peers: [way('peer')] })
  const row: Row = {
    name: 'fake',
    what: 'fake',
    unit: 'ms',
    goal,
    rounds: 4,
    quick: 2,
    why: '.',
    open,
  }
  return { row, order }
}

const even = { ours: [3], limit: [2], peer: [6] }
const full = { quick: false }

describe('a row', () => {
  test('is measured in turns, the limit twice, and in the opposite order every other time', async () => {
    const { row, order } = fake({ ratio: 2 }, even)
    await measure(row, { ...full, rounds: 1 })
    const turn = ['peer', 'ours', 'limit', 'limit']
    expect(order).toEqual([...turn.toReversed(), ...turn])
  })

  test('has medians, and ratios of single rounds', async () => {
    // The first sample of each warms up, and of the limit every other one is the control.
    const samples = {
      ours: [99, 10, 20, 30, 40],
      limit: [99, 99, 5, 5, 5, 10],
      peer: [99, 20, 20, 60, 40],
    }
    const { row } = fake({ ratio: 2 }, samples)
    const figure = await measure(row, full)
    expect(figure.ours).toEqual([17.5, 25, 32.5])
    expect(figure.peers.map(({ ratio }) => ratio[1])).toEqual([0.75])
    expect(figure.limit?.name).toBe('limit')
  })

  test('in --quick has no control, and no peer but the one that the goal is about', async () => {
    const { row, order } = fake({ ratio: 2 }, even)
    await measure(row, { quick: true })
    expect(new Set(order)).toEqual(new Set(['ours', 'limit']))
    expect(order).toHaveLength(6)
    const about = fake({ ratio: 2, to: 'peer' }, even)
    await measure(about.row, { quick: true })
    expect(new Set(about.order)).toEqual(new Set(['ours', 'limit', 'peer']))
  })

  test.each<[Goal, string, boolean, boolean]>([
    [{ ratio: 1.6 }, '≤ 1.6x', true, true],
    [{ ratio: 1.4 }, '≤ 1.4x', false, true],
    [{ ratio: 0.7 }, '≤ 0.7x', false, false],
    [{ ratio: 0.5, to: 'peer' }, '≤ 0.5x of peer', true, true],
    [{ ratio: 0.2, to: 'peer' }, '≤ 0.2x of peer', false, false],
    [{ most: 3 }, '≤ 3 ms', true, true],
    [{ most: 2 }, '≤ 2 ms', false, true],
    [{ most: 1 }, '≤ 1 ms', false, false],
    [{ more: 1 }, '≤ 1 ms more', true, true],
    [{ more: 0.4 }, '≤ 0.40 ms more', false, false],
  ])('of 3 ms beside 2 and 6: %j is said as %s', async (goal, text, isMet, isNear) => {
    const { row } = fake(goal, even)
    const figure = await measure(row, full)
    expect(judge(row, figure)).toMatchObject({ isMet, isNear })
    expect(sayGoal(goal, 'ms')).toBe(text)
    const table: Table = { name: 'fake', title: 'Fake', how: '', rows: [row] }
    const measured = { table: 'fake', figures: [figure], failed: {} }
    expect(linesOf(table, measured).join('\n').includes('**missed**')).toBe(!isMet)
  })

  test('whose goal can not be judged is no row that has reached it', () => {
    const { row } = fake({ ratio: 1, to: 'nobody' }, even)
    const figure: Figure = { row: 'fake', rounds: 1, when: '', ours: [1, 1, 1], peers: [] }
    expect(judge(row, figure)).toMatchObject({ isMet: false, isNear: false })
  })

  test('that fails is told of, and the next is measured', async () => {
    const { row } = fake({ most: 3 }, even)
    const broken: Row = {
      ...row,
      name: 'broken',
      open: () => {
        throw new Error('there is no room')
      },
    }
    const table: Table = { name: 'fake', title: 'Fake', how: '', rows: [broken, row] }
    const measured = await measureTable(table, ['broken', 'fake'], full)
    expect(measured.failed).toEqual({ broken: 'there is no room' })
    expect(measured.figures.map((figure) => figure.row)).toEqual(['fake'])
    expect(linesOf(table, measured).join('\n')).toContain('not measured: there is no room')
  })

  test.each([
    [1832.4, 'ns', '1832 ns'],
    [12.34, 'ms', '12.3 ms'],
    [1.234, 'ms', '1.23 ms'],
    [500, '', '500'],
  ] as const)('says %s as %s', (value, unit, text) => {
    expect(say(value, unit)).toBe(text)
  })
})

function bench(...args: string[]) {
  const line = ['--import', 'tsx', 'bench/main.ts', ...args]
  const { status, stdout, stderr } = spawnSync(node, line, { cwd: root })
  return { status, out: stdout.toString(), err: stderr.toString() }
}

describe('npm run bench', () => {
  test('its help has every table and row, and examples', () => {
    const { status, out } = bench('--help')
    expect(status).toBe(0)
    for (const { name } of [...tables, ...rows]) expect(out).toContain(` ${name}`)
    expect(out).toMatch(/^Examples:$/m)
  })

  test.each([
    [['nobody'], 'there is no table or row nobody'],
    [['--rounds', '0'], '--rounds is a number of 1 or more, not 0'],
    [['--nothing'], "Unknown option '--nothing'"],
    [['--quick', '--write'], '--write wants full rounds, not --quick'],
  ])('%j is refused', (args, text) => {
    const { status, out, err } = bench(...args)
    expect([status, out]).toEqual([2, ''])
    expect(err).toContain(text)
  })

  test('measures a row, and says it as JSON', () => {
    const { out, err } = bench('getsid', '--quick', '--rounds', '1', '--json')
    const [table] = JSON.parse(out) as [{ table: string; figures: Record<string, unknown>[] }]
    expect(table.table, err).toBe('calls')
    expect(table.figures).toEqual([
      expect.objectContaining({ row: 'getsid', unit: 'ns', goal: { ratio: 1.15 }, rounds: 1 }),
    ])
    expect(table.figures[0]).toMatchObject({
      limit: { name: 'a loop in C' },
      verdict: { reached: expect.any(Number) },
    })
  })
})
