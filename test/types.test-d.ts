import { expectTypeOf, test } from 'vitest'
import * as setsid from '../lib/index.ts'

test('the raw calls have the types of their man pages', () => {
  expectTypeOf(setsid.setsid).toEqualTypeOf<() => number>()
  expectTypeOf(setsid.getpgrp).toEqualTypeOf<() => number>()
  expectTypeOf(setsid.setpgid).toEqualTypeOf<(pid?: number, pgid?: number) => void>()
  expectTypeOf(setsid.killpg).toEqualTypeOf<
    (pgid: number, signal?: NodeJS.Signals | number) => void
  >()
  expectTypeOf(setsid.tcgetpgrp).toEqualTypeOf<(fd: number) => number>()
  expectTypeOf(setsid.tcsetpgrp).toEqualTypeOf<(fd: number, pgid: number) => void>()
  expectTypeOf(setsid.tcgetsid).toEqualTypeOf<(fd: number) => number>()
  expectTypeOf(setsid.ttyname).toEqualTypeOf<(fd: number) => string>()
  expectTypeOf(setsid.ctermid).toEqualTypeOf<() => string>()
})

test('a look-up may be undefined only when asked not to throw', () => {
  expectTypeOf(setsid.getpgid()).toEqualTypeOf<number>()
  expectTypeOf(setsid.getsid()).toEqualTypeOf<number>()
  expectTypeOf(setsid.getsid(1, {})).toEqualTypeOf<number>()
  expectTypeOf(setsid.getsid(1, { throwIfNoEntry: true })).toEqualTypeOf<number>()
  expectTypeOf(setsid.getsid(1, { throwIfNoEntry: false })).toEqualTypeOf<number | undefined>()
  expectTypeOf(setsid.getpgid(1, { throwIfNoEntry: false })).toEqualTypeOf<number | undefined>()
})

test('holders of a child have what they hold, those of a terminal have not', () => {
  const ofChild = async () => setsid.holders(setsid.spawn('true'))
  const ofTerminal = async () => setsid.holders('pts/3')
  expectTypeOf(ofChild).returns.resolves.toEqualTypeOf<setsid.Holders<setsid.PipeHolder>>()
  expectTypeOf(ofTerminal).returns.resolves.toEqualTypeOf<setsid.Holders>()
  expectTypeOf<setsid.Holders[number]>().toEqualTypeOf<setsid.Holder>()
  expectTypeOf<setsid.PipeHolder['holds']>().toEqualTypeOf<setsid.StreamName[]>()
  expectTypeOf<setsid.Holder>().toExtend<setsid.ProcessInfo & { fds: number[] }>()
  // @ts-expect-error a descriptor is no target
  expectTypeOf(setsid.holders).toBeCallableWith(0)
})

test('run gives texts, or bytes where those are asked for', () => {
  expectTypeOf(setsid.run('true')).resolves.toEqualTypeOf<setsid.RunResult>()
  expectTypeOf(setsid.run('true', [], {})).resolves.toEqualTypeOf<setsid.RunResult>()
  expectTypeOf(setsid.run('true', { timeout: 1 })).resolves.toEqualTypeOf<setsid.RunResult>()
  const bytes = { encoding: 'buffer' } as const
  expectTypeOf(setsid.run('true', [], bytes)).resolves.toEqualTypeOf<setsid.RunResult<Buffer>>()
  expectTypeOf(setsid.run('true', bytes)).resolves.toEqualTypeOf<setsid.RunResult<Buffer>>()
  const any = {} as setsid.RunOptions
  expectTypeOf(setsid.run('true', [], any)).resolves.toEqualTypeOf<
    setsid.RunResult<string | Buffer>
  >()
  void setsid.run('true', [], {
    onOutput: (chunk, stream) => {
      expectTypeOf(chunk).toEqualTypeOf<string>()
      expectTypeOf(stream).toEqualTypeOf<'stdout' | 'stderr'>()
    },
  })
  // @ts-expect-error no such way
  expectTypeOf(setsid.run).toBeCallableWith('true', [], { onSurvivors: 'kill' })
  expectTypeOf<setsid.RunResult['survivors']>().toEqualTypeOf<setsid.RunSurvivor[]>()
})

test('wrong arguments are errors of the compiler too', () => {
  // @ts-expect-error a pid is a number
  expectTypeOf(setsid.getsid).toBeCallableWith('12')
  // @ts-expect-error a group has no default
  expectTypeOf(setsid.killpg).toBeCallableWith()
  // @ts-expect-error no such signal
  expectTypeOf(setsid.killpg).toBeCallableWith(5, 'SIGFOO')
})

test('each option of spawn of ours is typed, and may be undefined', () => {
  const options: Required<setsid.JobOptions> = {
    session: 'new',
    group: 812,
    controllingTerminal: 0,
    stealTerminal: false,
    foreground: 0,
    parentDeathSignal: 'SIGTERM',
    contain: false,
    umask: 0o22,
    ignoreSignals: ['SIGHUP'],
  }
  expectTypeOf(options).toExtend<setsid.SpawnOptions>()
  expectTypeOf<{ group: undefined }>().toExtend<setsid.SpawnOptions>()
  // @ts-expect-error no such place
  expectTypeOf<{ group: 'old' }>().toExtend<setsid.SpawnOptions>()
})

test('runInForeground gives the end of a program, and takes the arguments of spawn', () => {
  type End = Promise<{ state: 'exited'; code: number | null; signal: NodeJS.Signals | null }>
  expectTypeOf(setsid.runInForeground('vi')).toEqualTypeOf<End>()
  expectTypeOf(setsid.runInForeground('vi', { cwd: '/' })).toExtend<Promise<setsid.ChildState>>()
  expectTypeOf(setsid.runInForeground).toBeCallableWith('vi', ['x'], { umask: 0o77, timeout: 1 })
  // @ts-expect-error a program has a name
  expectTypeOf(setsid.runInForeground).toBeCallableWith()
})
