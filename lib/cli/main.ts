#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { holders } from './commands/holders.ts'
import { ids } from './commands/ids.ts'
import { kill } from './commands/kill.ts'
import { launch } from './commands/launch.ts'
import { ls } from './commands/ls.ts'
import { run } from './commands/run.ts'
import { show } from './commands/show.ts'
import { start } from './commands/start.ts'
import { status } from './commands/status.ts'
import { stop } from './commands/stop.ts'
import { tree } from './commands/tree.ts'
import { wait } from './commands/wait.ts'
import { type Arguments, type Command, ExitError, parseArguments, UsageError } from './options.ts'
import { inWords, nearest } from './words.ts'

const commands: Record<string, Command> = {
  ls,
  tree,
  show,
  ids,
  holders,
  run,
  launch,
  start,
  stop,
  status,
  kill,
  wait,
}

const overview = () => `sess: POSIX sessions and process groups

${Object.values(commands)
  .map(({ usage, summary }) => `  ${usage.padEnd(42)}${summary}`)
  .join('\n')}

  sess COMMAND --help                       what a command does, with examples
  sess --version                            the version of this package

Exit codes: 0 done, 1 it failed, 2 wrong usage; run, launch, start, stop and status have more.`

const help = ({ usage, help }: Command) => `${usage}\n\n${help}`

function find(name: string): Command {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command !== undefined) return command
  const option = name.startsWith('-')
  const known = option ? ['--help', '--version'] : [...Object.keys(commands), 'help']
  throw new UsageError(`unknown ${option ? 'option' : 'command'} '${name}'${nearest(name, known)}`)
}

function version(): string {
  const file = new URL('../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

type StartedWith = Pick<Arguments, 'startedWith' | 'descriptors'>

async function main([name, ...words]: string[], startedWith: StartedWith): Promise<string> {
  if (name === undefined || name === '--help' || name === '-h') return overview()
  if (name === '--version') return version()
  if (name === 'help') return words[0] === undefined ? overview() : help(find(words[0]))
  const command = find(name)
  const options = { ...command.options, help: { type: 'boolean', short: 'h' } } as const
  const { values, positionals } = parseArguments(words, { ...command, options })
  if (values['help'] === true) return help(command)
  return command.run({ values, positionals, ...startedWith })
}

// A reader that went away, as in `sess ls | head -1`, is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return
  console.error(`sess: what is printed could not be written: ${inWords(error)}`)
  process.exitCode = 1
})

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
  console.error(`sess: ${inWords(error)}${usage ? ' (see sess --help)' : ''}`)
  process.exitCode = error instanceof ExitError ? error.exitCode : usage ? 2 : 1
}
