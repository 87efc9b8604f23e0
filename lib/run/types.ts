import type { Readable } from 'node:stream'
import type { ProcessInfo } from '../inspect/types.ts'
import type { SpawnOptions } from '../spawn/types.ts'
import type { StopResult } from '../stop/types.ts'

/**
 * The options of `run()`, beside those of `spawn()`. `contain` is true and `session` is `'new'` unless they, or a
 * `group` or `foreground`, say otherwise. Of `stdio`, those of 0, 1 and 2 that are `'pipe'` are fed and captured.
 */
export interface RunOptions<T extends string | Buffer = string | Buffer> extends SpawnOptions {
  /** What the program reads on stdin; a text goes there as UTF-8. Default: nothing, and stdin is /dev/null. */
  input?: string | Uint8Array | Readable | undefined
  /** How the output is decoded; `'buffer'`: it stays bytes. Default: `'utf8'`. */
  encoding?: BufferEncoding | 'buffer' | undefined
  /** Milliseconds from the start; then everything that runs is stopped. Default: 0, no limit. */
  timeout?: number | undefined
  /** Milliseconds from the first signal of a stop to SIGKILL. Default: 5000. */
  grace?: number | undefined
  /** The first signal of a stop. Default: `'SIGTERM'`. */
  killSignal?: NodeJS.Signals | number | undefined
  /** Stops everything when it is aborted. Default: none. */
  signal?: AbortSignal | undefined
  /** Milliseconds to go on reading after the program's exit while others hold its pipes. Default: 100. */
  drain?: number | undefined
  /**
   * What happens to the processes that the program leaves: `'report'` names them, `'stop'` stops them, `'wait'` waits
   * until they have ended. Default: `'report'`.
   */
  onSurvivors?: 'report' | 'stop' | 'wait' | undefined
  /**
   * Bytes that are kept of stdout, of stderr and of both together; what is over is dropped from the middle. Default: 64
   * MB; at most 256 MB.
   */
  maxOutput?: number | undefined
  /** Called with each piece of output when it comes, dropped or not. Default: none. */
  onOutput?: ((chunk: T, stream: 'stdout' | 'stderr') => void) | undefined
}

/** The options of `run()` for output that is text. */
export type TextOptions = RunOptions<string> & {
  /** The encoding of the output. Default: `'utf8'`. */
  encoding?: BufferEncoding | undefined
}

/** The options of `run()` for output that stays bytes. */
export type BufferOptions = RunOptions<Buffer> & {
  /** The output stays bytes. */
  encoding: 'buffer'
}

/** A process that a run has left. */
export interface RunSurvivor extends ProcessInfo {
  /** Which pipes of the run it has open, as far as we may see that. */
  holds: ('stdin' | 'stdout' | 'stderr')[]
}

/** What has become of a command. */
export interface RunResult<T extends string | Buffer = string> {
  /** The program's exit code; null: a signal ended it, or it could not be ended. */
  code: number | null
  /** The signal that ended the program, or null. */
  signal: NodeJS.Signals | null
  /** What it wrote to stdout, without what was dropped. Empty if stdout was no pipe of ours. */
  stdout: T
  /** What it wrote to stderr, without what was dropped. Empty if stderr was no pipe of ours. */
  stderr: T
  /** Both, in the order in which they came. */
  output: T
  /** Whether it was stopped because its time was over. */
  timedOut: boolean
  /** Whether it was stopped because `options.signal` was aborted. */
  aborted: boolean
  /** How many bytes are missing in stdout and stderr, or in output where that is more: 0 if nothing is missing. */
  truncated: number
  /** Whether all that the program has started could be found and stopped. */
  contained: boolean
  /** What is left of it, by pid. */
  survivors: RunSurvivor[]
  /** What became of the stop, if there was one. */
  stopped: StopResult | null
  /** Milliseconds from the start to the result. */
  elapsed: number
}
