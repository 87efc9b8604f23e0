import { native } from './native.ts'

/** Which processes native code looks at: Scope of src/process_table.h. */
export const SCOPE = { kAll: 0, kSession: 1, kGroup: 2, kProcess: 3 } as const

/** The processes of a session or group, zombies too, in order; or -errno. */
export function memberIds(scope: number, id: number): number[] | number {
  const ids = native.processIds(scope, id)
  return typeof ids === 'number' ? ids : Array.from(new Int32Array(ids)).sort((a, b) => a - b)
}
