// Arguments: the index of a row and a number of rounds. A row that needs a process of its own; prints a line of JSON.
import { rmdirSync } from 'node:fs'
import { rows } from './calls.mjs'
import { measure } from './measure.mjs'

const [, , index, rounds] = process.argv
const row = rows[index]
if (row.at === 'homeless') {
  const home = process.cwd()
  process.chdir('/')
  rmdirSync(home)
}
if (row.at === 'once') row.make()()
else console.log(JSON.stringify(await measure(row, {}, Number(rounds))))
process.exit(0)
