import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    typecheck: { enabled: true, include: ['test/**/*.test-d.ts'] },
    globalSetup: ['test/helpers/leftovers.ts', 'test/helpers/skips.ts'],
    setupFiles: ['test/helpers/starter.ts'],
    // tmux would run the login shell instead, which for nobody is nologin.
    env: { SHELL: '/bin/sh' },
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    // The first run fetches the other Nodes.
    hookTimeout: 300_000,
    coverage: { include: ['lib/**'] },
  },
})
