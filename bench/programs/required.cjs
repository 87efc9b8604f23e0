// Loads argv[2] as a program in this folder would, and prints the milliseconds and the megabytes that it took.
const { readFileSync } = require('node:fs')
const { createRequire } = require('node:module')

const resident = () =>
  Number(/^Rss:\s+(\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'latin1'))[1]) / 1024
const load = createRequire(`${process.cwd()}/`)
const [, , what] = process.argv

resident()
performance.now()
const before = resident()
const began = performance.now()
load(what)
const ms = performance.now() - began
const mb = resident() - before
console.log(JSON.stringify({ ms, mb }))
