// A terminal as a whole for a live picture, and the way back from it, whatever happens: a key, a signal, an exception,
// a stop by Ctrl-Z, a terminal that goes away. Only SIGKILL and SIGSTOP leave it as it is.
import { killpg, getpgrp } from '../raw/session.ts'
import { tcgetpgrp } from '../raw/terminal.ts'
import { ExitError } from './options.ts'

// Alternate screen, hidden cursor, no wrapping; and back (xterm's control sequences, which all others have).
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l'
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l'
// Between these a terminal that knows them shows nothing half-drawn.
const BEGIN = '\u001b[?2026h\u001b[H'
const END = '\u001b[?2026l'

/** All that would end us and can be caught. SIGUSR1 is Node's own. */
const DEADLY: readonly NodeJS.Signals[] = [
  ...(['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR2', 'SIGALRM', 'SIGXCPU'] as const),
]

/** How long a stop may take to reach us, in milliseconds. */
const STOPPING = 100

const KEYS = new RegExp(`\u001b(?:\\[[0-9;]*[A-Za-z~]|O[A-Z])|[^]`, 'gu')

export interface Picture {
  /** The lines for so many columns and rows. */
  draw(columns: number, rows: number): string[]
  /** A key; true: it ends the picture. */
  key(key: string): boolean
}

export class Screen {
  readonly #picture: Picture
  #settle: ((error?: Error) => void) | undefined
  #state: 'away' | 'shown' | 'over' = 'away'

  constructor(picture: Picture) {
    if (!process.stdin.isTTY || !process.stdout.isTTY) {
      throw new ExitError('watch needs a terminal, as standard input and output', 1)
    }
    const kind = process.env['TERM'] ?? ''
    if (kind === '' || kind === 'dumb') {
      const why = kind === '' ? 'TERM does not say of which kind the terminal is' : `TERM=${kind}`
      throw new ExitError(`watch can't draw here: ${why}`, 1)
    }
    this.#picture = picture
  }

  /** Shows the picture until a key ends it. */
  async show(): Promise<void> {
    const { stdin, stdout } = process
    const gone = () => this.end(new ExitError('the terminal is gone', 1))
    process.on('exit', this.#leave)
    process.on('uncaughtException', this.end)
    for (const signal of DEADLY) process.on(signal, this.#die)
    process.on('SIGTSTP', this.#stop)
    process.on('SIGCONT', this.#goOn)
    stdout.on('resize', this.draw)
    stdout.on('error', gone)
    stdin.on('error', gone)
    stdin.on('end', gone)
    stdin.setEncoding('utf8').on('data', (text: string) => {
      if ((text.match(KEYS) ?? []).some((key) => this.#take(key))) this.end()
      else this.draw()
    })
    await new Promise<void>((resolve, reject) => {
      this.#settle = (error) => (error === undefined ? resolve() : reject(error))
      this.#goOn()
    })
  }

  readonly end = (error?: Error): void => {
    this.#leave()
    this.#state = 'over'
    this.#settle?.(error)
  }

  readonly draw = (): void => {
    // bash's fg sends no signal to a job that runs.
    if (this.#state === 'away' && isOurs()) this.#enter()
    if (this.#state !== 'shown') return
    // Some terminals don't say how large they are.
    const { columns, rows } = process.stdout
    const [width, height] = [columns > 0 ? columns : 80, rows > 0 ? rows : 24]
    const lines = this.#picture.draw(width, height).slice(0, height)
    // The line is erased first: behind its last column it would take that one too.
    const drawn = lines.map((line) => `\u001b[2K${line}`)
    const rest = lines.length < height ? ['\u001b[J'] : []
    process.stdout.write(BEGIN + [...drawn, ...rest].join('\r\n') + END)
  }

  #take(key: string): boolean {
    // What the terminal itself would have made of them, but for the raw mode.
    if (key === '\u0003') this.#die('SIGINT')
    else if (key === '\u001c') this.#die('SIGQUIT')
    else if (key === '\u001a') this.#stopBy(toOurGroup)
    else return this.#picture.key(key)
    return false
  }

  #enter(): void {
    this.#state = 'shown'
    // Off first: Node would take the modes for those that it has set, and a shell has changed them meanwhile.
    process.stdin.setRawMode(false)
    process.stdin.setRawMode(true)
    process.stdin.resume()
    process.stdout.write(ENTER)
  }

  readonly #leave = (): void => {
    if (this.#state !== 'shown') return
    this.#state = 'away'
    process.stdin.pause()
    try {
      process.stdout.write(LEAVE)
      process.stdin.setRawMode(false)
    } catch {
      // The terminal is gone.
    }
  }

  /** Ends by the signal that was sent, so that who sent it sees that. */
  readonly #die = (signal: NodeJS.Signals): void => {
    this.#leave()
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  }

  /** A signal to us stops us alone. */
  readonly #stop = (): void => this.#stopBy((signal) => process.kill(process.pid, signal))

  readonly #stopBy = (send: (signal: 'SIGTSTP') => void): void => {
    this.#leave()
    process.off('SIGTSTP', this.#stop)
    send('SIGTSTP')
    process.on('SIGTSTP', this.#stop)
    // In an orphaned process group nobody could continue us, and the kernel stops nobody (POSIX XSH 2.4.3).
    setTimeout(this.draw, STOPPING)
  }

  /** At the start, after fg, after bg, and after a stop that we have not seen. */
  readonly #goOn = (): void => {
    if (this.#state === 'over') return
    if (isOurs()) {
      this.#enter()
      this.draw()
      return
    }
    this.#state = 'away'
    process.stdin.pause()
    // The kernel stops a background process that would set the modes, but what ends us comes first.
    setTimeout(() => {
      if (!isOurs()) toOurGroup('SIGTTOU')
    }, STOPPING)
  }
}

/** As the terminal sends it: the shell waits for all processes of its job (`npx sess watch`). */
function toOurGroup(signal: NodeJS.Signals): void {
  const pgid = getpgrp()
  if (pgid > 1) killpg(pgid, signal)
  else process.kill(process.pid, signal)
}

/** Whether we are in the foreground. A terminal that is not our controlling one knows no such thing. */
function isOurs(): boolean {
  try {
    return tcgetpgrp(0) === getpgrp()
  } catch {
    return true
  }
}
