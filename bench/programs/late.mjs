// The server of plain.mjs as a daemon, with the state that it had before. The pipe argv[2] hears its pid when it is ready.
import http from 'node:http'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { daemonize } from 'setsid'

const server = http.createServer((_, response) => response.end('x')).listen(0, '127.0.0.1')
await once(server, 'listening')
await daemonize()
writeFileSync(process.argv[2], `${process.pid}\n`)
