// A server without anything of ours. The pipe argv[2] hears its pid when it is ready.
import http from 'node:http'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'

const server = http.createServer((_, response) => response.end('x')).listen(0, '127.0.0.1')
await once(server, 'listening')
writeFileSync(process.argv[2], `${process.pid}\n`)
process.exit(0)
