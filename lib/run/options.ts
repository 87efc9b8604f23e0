import { constants } from 'node:buffer'
import type { Readable } from 'node:stream'
import {
  abortSignal,
  type Check,
  checkArgs,
  checkFunction,
  checkOptions,
  integer,
  ms,
  oneOf,
  ownOptions,
} from '../base/check.ts'
import { invalidArgType, invalidArgValue } from '../base/errors.ts'
import { rows } from '../spawn/options.ts'
import type { SpawnOptions } from '../spawn/types.ts'
import { checkStopOptions } from '../stop/plan.ts'
import type { StopOptions } from '../stop/types.ts'
import type { RunOptions } from './types.ts'

const MEGABYTE = 1024 * 1024

/** The standard streams, by their descriptors. */
export const streams = ['stdin', 'stdout', 'stderr'] as const

/** The options of a run, checked, with their defaults. */
export interface RunPlan {
  file: string
  args: readonly string[]
  /** For `spawn()`, without stdio. */
  spawn: SpawnOptions
  /** What the child gets, of which `'pipe'` is ours to make. */
  stdio: unknown[]
  /** Whether the caller has asked for `contain: true`. */
  mustContain: boolean
  input: string | Uint8Array | Readable | undefined
  encoding: BufferEncoding | 'buffer'
  /** Infinity: none. */
  timeout: number
  stop: Pick<StopOptions, 'killSignal' | 'grace'>
  signal: AbortSignal | undefined
  drain: number
  onSurvivors: 'report' | 'stop' | 'wait'
  maxOutput: number
  onOutput: ((chunk: never, stream: 'stdout' | 'stderr') => void) | undefined
}

// spawn() checks these, and Node.
const any: Check<unknown> = (value) => value
const nodes = { cwd: any, env: any, argv0: any, stdio: any, detached: any, uid: any, gid: any }
const rare = { serialization: any, shell: any, windowsVerbatimArguments: any, windowsHide: any }
const places = Object.fromEntries(Object.keys(rows).map((name) => [name, any]))

const own = {
  input: checkInput,
  encoding: checkEncoding,
  timeout: ms(0),
  grace: any,
  killSignal: any,
  signal: abortSignal,
  drain: ms(0),
  onSurvivors: oneOf('report', 'stop', 'wait'),
  // It has to go into one string, also in hexadecimal.
  maxOutput: integer(0, Math.floor(constants.MAX_STRING_LENGTH / 2)),
  onOutput: listener,
}
const checks = { ...own, ...nodes, ...rare, ...places }

/** Throws what is wrong with the arguments, so far as spawn() does not. */
export function checkRun(file: unknown, first: unknown, second: unknown): RunPlan {
  // As spawn() reads them.
  const one = typeof first === 'object' && first !== null && !Array.isArray(first)
  const args = one ? [] : (first ?? [])
  if (typeof file !== 'string') throw invalidArgType('file', 'of type string', file)
  if (file === '') throw invalidArgValue('file', file, 'must not be empty')
  const options = one ? first : second
  const given = checkOptions(options === undefined ? {} : options, checks)
  const { killSignal, grace } = given as StopOptions
  const stop = { killSignal, grace }
  checkStopOptions(stop)
  return {
    file,
    args: checkArgs(args, 'args'),
    spawn: spawnOptions(given),
    stdio: checkStdio(given['stdio'], given.input),
    mustContain: (given as RunOptions).contain === true,
    input: given.input,
    encoding: given.encoding ?? 'utf8',
    timeout: given.timeout === undefined || given.timeout === 0 ? Infinity : given.timeout,
    stop,
    signal: given.signal,
    drain: given.drain ?? 100,
    onSurvivors: given.onSurvivors ?? 'report',
    maxOutput: given.maxOutput ?? 64 * MEGABYTE,
    onOutput: given.onOutput,
  }
}

function spawnOptions(given: Record<string, unknown>): RunPlan['spawn'] {
  const options = ownOptions(given)
  for (const name of [...Object.keys(own), 'stdio']) Reflect.deleteProperty(options, name)
  for (const name of Object.keys(options)) {
    if (options[name] === undefined) Reflect.deleteProperty(options, name)
  }
  // Where a child has its place in our session, none is made for it.
  const { group, foreground, session, contain } = options
  const isElsewhere = group !== undefined || foreground !== undefined
  // null is no value of either: spawn() refuses it.
  if (session === undefined && !isElsewhere) options['session'] = 'new'
  if (contain === undefined) options['contain'] = true
  return options
}

function checkStdio(given: unknown, input: unknown): unknown[] {
  const stdin = input === undefined ? 'ignore' : 'pipe'
  let list: unknown[] = [stdin, 'pipe', 'pipe']
  if (Array.isArray(given)) list = Array.prototype.slice.call(given)
  // Node takes an empty text, 0 and null for none.
  else if (isGiven(given)) {
    const each = oneOf('pipe', 'overlapped', 'ignore', 'inherit')(given, 'options.stdio')
    list = [each, each, each]
  }
  while (list.length < 3) list.push(undefined)
  const stdio = list.map((entry, fd) => {
    const isPipe = entry === 'pipe' || entry === 'overlapped' || (fd < 3 && entry == null)
    if ((isPipe && fd > 2) || entry === 'ipc') {
      throw invalidArgValue(`options.stdio[${fd}]`, entry, 'must not be a channel to nobody')
    }
    return isPipe ? 'pipe' : entry
  })
  if (input !== undefined && stdio[0] !== 'pipe') {
    throw invalidArgValue(
      'options.input',
      input,
      "can't go with options.stdio, whose stdin is no pipe",
    )
  }
  return stdio
}

const isGiven = (stdio: unknown): boolean => Boolean(stdio)

function checkInput(value: unknown, name: string): string | Uint8Array | Readable {
  const { Readable } = process.getBuiltinModule('node:stream')
  if (typeof value === 'string' || value instanceof Uint8Array) return value
  // Another Readable than Node's own, such as that of readable-stream, does as well.
  if (value instanceof Readable || isReadable(value)) return value
  throw invalidArgType(name, 'of type string or an instance of Uint8Array or Readable', value)
}

function isReadable(value: unknown): value is Readable {
  const { pipe, readable } = (value ?? {}) as Partial<Readable>
  return typeof pipe === 'function' && typeof readable === 'boolean'
}

function checkEncoding(value: unknown, name: string): BufferEncoding | 'buffer' {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value)
  if (value === 'buffer' || Buffer.isEncoding(value)) return value
  throw invalidArgValue(name, value, "must be 'buffer' or an encoding of Buffer")
}

function listener(value: unknown, name: string): (...args: unknown[]) => void {
  checkFunction(value, name)
  return value as () => void
}
