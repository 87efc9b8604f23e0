// A program that leaves its terminal: leaver CONFIG, as JSON. What has come of it goes into its log, a line of JSON a step.
import { spawn } from 'node:child_process'
import { readdirSync, renameSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { detach, reopenLogs } from 'setsid'

const { log, blocked, onBlocked, wait, rotations, before } = JSON.parse(process.argv[2])
const count = () => ({
  fds: readdirSync('/proc/self/fd').length,
  threads: readdirSync('/proc/self/task').length,
})
const tell = (word, facts) => console.log(JSON.stringify({ [word]: facts }))

// In our group, and so in the way of a group leader.
const child =
  blocked > 0 ? spawn('sleep', [String(blocked / 1000)], { stdio: 'ignore' }) : undefined
if (before > 0) console.log('a word on the terminal')
await delay(before)
let way
try {
  const options = { stdout: log, stderr: log, onBlocked, wait }
  const { method, complete } = await detach(options)
  way = `${method}${complete ? '' : ', partial'}`
  tell('detached', way)
} catch ({ name, code, reason, message }) {
  // Its streams are as before: on the terminal, which a witness reads as well.
  tell('error', { name, code, reason, message })
  child?.kill()
  process.exit(0)
}
const first = count()
for (let i = 0; i < rotations; i++) {
  renameSync(log, `${log}.old`)
  reopenLogs()
  tell('rotated', i)
}
tell('counts', { first, last: count(), way })
child?.kill()
// A witness looks, and ends it.
setInterval(() => undefined, 1000)
