// The addon and the launcher into prebuilds/<platform>-<arch>/:
//   npm run prebuild                            for this machine, by its own compilers
//   npm run prebuild -- --all                   for all that is published, by zig
//   npm run prebuild -- --target linux-arm64    for one of them, by zig
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildAddon, buildLauncher, root } from './compile.mjs'
import { targets } from './targets.mjs'
import { zig } from './zig.mjs'

const { values } = parseArgs({
  options: { all: { type: 'boolean' }, target: { type: 'string', multiple: true } },
})
const asked = values.all ? Object.keys(targets) : (values.target ?? [])
const unknown = asked.filter((name) => !Object.hasOwn(targets, name))
if (unknown.length > 0) {
  console.error(
    `prebuild: no such target: ${unknown}. There are ${Object.keys(targets).join(', ')}`,
  )
  process.exit(2)
}

const file = (target, name) => join(root, 'prebuilds', target, name)

if (asked.length === 0) {
  const host = `${process.platform}-${process.arch}`
  await buildAddon(file(host, 'setsid.node'))
  await buildLauncher(file(host, 'launcher'))
  console.log(`prebuilds/${host}, by this machine's compilers`)
}
for (const name of asked) {
  const { os, addon, launcher, flags } = targets[name]
  const { cc, cxx } = zig()
  await buildAddon(file(name, 'setsid.node'), { os, cc: cc(addon), cxx: cxx(addon), flags })
  await buildLauncher(file(name, 'launcher'), { os, cc: cc(launcher) })
  console.log(`prebuilds/${name}, by zig`)
}
