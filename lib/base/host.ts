import { runtimeUnsupported } from './errors.ts'

// What a runtime that is not Node can't do, by what it lacks: docs/hosts.md has the table for users, and
// test/package/hosts.test.ts runs each of them. Who can't do a thing refuses it before anything has changed.
//
// Bun's `net.Socket({ fd })` tells nothing of a descriptor of ours, and its process.stdout writes on to a terminal that
// we have replaced. Deno's `fs` knows no descriptor that it has not opened itself, and process.stdin has no handle.
const refused = {
  Bun: [
    'spawn() with contain',
    'run()',
    'watchChild()',
    'exitOrStop()',
    'withForeground() of a child',
    'runInForeground()',
    'leaving a terminal that is a standard stream',
  ],
  Deno: [
    'spawn() with an option other than session: "new"',
    'spawn() with contain',
    'run()',
    'runInForeground()',
    'detach()',
    'detachSync()',
    'daemonize()',
    "'setsid/launch'",
    'startDaemon()',
    'daemonStatus()',
    'stopDaemon()',
  ],
} as const

type Host = keyof typeof refused
type Feature = (typeof refused)[Host][number]

const hosts = Object.keys(refused) as Host[]

/** undefined for Node. Both others say that they are Node too. */
function host(): { name: Host; version: string } | undefined {
  for (const name of hosts) {
    const version = process.versions[name.toLowerCase()]
    if (version !== undefined) return { name, version }
  }
  return undefined
}

/** Throws if the runtime can't do it. */
export function checkHost(feature: Feature): void {
  const found = host()
  if (found === undefined) return
  if ((refused[found.name] as readonly Feature[]).includes(feature)) {
    throw runtimeUnsupported(feature, found.name, found.version)
  }
}
