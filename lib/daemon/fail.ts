import { writeSync } from 'node:fs'
import { inspect } from 'node:util'

/** Deep enough for nested errors, and not so deep that an error prints a whole request or socket. */
const DEPTH = 8

/** @internal Prints an error whole, with its causes and the errors that it is made of, and exits with 1. */
export function fail(error: unknown): never {
  print(typeof error === 'string' ? error : inspect(error, { depth: DEPTH }))
  process.exit(1)
}

/**
 * Writes the whole text, also to a pipe that Node has made non-blocking. If the reader takes nothing for 1 s, the rest
 * is lost.
 */
function print(text: string): void {
  const cells = new Int32Array(new SharedArrayBuffer(4))
  let bytes = Buffer.from(`${text}\n`)
  for (let since = performance.now(); bytes.length > 0 && performance.now() - since < 1000;) {
    try {
      const written = writeSync(2, bytes)
      bytes = bytes.subarray(written)
      if (written > 0) since = performance.now()
    } catch (error) {
      // Without a reader, the exit code still shows the failure.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
      Atomics.wait(cells, 0, 0, 5)
    }
  }
}
