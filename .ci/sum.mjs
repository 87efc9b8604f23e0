// node .ci/sum.mjs FOLDER [STEP]...: adds up the results of the test runs in FOLDER. STEP is a step that has failed: there
// are at least as many failures as failed steps. Names what failed and why, at the end of a long log.
import { readFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'

const [, , folder, ...steps] = process.argv
let [passed, failed, skipped] = [0, 0, 0]
for (const name of ['root', 'nobody']) {
  try {
    const run = JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8'))
    passed += run.numPassedTests
    failed += run.numFailedTests
    skipped += run.numPendingTests + run.numTodoTests
    const tell = (word, what, why) => {
      console.log(`${word}, as ${name}: ${what}`)
      console.log(stripVTControlCharacters(why).split('\n').slice(0, 12).join('\n  '))
    }
    for (const { name: file, status: end, message, assertionResults: tests } of run.testResults) {
      for (const { fullName, status, failureMessages: [why] = [] } of tests) {
        // A second try says whether it is the test or the moment. Either has to be mended.
        const word = status === 'failed' ? 'failed' : 'passed at the second try'
        if (why !== undefined) tell(word, fullName, why)
      }
      // It failed before its first test, or after its last one.
      const hasFailed = tests.some(({ status }) => status === 'failed')
      if (end === 'failed' && !hasFailed) tell('failed', file, message)
    }
  } catch (error) {
    console.log(`no result of the run as ${name}: ${error.message}`)
    failed++
  }
}
for (const step of steps) console.log(`failed: ${step}`)
failed = Math.max(failed, steps.length)
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1
