// The server of plain.mjs as a daemon by a second start. The pipe argv[2] hears its pid when it is ready.
import http from 'node:http'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { daemonizeProcess } from 'daemonize-process'

const server = http.createServer((_, response) => response.end('x')).listen(0, '127.0.0.1')
await once(server, 'listening')
daemonizeProcess()
writeFileSync(process.argv[2], `${process.pid}\n`)
