import { EACCES, ENOENT, EPERM, ESRCH } from '../base/errno.ts'
import { type SystemError, systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { ttyPath } from './tty.ts'
import type { ProcessInfo, ProcessState } from './types.ts'

// What native code packs, byte by byte: test/inspect/row.test.ts compares it with the compiler's view
// of src/process_table.h.

/** ProcessRow */
export const ROW = {
  size: 136,
  pid: 0,
  ppid: 4,
  pgid: 8,
  sid: 12,
  tpgid: 16,
  tty: 20,
  uid: 24,
  threads: 28,
  start: 32,
  started: 40,
  cpu_time: 48,
  memory: 56,
  state: 64,
  kernel: 65,
  length: 66,
  command: 67,
} as const

/** ProcessDetails */
export const DETAILS = {
  size: 28,
  ignored: 0,
  caught: 4,
  blocked: 8,
  stdio_error: 12,
  stdio: 16,
} as const

export const isHidden = (result: number) => result === EPERM || result === EACCES

/** Rows as native code packs them, made into objects one by one. */
export class Rows {
  readonly count: number
  readonly #data: DataView
  readonly #bytes: Buffer

  constructor(buffer: ArrayBuffer) {
    this.count = buffer.byteLength / ROW.size
    this.#data = new DataView(buffer)
    this.#bytes = Buffer.from(buffer)
  }

  /** Whether a process shows its pid and nothing else: another user's, with `hidepid`. */
  isHidden(row: number): boolean {
    return this.#data.getUint8(row * ROW.size + ROW.state) === 0
  }

  pid(row: number): number {
    return this.#data.getInt32(row * ROW.size + ROW.pid, true)
  }

  isKernelThread(row: number): boolean {
    return this.#data.getUint8(row * ROW.size + ROW.kernel) === 1
  }

  info(row: number): ProcessInfo {
    const data = this.#data
    const at = row * ROW.size
    const device = data.getUint32(at + ROW.tty, true)
    const tpgid = data.getInt32(at + ROW.tpgid, true)
    const command = at + ROW.command
    const known = (value: number) => (value < 0 ? NaN : value)
    return {
      pid: this.pid(row),
      ppid: data.getInt32(at + ROW.ppid, true),
      pgid: data.getInt32(at + ROW.pgid, true),
      sid: data.getInt32(at + ROW.sid, true),
      tty: device === 0 ? null : ttyPath(device),
      tpgid: device === 0 || tpgid <= 0 ? null : tpgid,
      state: String.fromCharCode(data.getUint8(at + ROW.state)) as ProcessState,
      uid: data.getUint32(at + ROW.uid, true),
      command: this.#bytes.toString('utf8', command, command + data.getUint8(at + ROW.length)),
      startedAt: new Date(Math.round(data.getFloat64(at + ROW.started, true))),
      cpuTime: known(data.getFloat64(at + ROW.cpu_time, true)),
      memory: known(data.getFloat64(at + ROW.memory, true)),
      threads: known(data.getInt32(at + ROW.threads, true)),
    }
  }

  startTicks(row: number): number {
    return this.#data.getFloat64(row * ROW.size + ROW.start, true)
  }
}

let one: { place: ArrayBuffer; rows: Rows } | undefined

/** The row of one process, or -errno. The next call overwrites it: all that is made of it is made before. */
export function rowOf(pid: number): Rows | number {
  if (one === undefined) {
    const place = new ArrayBuffer(ROW.size)
    one = { place, rows: new Rows(place) }
  }
  const result = native.processRow(pid, one.place)
  return result === 0 ? one.rows : result
}

/** The same process with its arguments; undefined: it is gone. */
export function withArgs(
  info: ProcessInfo,
  startTicks: number,
  call: string,
): ProcessInfo | undefined {
  const result = native.processArgs(info.pid, startTicks)
  if (result === ESRCH) return undefined
  if (typeof result !== 'number') info.args = splitArgs(Buffer.from(result).toString())
  else if (isHidden(result)) info.args = null
  else throw tableError(result, call)
  return info
}

/** Each argument ends with a zero; a program that writes over its own may leave the last one out. */
function splitArgs(text: string): string[] | null {
  return text === '' ? null : text.replace(/\0$/, '').split('\0')
}

/** Why the table could not be read. */
export function tableError(result: number, call: string): SystemError {
  if (isHidden(result)) {
    const text = '/proc may not be read: a sandbox or a security module forbids it'
    return systemError(result, call, { reason: 'proc-refused', text })
  }
  if (result !== ENOENT) return systemError(result, call)
  const text = '/proc is not mounted, or shows another pid namespace'
  return systemError(result, call, { reason: 'no-proc', text })
}

/** `what` is there, or may be, and /proc does not show it. */
export function hiddenError(result: number, call: string, what: string): SystemError {
  const text = `${what} is hidden from us: /proc is mounted with hidepid, or a sandbox forbids to read it`
  return systemError(result, call, { reason: 'hidden', text })
}
