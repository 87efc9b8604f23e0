import { systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'

/** The service manager's socket, as sd_notify(3) finds it, where that is meant for process `main`. */
function socketOf(main: number): string | undefined {
  const { NOTIFY_SOCKET, SYSTEMD_EXEC_PID } = process.env
  if (NOTIFY_SOCKET === undefined || NOTIFY_SOCKET === '') return undefined
  // Every descendant of a service inherits both (systemd.exec(5)).
  const meant = SYSTEMD_EXEC_PID === undefined || SYSTEMD_EXEC_PID === String(main)
  return meant ? NOTIFY_SOCKET : undefined
}

function hasTerminal(): boolean {
  const result = native.hasTerminal()
  if (result < 0) throw systemError(result, 'open')
  return result === 1
}

/**
 * @internal Whether the starter needs this very process to stay. It is systemd, with its socket for READY=1
 * or with our pid in SYSTEMD_EXEC_PID, or a container in which this process is pid 1.
 */
export function mustStay(): boolean {
  const { pid, env } = process
  if (pid === 1 || env['SYSTEMD_EXEC_PID'] === String(pid)) return true
  return socketOf(pid) !== undefined && !hasTerminal()
}

/** @internal Sends a text to the service manager; without a service manager it does nothing. */
export type Notify = (text: string) => void

/** @internal `main` is the process that the service manager has started: this one, or its launcher. */
export function findManager(main: number): Notify {
  const address = socketOf(main)
  if (address === undefined) return () => undefined
  return (text) => {
    const result = native.notify(address, text)
    if (result < 0) throw systemError(result, 'sendto')
  }
}

/** @internal Removes NOTIFY_SOCKET from the environment: our children must not report in our place. */
export function keepFromChildren(main: number): void {
  if (socketOf(main) !== undefined) delete process.env['NOTIFY_SOCKET']
}
