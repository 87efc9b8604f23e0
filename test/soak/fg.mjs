// A program that lends its terminal: fg CONFIG, as JSON. Prints what came of it behind a word.
import { spawn, runInForeground, withForeground, exitOrStop } from 'setsid'
import { read } from './witness.mjs'

const { soakd, words, lend } = JSON.parse(process.argv[2])
let told
try {
  if (lend) {
    const child = spawn(soakd, words, { group: 'new', stdio: 'inherit' })
    told = await withForeground(0, child, () => exitOrStop(child))
    child.kill('SIGKILL')
  } else told = await runInForeground(soakd, words)
} catch ({ name, code, reason, message }) {
  told = { error: { name, code, reason, message } }
}
const fields = read(process.pid, 'stat').split(') ')[1].split(' ').map(Number)
console.log(`RESULT ${JSON.stringify({ told, group: fields[2], foreground: fields[5] })}`)
