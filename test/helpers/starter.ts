import { basename } from 'node:path'
import { beforeEach, expect } from 'vitest'

// What a test starts inherits the name of the test: the end of the run tells by it who has left a process.
beforeEach(() => {
  const { testPath = '', currentTestName = '' } = expect.getState()
  process.env['SETSID_TEST_STARTER'] = `${basename(testPath)}: ${currentTestName}`
})
