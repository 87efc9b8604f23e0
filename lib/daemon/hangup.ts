import { systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'

// An ignored SIGHUP would not do: a library that listens to SIGHUP, and stops listening, leaves the default action
// behind, which is death, and npm's signal-exit kills the process where no listener is left but its own. One more
// listener stands against both. A child doesn't inherit it: exec restores the default action (POSIX exec).

const ignore = () => undefined
const events: NodeJS.EventEmitter = process

/** A `removeAllListeners('SIGHUP')` of other code takes ours too. */
function comeBack(event: string | symbol, listener: unknown): void {
  if (event === 'SIGHUP' && listener === ignore) process.on('SIGHUP', ignore)
}

/**
 * @internal From now on SIGHUP ends nothing unless a listener does. Gives the way back, for a caller that fails
 * afterwards.
 */
export function ignoreHangup(): () => void {
  const isNew = !process.listeners('SIGHUP').includes(ignore)
  if (isNew) {
    process.on('SIGHUP', ignore)
    // Before Node's own, which restores the default action when the last listener has gone.
    events.prependListener('removeListener', comeBack)
  }
  // Where a program has removed Node's own listeners from `process`, none of ours is heard.
  const result = native.setHangup(1)
  const back = () => {
    if (result === 1) native.setHangup(0)
    if (!isNew) return
    events.off('removeListener', comeBack)
    process.off('SIGHUP', ignore)
  }
  if (result >= 0) return back
  back()
  throw systemError(result, 'sigaction')
}
