import { systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'

// It is not enough to ignore SIGHUP: when a library stops listening to SIGHUP, Node restores the default action,
// which ends the process. And npm's signal-exit kills the process if its own listener is the only one. One more
// listener prevents both. A child doesn't inherit it: exec restores the default action (POSIX exec).

const ignore = () => undefined
const events: NodeJS.EventEmitter = process

/** Adds our listener again after other code has called `removeAllListeners('SIGHUP')`. */
function comeBack(event: string | symbol, listener: unknown): void {
  if (event === 'SIGHUP' && listener === ignore) process.on('SIGHUP', ignore)
}

/**
 * @internal From now on SIGHUP doesn't end the process, unless a listener does. Returns a function that undoes this,
 * for a caller that fails afterwards.
 */
export function ignoreHangup(): () => void {
  const isNew = !process.listeners('SIGHUP').includes(ignore)
  if (isNew) {
    process.on('SIGHUP', ignore)
    // It must run before Node's own listener: that one restores the default action when no SIGHUP listener is left.
    events.prependListener('removeListener', comeBack)
  }
  // If the program has removed Node's own listeners from `process`, Node calls none of ours: then SIGHUP is ignored.
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
