#!/usr/bin/env node
import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { helpOf, overview } from './help.ts'
import { type Arguments, type Command, ExitError, parseArguments, UsageError } from './options.ts'
import { everywhere, isName, type Name, names, pages } from './pages/all.ts'
import { inWords, lines, nearest } from './words.ts'

type Action = Exclude<Name, 'help'>

/** What each does is loaded when it is called: most of it loads the addon, and the help must not. */
const commands: Record<Action, () => Promise<Command>> = {
  ls: async () => (await import('./commands/ls.ts')).ls,
  tree: async () => (await import('./commands/tree.ts')).tree,
  watch: async () => (await import('./commands/watch.ts')).watch,
  show: async () => (await import('./commands/show.ts')).show,
  ids: async () => (await import('./commands/ids.ts')).ids,
  holders: async () => (await import('./commands/holders.ts')).holders,
  run: async () => (await import('./commands/run.ts')).run,
  launch: async () => (await import('./commands/launch.ts')).launch,
  start: async () => (await import('./commands/start.ts')).start,
  stop: async () => (await import('./commands/stop.ts')).stop,
  restart: async () => (await import('./commands/restart.ts')).restart,
  status: async () => (await import('./commands/status.ts')).status,
  kill: async () => (await import('./commands/kill.ts')).kill,
  wait: async () => (await import('./commands/wait.ts')).wait,
  completion: async () => (await import('./commands/completion.ts')).completion,
}

const OPTIONS = ['--help', '--version']

function nameOf(word: string): Name {
  if (isName(word)) return word
  const option = word.startsWith('-')
  const known = option ? OPTIONS : [...names, ...OPTIONS]
  throw new UsageError(`unknown ${option ? 'option' : 'command'} '${word}'${nearest(word, known)}`)
}

function version(): string {
  const file = new URL('../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

function help({ positionals }: Arguments): string {
  if (positionals.length > 1) throw new UsageError('help takes one COMMAND')
  const [word] = positionals
  return word === undefined ? overview() : helpOf(nameOf(word))
}

/** Node has made U+FFFD of such bytes: another file would be removed, another daemon asked for. */
function refuseBytes(words: string[]): void {
  const word = words.find((word) => word.includes('\ufffd'))
  if (word === undefined) return
  let line
  try {
    line = readFileSync('/proc/self/cmdline')
  } catch {
    return
  }
  if (!isUtf8(line)) throw new UsageError(`'${word}' has bytes that are not UTF-8`)
}

type StartedWith = Pick<Arguments, 'startedWith' | 'descriptors'>

async function main([word, ...words]: string[], startedWith: StartedWith): Promise<string> {
  if (word === undefined || word === '--help' || word === '-h') return overview()
  if (word === '--version') return version()
  const name = nameOf(word)
  // `launch` passes on what was given.
  if (name !== 'launch') refuseBytes(words)
  const page = pages[name]
  const options = { ...page.options, ...everywhere }
  const given = { ...parseArguments(words, { ...page, options }), ...startedWith }
  if (given.values['help'] === true) return helpOf(name)
  if (name === 'help') return help(given)
  const command = await commands[name]()
  return command.run(given)
}

// A reader that went away, as in `sess ls | head -1`, is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return
  console.error(`sess: what is printed could not be written: ${inWords(error)}`)
  process.exitCode = 1
})

// Nobody is left who could be told.
process.stderr.on('error', () => undefined)

try {
  // The launcher's word comes first, before any of the user's: src/launcher/run/front.c.
  const [first = '', ...rest] = process.argv.slice(2)
  const [known, startedWith, fds = ''] =
    /^--started-with=([0-9a-f]+,\d+)((?:,\d+)*)$/.exec(first) ?? []
  const descriptors = fds.split(',').slice(1).map(Number)
  const all = known === undefined ? process.argv.slice(2) : rest
  const text = await main(all, { startedWith, descriptors })
  if (text !== '') console.log(text)
} catch (error) {
  const usage = error instanceof UsageError
  const exit = error instanceof ExitError
  const words = exit ? lines(error.message) : inWords(error)
  console.error(`sess: ${words}${usage ? ' (see sess --help)' : ''}`)
  process.exitCode = exit ? error.exitCode : usage ? 2 : 1
}
