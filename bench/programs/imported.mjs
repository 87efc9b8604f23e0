// Imports the package, or with an argument an empty module, and prints the milliseconds that it took.
await import('node:process')
const began = performance.now()
if (process.argv.length > 2) await import('./empty.mjs')
else await import('setsid')
console.log(performance.now() - began)
