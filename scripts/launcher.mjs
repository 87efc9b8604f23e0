// Builds the launcher for node-gyp (binding.gyp): node scripts/launcher.mjs OUTPUT
import { buildLauncher } from './compile.mjs'

buildLauncher(process.argv[2], { strict: /-Werror/.test(process.env.CXXFLAGS ?? '') })
