// How long something takes.
import { importPeer } from './peers.ts'

export const milliseconds = async (work: () => unknown): Promise<number> => {
  const began = performance.now()
  await work()
  return performance.now() - began
}

interface Time {
  seconds: number
  nanoseconds: number
}

interface Koffi {
  load(library: null): { func(prototype: string): (...args: unknown[]) => number }
  struct(name: string, fields: Record<string, string>): unknown
}

/** A function of libc, as users of koffi call it. */
export const libc = async (prototype: string) =>
  (await importPeer<Koffi>('koffi')).load(null).func(prototype)

async function openThreadClock(): Promise<() => number> {
  const koffi = await importPeer<Koffi>('koffi')
  koffi.struct('timespec', { seconds: 'long', nanoseconds: 'long' })
  const gettime = await libc('int clock_gettime(int clock, _Out_ timespec *time)')
  const CLOCK_THREAD_CPUTIME_ID = 3
  return () => {
    const time: Time = { seconds: 0, nanoseconds: 0 }
    gettime(CLOCK_THREAD_CPUTIME_ID, time)
    return time.seconds * 1e3 + time.nanoseconds / 1e6
  }
}

let clock: ReturnType<typeof openThreadClock> | undefined

/** A clock of the milliseconds that this thread has run; those that other programs took are not in it. */
export const threadClock = () => (clock ??= openThreadClock())
