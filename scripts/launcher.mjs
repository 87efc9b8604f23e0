// Builds the launcher for node-gyp (binding.gyp): node scripts/launcher.mjs OUTPUT
import { buildLauncher } from './compile.mjs'

await buildLauncher(process.argv[2], { strict: /-Werror/.test(process.env.CXXFLAGS ?? '') })
