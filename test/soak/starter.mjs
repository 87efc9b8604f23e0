// A Node that lives on and calls what it is told, a line of JSON a call.
import { createInterface } from 'node:readline'
import { startDaemon, stopDaemon, stopProcess } from 'setsid'
import { acts } from './acts.mjs'

const calls = { startDaemon, stopDaemon, stopProcess, ...acts }
const tell = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`)

const lines = createInterface(process.stdin)
lines.on('line', (line) => {
  const { call, args } = JSON.parse(line)
  calls[call](...args).then(
    (value) => tell({ value }),
    ({ name, code, reason, message, survivors, stack }) =>
      tell({ error: { name, code, reason, message, survivors, stack } }),
  )
})
// What a contained child has left does not keep it.
lines.on('close', () => process.exit())
