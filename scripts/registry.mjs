// A registry for one package and one run: what npm packed of ours, and for the rest what npm's own registry answers.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'

const TRIES = 3
const LIMIT = 20_000

/** Asks the registry behind us, and again where it does not answer. */
async function ask(url, headers) {
  for (let left = TRIES; ; left--) {
    try {
      const answer = await fetch(url, { headers, signal: AbortSignal.timeout(LIMIT) })
      if (answer.status < 500 || left <= 1) {
        return { answer, body: Buffer.from(await answer.arrayBuffer()) }
      }
    } catch (error) {
      if (left <= 1) throw error
    }
  }
}

/**
 * Serves `tarball` as the only version of its package on 127.0.0.1.
 *
 * @param {{ manifest: object, tarball: Buffer, upstream: string }} of its package.json, and the registry for all others
 */
export async function serve({ manifest, tarball, upstream }) {
  const { name, version } = manifest
  const [sha1, sha512] = [createHash('sha1'), createHash('sha512')].map((hash) =>
    hash.update(tarball),
  )
  const base = upstream.replace(/\/$/, '')
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const own = `http://127.0.0.1:${server.address().port}`
  const path = `/${name}/-/${name}-${version}.tgz`
  const dist = {
    tarball: own + path,
    shasum: sha1.digest('hex'),
    integrity: `sha512-${sha512.digest('base64')}`,
  }
  // Long ago: pnpm and npm may be told to leave out what is new.
  const time = '2020-01-01T00:00:00.000Z'
  const packument = {
    ...{ name, 'dist-tags': { latest: version }, modified: time },
    time: { created: time, modified: time, [version]: time },
    versions: { [version]: { ...manifest, _id: `${name}@${version}`, dist } },
  }

  server.on('request', async (request, response) => {
    const say = (status, type, body) => {
      response.writeHead(status, { 'content-type': type, 'content-length': body.length })
      response.end(body)
    }
    try {
      if (request.method !== 'GET') say(404, 'text/plain', Buffer.from('not here'))
      else if (request.url === path) say(200, 'application/octet-stream', tarball)
      else if (request.url === `/${name}`) {
        say(200, 'application/json', Buffer.from(JSON.stringify(packument)))
      } else {
        const { accept = '*/*' } = request.headers
        const { answer, body } = await ask(base + request.url, { accept })
        // Tarballs too come by way of us.
        const type = answer.headers.get('content-type') ?? 'application/octet-stream'
        const isText = type.includes('json')
        const text = () => Buffer.from(body.toString().replaceAll(base, own))
        say(answer.status, type, isText ? text() : body)
      }
    } catch (error) {
      say(502, 'text/plain', Buffer.from(String(error.cause ?? error)))
    }
  })
  return {
    url: own,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
