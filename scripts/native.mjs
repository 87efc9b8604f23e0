// Builds the addon and the launcher for this machine into build/Release: node scripts/native.mjs. It is in the tarball,
// for whom no prebuilt binary is there: it needs a C++ and a C compiler (CXX, CC) and Node's headers, and nothing else.
import { join } from 'node:path'
import { buildAddon, buildLauncher, root } from './compile.mjs'

try {
  await buildAddon(join(root, 'build/Release/setsid.node'))
  await buildLauncher(join(root, 'build/Release/launcher'))
} catch (error) {
  console.error(`setsid: ${error.message}`)
  process.exitCode = 1
}
