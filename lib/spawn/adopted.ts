// What the kernel gives to us for want of another parent: as pid 1 of a container, or as a subreaper.
import { native } from '../base/native.ts'
import { isDead, processInfo, startOf } from '../inspect/process.ts'
import type { Start } from '../launcher/command.ts'

/** Milliseconds between two looks at a process that is about to end, and how many there are. */
const PAUSE = 5
const LOOKS = 200

/**
 * Reaps a supervisor whose parent, the stand-in, has ended before it, if it is our child since. libuv waits for the
 * children that it has started, and for no other: without this it would stay a zombie.
 *
 * @internal
 */
export function reapAdopted(supervisor: Start, looks = LOOKS): void {
  try {
    const { pid } = supervisor
    const info = processInfo(pid, { throwIfNoEntry: false })
    // A child that we have not reaped keeps its number, so what the second look finds is what the first has found.
    if (info?.ppid !== process.pid) return
    if (startOf(pid, 'spawn') !== supervisor.startTicks) return
    if (isDead(info)) native.reap(pid)
    else if (looks > 1) setTimeout(reapAdopted, PAUSE, supervisor, looks - 1).unref()
  } catch {
    // There is no /proc, or no descriptor is free: a zombie is left.
  }
}
