import { writeSync } from 'node:fs'
import { inspect } from 'node:util'

/** As deep as errors are nested by people, and not so deep that a request or a socket in one comes out whole. */
const DEPTH = 8

/** @internal Prints an error whole, with its causes and the errors that it is made of, and exits with 1. */
export function fail(error: unknown): never {
  print(typeof error === 'string' ? error : inspect(error, { depth: DEPTH }))
  process.exit(1)
}

/**
 * All of it, also where stderr is a pipe that Node has made non-blocking; a reader that takes nothing for 1 s loses the
 * rest.
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
      // Where no reader is left the exit code still tells.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
      Atomics.wait(cells, 0, 0, 5)
    }
  }
}
