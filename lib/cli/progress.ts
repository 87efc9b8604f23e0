// While a stop waits, a terminal shows which processes are left.
import { fit, named } from './picture.ts'
import type { ProcessInfo } from '../inspect/types.ts'

const { stderr } = process

/** Runs `call`; from the first second on a line says which processes it waits for, and how long already. */
export async function withProgress<T>(
  list: () => ProcessInfo[],
  call: () => Promise<T>,
): Promise<T> {
  if (!stderr.isTTY) return call()
  const began = performance.now()
  const show = () => {
    const [first, ...others] = list()
    if (first === undefined) return
    const more = others.length > 0 ? ` and ${others.length} more` : ''
    const seconds = Math.round((performance.now() - began) / 1000)
    const line = `waiting for ${named(first)}${more} to end, ${seconds} s`
    stderr.write(`\r${fit(line, (stderr.columns || 80) - 1)}\u001b[K`)
  }
  const timer = setInterval(show, 1000)
  try {
    return await call()
  } finally {
    clearInterval(timer)
    stderr.write('\r\u001b[K')
  }
}
