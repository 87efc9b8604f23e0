import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * The environment with nodedir set to the headers that came with this Node, where
 * they did. Without it node-gyp downloads them, and fails where there is no way out.
 */
export function withHeaders(env) {
  const prefix = dirname(dirname(process.execPath))
  if (env.npm_config_nodedir || !existsSync(join(prefix, 'include/node/common.gypi'))) return env
  return { ...env, npm_config_nodedir: prefix }
}
