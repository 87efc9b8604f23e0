import { isMainThread } from '../base/check.ts'
import { isatty } from '../base/descriptor.ts'
import { native } from '../base/native.ts'
import { type Reader, readerOf } from '../launcher/node-internals.ts'

let silent = false

/** Stops all reading, even what Node asks for in the next tick, until the first caller calls the result. */
function silence(handle: Reader): (() => void) | undefined {
  if (silent) return undefined
  silent = true
  handle.readStop()
  handle.readStart = () => 0
  return () => {
    silent = false
    Reflect.deleteProperty(handle, 'readStart')
    if (handle.reading === true) handle.readStart()
  }
}

/**
 * Keeps `process.stdin`, if it is this terminal, from reading and out of raw mode until the result is called: the
 * kernel stops a process that reads in the background, and one that sets modes there.
 */
export function pauseStdin(fd: number): () => void {
  // A terminal has several names: /dev/tty is one of them. A session has one terminal at most.
  const ours = isMainThread() && isatty(0) && native.tcgetsid(0) === native.tcgetsid(fd)
  const inForeground = () => native.tcgetpgrp(fd) === native.getpgrp()
  const raw = ours && process.stdin.isRaw && inForeground()
  const flowing = ours && process.stdin.readableFlowing === true
  if (raw) process.stdin.setRawMode(false)
  // Node stops the reading itself in the next tick, which is before it looks
  // for input again.
  if (flowing) process.stdin.pause()
  // pause() has no effect while there is a listener for 'readable'.
  const handle = ours ? readerOf(process.stdin) : undefined
  const hear = handle && silence(handle)
  return () => {
    // A terminal that has hung up has no modes, but the reader still waits for its end.
    if (raw && inForeground()) process.stdin.setRawMode(true)
    if (flowing) process.stdin.resume()
    hear?.()
  }
}
