import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { describe, expect, test } from 'vitest'
import { listProcesses, listProcessesSync, processInfo, type ProcessInfo } from '../../lib/index.ts'
import { native } from '../../lib/base/native.ts'
import { SCOPE } from '../../lib/base/scope.ts'
import { DETAILS, ROW } from '../../lib/inspect/row.ts'
import { ASK, FLAG, MEMBER, NUMBER, REPORT } from '../../lib/stop/report.ts'
import { compileWith } from '../helpers/compile.ts'
import { gonePid, node, start, until } from '../helpers/process.ts'
import { psLines } from '../helpers/table.ts'

test('native code and TypeScript agree on every offset, size, scope and flag', () => {
  const seen: unknown = JSON.parse(execFileSync(compileWith('layout')).toString())
  expect(seen).toEqual({ ROW, DETAILS, SCOPE, REPORT, MEMBER, FLAG, NUMBER, ASK })
})

test('a place that a row does not fit in is refused, and what is no place', () => {
  for (const place of [new ArrayBuffer(ROW.size - 1), new Uint8Array(ROW.size), undefined]) {
    expect(native.processRow(process.pid, place as ArrayBuffer)).toBe(-constants.errno.EINVAL)
  }
  expect(native.processRow(process.pid, new ArrayBuffer(ROW.size))).toBe(0)
})

describe('a hostile line of stat', () => {
  const sanitized = ['-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']
  const whole = '7 (a b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21'

  test('is read to its end and no further, and overflows nothing', () => {
    const program = compileWith('stat', ['process_stat'], sanitized)
    const huge = '9'.repeat(30)
    const texts = [
      whole,
      readFileSync('/proc/self/stat', 'latin1'),
      whole.replace('(a b)', '(a) R 9 (b)'),
      whole.replace(/ [0-9]+/g, ` ${huge}`),
      whole.replace(/ [0-9]+/g, ` -${huge}`),
      whole.replace(/ [0-9]+/g, ' -9223372036854775808'),
      ...Array.from({ length: whole.length }, (_, length) => whole.slice(0, length)),
      '(',
      ')',
      ')(',
      '()',
      '() ',
      '() S',
      '() S ',
    ]
    const input = texts.map((text) => `${text}\0`).join('')
    const env = { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' }
    const { status, stdout, stderr } = spawnSync(program, { input, env, encoding: 'latin1' })
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines.slice(0, 3)).toEqual([
      'stat 7 a b',
      expect.stringMatching(/^stat [0-9]+ \S+$/),
      'stat 7 a) R 9 (b',
    ])
    // The six above, and the one that is cut in its last number; cut anywhere before, it is no such line.
    expect(lines.filter((line) => line.startsWith('stat'))).toHaveLength(7)
  })
})

describe('what a row says of its process', () => {
  test('memory and threads are as ps has them', async () => {
    const { pid } = start('sleep', ['60'])
    await until(() => processInfo(pid).command === 'sleep')
    const [[rss, nlwp] = []] = psLines('-o', 'rss=,nlwp=', '-p', String(pid))
    const { memory, threads } = processInfo(pid)
    expect(threads).toBe(Number(nlwp))
    // The kernel counts by processor, and brings these counts together late.
    expect(Math.abs(memory - Number(rss) * 1024)).toBeLessThan(2 ** 20)
    expect(memory).toBeGreaterThan(0)
    expect(processInfo().threads).toBeGreaterThan(1)
  })

  test('cpuTime is the time that the process has run', () => {
    const before = processInfo().cpuTime
    const { user, system } = process.cpuUsage()
    while (processInfo().cpuTime < before + 50);
    const spent = process.cpuUsage({ user, system })
    // Ticks are 10 ms.
    expect((spent.user + spent.system) / 1000).toBeGreaterThan(20)
    const total = process.cpuUsage()
    const seen = processInfo().cpuTime - (total.user + total.system) / 1000
    expect(Math.abs(seen)).toBeLessThan(100)
  })

  test('args are what the process was started with', async () => {
    const args = ['-e', 'setInterval(Boolean, 1e6)', '', 'with blank', 'ünïcode', '']
    const { pid } = start(node, args)
    await until(() => processInfo(pid, { args: true }).args?.length === 7)
    expect(processInfo(pid, { args: true }).args).toEqual([node, ...args])
    const of = (list: ProcessInfo[]) => list.find((info) => info.pid === pid)?.args
    expect(of(listProcessesSync({}, { args: true }))).toEqual([node, ...args])
    expect(of(await listProcesses({}, { args: true }))).toEqual([node, ...args])
    expect(processInfo(pid)).not.toHaveProperty('args')
  })

  test('args of a zombie are null, and of a process that is gone nothing is said', async () => {
    const parent = start('sh', ['-c', 'sleep 0 & exec sleep 60'])
    const zombie = () =>
      listProcessesSync().find(({ ppid, state }) => ppid === parent.pid && state === 'Z')
    await until(zombie)
    expect(processInfo(zombie()?.pid, { args: true }).args).toBeNull()
    expect(processInfo(gonePid, { args: true, throwIfNoEntry: false })).toBeUndefined()
  })

  test('args longer than a page are whole', async () => {
    const long = 'x'.repeat(100_000)
    const { pid } = start(node, ['-e', 'setInterval(Boolean, 1e6)', long])
    await until(() => processInfo(pid, { args: true }).args?.length === 4)
    expect(processInfo(pid, { args: true }).args?.[3]).toBe(long)
  })
})

describe('names that are no option or field', () => {
  const invalid = expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }) as Error
  const wrong = { ppid: 1 } as object

  test('a filter of another name is an error, not a list of everything', async () => {
    expect(() => listProcessesSync(wrong)).toThrow(invalid)
    await expect(listProcesses(wrong)).rejects.toEqual(invalid)
    expect(() => listProcessesSync({}, wrong)).toThrow(invalid)
    expect(() => processInfo(0, wrong)).toThrow(invalid)
  })

  test('an inherited property filters nothing', () => {
    const filter = Object.create({ uid: 4_294_967_294 }) as object
    expect(listProcessesSync(filter).length).toBeGreaterThan(0)
  })
})
