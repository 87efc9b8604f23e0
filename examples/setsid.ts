// util-linux setsid(1) in TypeScript: run a program in a new session.
//
//   node --import tsx examples/setsid.ts [--fork] [--wait] [--ctty] PROGRAM [ARGUMENTS…]
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { parseArgs } from 'node:util'
import { getpgrp, setsid } from 'setsid'

const usage = 'usage: setsid [--ctty] [--fork] [--wait] PROGRAM [ARGUMENTS…]'

/** Options end at the program's name: what follows is the program's. */
function readArguments(args: string[]) {
  const first = args.findIndex((arg) => !arg.startsWith('-'))
  const end = first === -1 ? args.length : first
  const { values } = parseArgs({
    args: args.slice(0, end),
    options: {
      ctty: { type: 'boolean', short: 'c', default: false },
      fork: { type: 'boolean', short: 'f', default: false },
      wait: { type: 'boolean', short: 'w', default: false },
    },
  })
  return { ...values, command: args.slice(end) }
}

const { ctty, fork, wait, command } = readArguments(process.argv.slice(2))
const [program, ...rest] = command
if (program === undefined) throw new Error(usage)
if (ctty) throw new Error('--ctty needs a call that this version does not have yet')

// A process group leader can't call setsid: setsid(1) forks then, and so do we.
const detached = fork || getpgrp() === process.pid
if (!detached) setsid()
const child = spawn(program, rest, { stdio: 'inherit', detached })

if (detached && !wait) {
  await once(child, 'spawn')
  child.unref()
} else {
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  process.exitCode = signal === null ? (code ?? 1) : 128 + constants.signals[signal]
}
