// A server that detaches itself while it serves: same process, same port, same state.
//
//   node --import tsx examples/detach-server.ts [--log FILE]
//
// Started from a shell it takes requests on the port that it prints. `curl localhost:PORT/detach` takes
// it off the terminal: from then on Ctrl-C and closing the window don't end it, `curl localhost:PORT/`
// goes on counting, and `curl localhost:PORT/stop` ends it. SIGUSR2 opens the log anew, for logrotate.
//
// tsx keeps a compiler running as a child in our process group, which bars the way to a session of our
// own: the answer is then `complete: false`, blocked by that child. Compiled to JavaScript it is true.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { detach, processInfo } from 'setsid'

const { values } = parseArgs({ options: { log: { type: 'string' } } })
const log = values.log ?? join(tmpdir(), `detach-server-${process.pid}.log`)

let requests = 0
const place = () => {
  const { pid, sid, pgid, tty } = processInfo()
  return { requests, pid, sid, pgid, tty }
}

const server = createServer((request, response) => {
  void answer(request.url).then(
    (value) => response.end(`${JSON.stringify(value)}\n`),
    (error: unknown) => response.writeHead(500).end(`${String(error)}\n`),
  )
})

async function answer(url: string | undefined): Promise<unknown> {
  requests++
  console.log(`request ${requests}: ${url ?? ''}`)
  if (url === '/detach') {
    const logs = { stdout: log, stderr: log, reopenOn: 'SIGUSR2' } as const
    const detached = await detach({ ...logs, onBlocked: 'partial' })
    console.log(`detached, by ${detached.method}`)
    return { ...detached, log }
  }
  if (url === '/stop') {
    server.close()
    server.closeIdleConnections()
  }
  return place()
}

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  console.log(`http://127.0.0.1:${port}/ /detach /stop, log ${log}`)
})
