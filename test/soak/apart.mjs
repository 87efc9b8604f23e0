// A kind of operations in namespaces of its own, and in a cgroup.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { release } from 'node:os'
import { fileURLToPath } from 'node:url'

// Before Linux 6.14 the limit is the whole machine's, and stays.
const [major = 0, minor = 0] = release().split('.').map(Number)
export const hasOwnLimit = major > 6 || (major === 6 && minor >= 14)

/** A cgroup (v2) below our own, for all of the kind; undefined where none can be made. */
function makeCgroup(kind) {
  try {
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
    const [, , , , mount] = mounts.find((line) => / - cgroup2 /.test(line)).split(' ')
    const [, own] = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))
    const path = `${mount}${own === '/' ? '' : own}/setsid-soak-${kind}-${process.pid}`
    mkdirSync(path)
    return path
  } catch {
    return undefined
  }
}

/** Removes it; gives the names of those that are left in it. */
function removeCgroup(path) {
  const left = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  for (const { name } of left) rmdirSync(`${path}/${name}`)
  rmdirSync(path)
  return left.map(({ name }) => name)
}

/** Runs one in its namespaces, whose first process reaps. */
export async function apart(kind, count, seed, first, folder, beside) {
  const script = fileURLToPath(new URL(`${kind}.mjs`, import.meta.url))
  const words = [process.execPath, script, kind, count, seed, first, folder, beside]
  // Room for those beside, and so little more that the numbers come round soon.
  const rotate = hasOwnLimit ? `echo ${2000 + beside} > /proc/sys/kernel/pid_max; ` : ''
  const cgroup = makeCgroup(kind)
  const join = cgroup === undefined ? '' : `echo 0 > '${cgroup}/cgroup.procs'; `
  const line = `${join}${rotate}${words.map((word) => `'${word}'`).join(' ')}; exit $?`
  const ways = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const child = spawn('unshare', [...ways, 'bash', '-c', line], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (data) => (text += data))
  const [code] = await once(child, 'close')
  let told
  try {
    told = JSON.parse(text)
  } catch {
    told = { done: 0, outcomes: {}, faults: { [`ended with ${code}: ${text}`]: 1 } }
  }
  const left = cgroup === undefined ? [] : removeCgroup(cgroup)
  if (left.length > 0) {
    told.faults['cgroup left'] = left.length
    console.error(`FAULT cgroup left: ${left.join(' ')}`)
  }
  return told
}
