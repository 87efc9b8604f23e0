import { type IPty, type IPtyForkOptions, spawn } from '@lydell/node-pty'
import { fixturePath, type Json, node, track, until } from './process.ts'
import { need } from './tools.ts'

export interface Terminal {
  pty: IPty
  pid: number
  /** All that has been written to it so far. */
  output(): string
  /** Waits for a match in what was written since the last one. */
  expect(pattern: RegExp, cap?: number): Promise<RegExpExecArray>
  /** The next line of JSON that a fixture prints on it. */
  json(): Promise<Json>
  type(text: string): void
  ended: Promise<{ exitCode: number; signal?: number | undefined }>
  /** Closes the terminal, as a window that is shut. */
  close(): void
}

/** Starts a program on a new pty, as its session leader. It is ended after the test. */
export function openTerminal(
  file: string,
  args: string[],
  options: IPtyForkOptions = {},
): Terminal {
  need(file, options)
  const pty = spawn(file, args, { cols: 200, rows: 50, ...options })
  track(pty.pid)
  let text = ''
  let seen = 0
  pty.onData((data) => (text += data))
  const ended = new Promise<{ exitCode: number; signal?: number | undefined }>((resolve) =>
    pty.onExit(resolve),
  )
  const terminal: Terminal = {
    pty,
    pid: pty.pid,
    output: () => text,
    async expect(pattern, cap) {
      let match: RegExpExecArray | null = null
      const find = () => (match = pattern.exec(text.slice(seen)))
      await until(find, cap).catch((error: unknown) => {
        throw new Error(`no ${pattern} in: ${JSON.stringify(text.slice(seen))}`, { cause: error })
      })
      const found = match as RegExpExecArray | null
      if (found === null) throw new Error(`no ${pattern}`)
      seen += found.index + found[0].length
      return found
    },
    async json() {
      const [, line = ''] = await terminal.expect(/(\{.*\})\r?\n/)
      return JSON.parse(line)
    },
    type: (keys) => pty.write(keys),
    ended,
    // Missing in its types: closes the master side, and the kernel hangs the terminal up.
    close: () => (pty as unknown as { destroy(): void }).destroy(),
  }
  return terminal
}

/** Starts a fixture as the session leader of a new pty. */
export const fixtureOnTerminal = (name: string, args: string[] = []): Terminal =>
  openTerminal(node, [fixturePath(name), ...args])
