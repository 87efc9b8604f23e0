// A Node that lives on and calls what it is told, a line of JSON a call.
import { createInterface } from 'node:readline'
import { startDaemon, stopDaemon, stopProcess } from 'setsid'

const calls = { startDaemon, stopDaemon, stopProcess }
const tell = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`)

createInterface(process.stdin).on('line', (line) => {
  const { call, args } = JSON.parse(line)
  calls[call](...args).then(
    (value) => tell({ value }),
    ({ name, code, reason, message, survivors }) =>
      tell({ error: { name, code, reason, message, survivors } }),
  )
})
