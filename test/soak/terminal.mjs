// A program on a terminal of its own, by test/fixtures/ttyshell.c.
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { begin, markOf } from './commands.mjs'

/** `mode`: job, script or leader. The program has the environment's mark of `name`, and the shell has not. */
export async function onTerminal(program, mode, seed, command, name) {
  const stdio = ['pipe', 'pipe', 'inherit', 'pipe']
  const words = [mode, String(seed), 'env', markOf(name), ...command]
  const child = await begin(program, words, { stdio })
  child.stdin.on('error', () => undefined)
  const told = { stops: 0 }
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (data) => (text += data))
  const closed = once(child, 'close')
  const ended = new Promise((done) => {
    createInterface(child.stdio[3]).on('line', (line) => {
      const word = JSON.parse(line)
      if ('pid' in word) told.pid = word.pid
      if ('stopped' in word) told.stops++
      if ('last' in word) told.last = word
      if ('ended' in word) told.ended = word
      if ('ended' in word || 'shell ended' in word) done(word)
    })
    void closed.then(() => done({}))
  })
  return {
    told,
    /** The program's end, or the shell's. */
    ended,
    output: () => text,
    tell: (line) => child.stdin.write(`${line}\n`),
    /** Ends the shell; the terminal is as it was left then. */
    async leave() {
      child.stdin.end()
      await closed
      return told.last
    },
  }
}
