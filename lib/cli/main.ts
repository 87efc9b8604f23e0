#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { type Command, ExitError, UsageError } from './options.ts'
import { start, status, stop } from './commands/daemon.ts'
import { ids } from './commands/ids.ts'
import { kill } from './commands/kill.ts'
import { launch } from './commands/launch.ts'
import { ls } from './commands/ls.ts'
import { run } from './commands/run.ts'
import { show } from './commands/show.ts'
import { tree } from './commands/tree.ts'

const commands: Record<string, Command> = {
  ls,
  tree,
  show,
  ids,
  run,
  launch,
  start,
  stop,
  status,
  kill,
}

const overview = () => `sess: POSIX sessions and process groups

${Object.values(commands)
  .map(({ usage, summary }) => `  ${usage.padEnd(42)}${summary}`)
  .join('\n')}

  sess COMMAND --help                       what a command does, with examples

Exit codes: 0 done, 1 a system call failed, 2 wrong usage.`

async function main([name, ...args]: string[]): Promise<string> {
  if (name === undefined || name === '--help' || name === '-h') return overview()
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) throw new UsageError(`unknown command '${name}'`)
  const options = { ...command.options, help: { type: 'boolean', short: 'h' } } as const
  const { values, positionals } = parse({ args, options, allowPositionals: true })
  if (values['help'] === true) {
    return `${command.usage}\n\n${command.help}`
  }
  return command.run({ values, positionals })
}

function parse(config: Parameters<typeof parseArgs>[0]): ReturnType<typeof parseArgs> {
  try {
    return parseArgs(config)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

// A reader that went away, as in `sess ls | head -1`, is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return
  console.error(`sess: ${error.message}`)
  process.exitCode = 1
})

try {
  const text = await main(process.argv.slice(2))
  if (text !== '') console.log(text)
} catch (error) {
  const usage = error instanceof UsageError
  console.error(`sess: ${(error as Error).message}${usage ? ' (see sess --help)' : ''}`)
  process.exitCode = error instanceof ExitError ? error.exitCode : usage ? 2 : 1
}
