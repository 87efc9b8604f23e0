// The planted faults of `npm run mutate`: each breaks one promise, and the tests that are named beside it have to
// notice. A table and no mutation tool: such tools change what runs in the test's own process, and here nearly all of
// it runs in fixtures, from dist/, and half of it is C.
import { contain } from './contain.mjs'
import { daemon } from './daemon.mjs'
import { launcher } from './launcher.mjs'
import { run } from './run.mjs'
import { stop } from './stop.mjs'

export const areas = { stop, daemon, launcher, contain, run }
