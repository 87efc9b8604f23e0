// Builds the launcher: node scripts/launcher.mjs OUTPUT SOURCES…
// It is linked statically, so that one file runs on every libc: by musl, where
// its compiler is there, since glibc takes ten times the space, else by the C
// compiler's own libc. Where that has no static library the launcher is an
// ordinary program.
import { spawnSync } from 'node:child_process'

const [output, ...inputs] = process.argv.slice(2)
// The headers stand among the inputs so that a change of one builds it anew.
const sources = inputs.filter((name) => name.endsWith('.c'))
const flags = ['-std=c11', '-Os', '-Wall', '-Wextra', '-Wconversion', '-s', '-o', output]
// A word of the protocol that a switch has forgotten.
flags.unshift('-Werror=switch')
// Fewer mappings make it start sooner.
if (process.platform === 'linux') flags.push('-Wl,-z,noseparate-code,-z,norelro')
if (/-Werror/.test(process.env.CXXFLAGS ?? '')) flags.unshift('-Werror')

const given = (process.env.CC ?? '').split(' ').filter(Boolean)
const cc = given.length > 0 ? given : ['cc']
const ways = [cc]
if (process.platform === 'linux') {
  ways.unshift([...cc, '-static'])
  // With CC given the target may be another machine, which musl-gcc doesn't know.
  if (given.length === 0) ways.unshift(['musl-gcc', '-static'])
}

let report = ''
for (const [command, ...first] of ways) {
  const { status, stderr } = spawnSync(command, [...first, ...flags, ...sources])
  if (status === 0) {
    process.stderr.write(stderr)
    process.exit(0)
  }
  report += `${command} ${first.join(' ')}: ${stderr ?? 'not found'}\n`
}
console.error(report)
process.exit(1)
