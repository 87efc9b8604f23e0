// A counter that becomes a daemon while it counts:
//   sess launch -- node --import tsx examples/daemon.ts /tmp/counter.pid
//   sess status --pid-file /tmp/counter.pid; sess stop --pid-file /tmp/counter.pid
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { daemonize } from 'setsid'

let count = 0
setInterval(() => count++, 100)
const server = createServer((_, response) => response.end(`${process.pid} counted to ${count}\n`))

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  console.log(`process ${process.pid} on http://127.0.0.1:${port}, a daemon in two seconds`)
  setTimeout(() => {
    daemonize({ pidFile: process.argv[2] }).catch((error: unknown) => {
      console.error((error as Error).message)
      process.exit(1)
    })
  }, 2000)
})
