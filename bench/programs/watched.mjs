// Starts argv[2] children, watches each, and prints what the watches have added to this process.
import { readdirSync, readFileSync } from 'node:fs'
import { spawn, watchChild } from 'setsid'

const numberOf = (name) =>
  Number(
    new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/self/status', 'latin1'))[1],
  )
const now = () => ({
  threads: numberOf('Threads'),
  descriptors: readdirSync('/proc/self/fd').length,
  mb: numberOf('VmSize') / 1024,
})

const children = Array.from({ length: Number(process.argv[2]) }, () =>
  spawn('sleep', ['1000'], { stdio: 'ignore', parentDeathSignal: 'SIGKILL' }),
)
const before = now()
for (const child of children) watchChild(child)
const after = now()
for (const key of Object.keys(after)) after[key] -= before[key]
console.log(JSON.stringify(after))
for (const child of children) child.kill('SIGKILL')
