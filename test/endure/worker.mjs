// Calls every row in turn, in another order each time, until it is terminated.
import { workerData } from 'node:worker_threads'
import { rows } from './calls.mjs'
import { repeat } from './measure.mjs'

globalThis.gc ??= () => undefined
const { place, at, counts, chosen, first } = workerData
const calls = chosen.map((index) => [index, rows[index].make(place)])
for (let next = first; ; next++) {
  const [index, call] = calls[next % calls.length]
  const counted =
    call.constructor.name === 'AsyncFunction'
      ? async () => {
          await call()
          counts[index]++
        }
      : () => {
          call()
          counts[index]++
        }
  at[1] = index
  at[0] = 1
  await repeat(counted, 20)
}
