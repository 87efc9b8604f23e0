// Reads what a program writes, and goes on while anybody holds the pipe; and gives it what it reads.
import { errorMonitor } from 'node:events'
import { readSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { StringDecoder } from 'node:string_decoder'
import { Kept, wholeLength } from './kept.ts'
import type { RunPlan } from './options.ts'

/** More than fits into a pipe (pipe(7), /proc/sys/fs/pipe-max-size). */
const PIPE_MOST = 1024 * 1024

type Name = 'stdout' | 'stderr'

/** What is captured of a program, and what it is told. */
export class Output {
  readonly #plan: RunPlan
  readonly #streams: Record<Name, Stream | undefined> = { stdout: undefined, stderr: undefined }
  readonly #both: Kept
  #ended = 0
  #all = 0
  #onEnd: (() => void) | undefined

  constructor(plan: RunPlan, fds: Partial<Record<Name, number>>) {
    this.#plan = plan
    this.#both = new Kept(plan.maxOutput)
    for (const name of ['stdout', 'stderr'] as const) {
      const fd = fds[name]
      if (fd === undefined) continue
      this.#all++
      this.#streams[name] = new Stream(fd, name, plan, this.#both, () => {
        if (++this.#ended === this.#all) this.#onEnd?.()
      })
    }
  }

  /** Fulfilled when nobody can write any more, or after `limit` ms. */
  drained(limit: number): Promise<void> {
    if (this.#ended === this.#all) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limit)
      this.#onEnd = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Takes what is in the pipes, and closes them. */
  finish(): { stdout: Buffer; stderr: Buffer; output: Buffer; truncated: number } {
    const { stdout, stderr } = this.#streams
    const [out, err] = [stdout, stderr].map(
      (stream) => stream?.finish() ?? { bytes: Buffer.alloc(0), dropped: 0 },
    ) as [Ends, Ends]
    const both = this.#both.ends(this.#plan.encoding)
    return {
      stdout: out.bytes,
      stderr: err.bytes,
      output: both.bytes,
      truncated: Math.max(out.dropped + err.dropped, both.dropped),
    }
  }
}

type Ends = ReturnType<Kept['ends']>

class Stream {
  readonly #fd: number
  readonly #name: Name
  readonly #plan: RunPlan
  readonly #socket: Socket
  readonly #kept: Kept
  readonly #both: Kept
  readonly #decoder: StringDecoder | undefined
  /** What has come of a character whose rest has yet to come. */
  #part = Buffer.alloc(0)
  #ended = false

  constructor(fd: number, name: Name, plan: RunPlan, both: Kept, onEnd: () => void) {
    const { encoding, onOutput } = plan
    this.#fd = fd
    this.#name = name
    this.#plan = plan
    this.#kept = new Kept(plan.maxOutput)
    this.#both = both
    if (onOutput !== undefined && encoding !== 'buffer') {
      const { StringDecoder } = process.getBuiltinModule('node:string_decoder')
      this.#decoder = new StringDecoder(encoding)
    }
    const { Socket } = process.getBuiltinModule('node:net')
    const end = () => {
      if (this.#ended) return
      this.#ended = true
      onEnd()
    }
    this.#socket = new Socket({ fd, readable: true, writable: false })
    this.#socket
      .on('data', (chunk: Buffer) => this.#take(chunk))
      .on('error', () => undefined)
      .on('end', end)
      .on('close', end)
  }

  #take(chunk: Buffer): void {
    this.#kept.push(chunk)
    // Among pieces of the other stream, this one's have to be whole characters.
    const bytes = this.#part.length > 0 ? Buffer.concat([this.#part, chunk]) : chunk
    const whole = wholeLength(bytes, this.#plan.encoding)
    this.#both.push(bytes.subarray(0, whole))
    this.#part = Buffer.from(bytes.subarray(whole))
    this.#tell(this.#decoder?.write(chunk) ?? chunk)
  }

  #tell(piece: string | Buffer): void {
    const { onOutput } = this.#plan
    if (onOutput === undefined || piece.length === 0) return
    try {
      onOutput(piece as never, this.#name)
    } catch (error) {
      // As where a listener throws: it is no fault of the run, and must not be lost.
      process.nextTick(() => {
        throw error
      })
    }
  }

  /** All that the program itself has written is in the pipe by now, also where we were too busy to read it. */
  finish(): Ends {
    if (!this.#ended) {
      this.#ended = true
      this.#readRest()
    }
    this.#socket.destroy()
    this.#both.push(this.#part)
    this.#tell(this.#decoder?.end() ?? '')
    return this.#kept.ends(this.#plan.encoding)
  }

  /** Whoever writes without an end is not read for ever. */
  #readRest(): void {
    const buffer = Buffer.allocUnsafe(64 * 1024)
    try {
      for (let total = 0; total < PIPE_MOST;) {
        const size = readSync(this.#fd, buffer)
        if (size === 0) return
        this.#take(Buffer.from(buffer.subarray(0, size)))
        total += size
      }
    } catch {
      // EAGAIN: the pipe is empty, and its writers are still there.
    }
  }
}

/** Writes to a program's stdin. What it does not read is no failure. Gives what ends that. */
export function feed(fd: number, input: RunPlan['input']): () => void {
  const { Socket } = process.getBuiltinModule('node:net')
  const socket = new Socket({ fd, readable: false, writable: true })
  // EPIPE: nobody can read it any more.
  socket.on('error', () => undefined)
  if (input === undefined || typeof input === 'string' || input instanceof Uint8Array) {
    socket.end(input ?? '')
    return () => socket.destroy()
  }
  const source: Readable = input
  const stop = () => socket.end()
  // Its error is the caller's to hear. One that nobody hears is thrown, and `close` does not come then.
  if (source.destroyed) stop()
  else source.once(errorMonitor, stop).once('close', stop).pipe(socket)
  return () => {
    source.off(errorMonitor, stop).off('close', stop).unpipe(socket)
    socket.destroy()
  }
}
