// Starts and stops daemons in all ways, with Node, guard, launcher, canary, program and its children killed, stopped and
// continued at random, beside bystanders that take every number that comes free.
import { Starter } from './commands.mjs'
import { inField, seed } from './field.mjs'
import { Operation } from './operation.mjs'
import { planOf } from './plan.mjs'

await inField(3, (field, name) => {
  const starter = new Starter(`node${name}`, field.claim)
  return {
    operate: (i) => new Operation(planOf(seed, i), field, starter).run(),
    end: () => starter.end(),
  }
})
