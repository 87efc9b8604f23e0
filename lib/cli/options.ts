import type { ParseArgsConfig } from 'node:util'

export interface Arguments {
  values: Record<string, string | boolean | (string | boolean)[] | undefined>
  positionals: string[]
}

/** One command of `sess`: its help, its options, and what it prints. */
export interface Command {
  usage: string
  summary: string
  help: string
  options: NonNullable<ParseArgsConfig['options']>
  run(args: Arguments): Promise<string>
}

/** Wrong words on the command line: exit code 2. */
export class UsageError extends Error {}

/** A failure that has an exit code of its own. */
export class ExitError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.exitCode = exitCode
  }
}

export function parsePid(text: string): number {
  const pid = Number(text)
  if (!/^[0-9]+$/.test(text) || pid < 1 || pid > 2 ** 31 - 1) {
    throw new UsageError(`'${text}' is not a process ID`)
  }
  return pid
}
