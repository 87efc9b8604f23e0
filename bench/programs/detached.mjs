// Leaves its session as a process group leader does, with a heap of argv[2] megabytes, and prints the milliseconds.
import { detach, detachSync, setpgid } from 'setsid'

const [, , megabytes, how] = process.argv
const kept = []
// Arrays that are written, so that all of it is resident.
while (process.memoryUsage().heapUsed < Number(megabytes) * 2 ** 20) {
  kept.push(new Array(2 ** 17).fill(kept.length))
}
setpgid()
const began = performance.now()
const { method } = how === 'sync' ? detachSync() : await detach()
console.log(performance.now() - began)
if (method !== 'hop') throw new Error(`not the hop, but ${method}, with ${kept.length} arrays`)
