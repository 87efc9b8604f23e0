import { drawForest, type Figure, figures } from '../forest.ts'
import { type Command, seconds, UsageError } from '../options.ts'
import { fit, pad, paint } from '../picture.ts'
import { membersOf } from '../rows.ts'
import { type Picture, Screen } from '../screen.ts'
import { type Choice, chooseSessions } from '../sessions.ts'
import type { ProcessInfo, Session } from '../../inspect/types.ts'

export const watch: Command = {
  async run(given) {
    if (given.positionals.length > 0) throw new UsageError('watch takes no words, only options')
    const interval = seconds(given.values, 'interval') ?? 1
    const read = await chooseSessions(given)
    const forest = new Forest()
    const screen = new Screen(forest)
    let timer: NodeJS.Timeout | undefined
    const look = async () => {
      try {
        await forest.look(read)
        screen.draw()
        timer = setTimeout(() => void look(), interval * 1000)
      } catch (error) {
        screen.end(error as Error)
      }
    }
    void look()
    try {
      await screen.show()
    } finally {
      clearTimeout(timer)
    }
    // A look that is under way has nobody to tell any more.
    process.exit()
  },
}

/** By which a process is known from one look to the next. */
const keyOf = ({ pid, startedAt }: ProcessInfo) => `${pid} ${startedAt.getTime()}`

/** How many lines each key scrolls, by the number of lines that are shown. */
const scrolls: Record<string, (page: number) => number> = {
  '\u001b[A': () => -1,
  '\u001bOA': () => -1,
  k: () => -1,
  '\u001b[B': () => 1,
  '\u001bOB': () => 1,
  j: () => 1,
  '\u001b[5~': (page) => -page,
  b: (page) => -page,
  '\u001b[6~': (page) => page,
  ' ': (page) => page,
  '\u001b[H': () => -Infinity,
  '\u001b[1~': () => -Infinity,
  g: () => -Infinity,
  '\u001b[F': () => Infinity,
  '\u001b[4~': () => Infinity,
  G: () => Infinity,
}

class Forest implements Picture {
  #sessions: Session[] = []
  /** When the last look was; 0: there was none. */
  #at = 0
  #used = new Map<string, number>()
  /** Processor time since the last look, of the time since then; none for a process that was not there. */
  #shares = new Map<string, number>()
  /** The first line that is shown, how many are, and how many there are. */
  #top = 0
  #page = 1
  #lines = 0

  async look(read: Choice): Promise<void> {
    const sessions = await read()
    const at = performance.now()
    const all = sessions.flatMap(membersOf)
    const shares = all.flatMap((info): [string, number][] => {
      const before = this.#used.get(keyOf(info))
      if (before === undefined) return []
      return [[keyOf(info), ((info.cpuTime - before) / (at - this.#at)) * 100]]
    })
    this.#sessions = sessions
    this.#at = at
    this.#used = new Map(all.map((info) => [keyOf(info), info.cpuTime]))
    this.#shares = new Map(shares)
  }

  draw(columns: number, rows: number): string[] {
    if (this.#at === 0) return []
    const [age, , memory] = figures(Date.now())
    const share: Figure = { head: 'CPU%', of: (info) => this.#share(info) }
    const shown = [age, share, memory].filter((figure) => figure !== undefined)
    const [head = 'no session matches the options', ...lines] = drawForest(
      this.#sessions,
      shown,
      columns,
    )
    this.#page = Math.max(rows - 2, 1)
    this.#lines = lines.length
    this.#scroll(0)
    return [this.#title(columns), head, ...lines.slice(this.#top, this.#top + this.#page)]
  }

  key(key: string): boolean {
    const by = Object.hasOwn(scrolls, key) ? scrolls[key] : undefined
    if (by !== undefined) this.#scroll(by(this.#page))
    return key === 'q' || key === 'Q'
  }

  #scroll(by: number): void {
    this.#top = Math.max(Math.min(this.#top + by, this.#lines - this.#page), 0)
  }

  #share(info: ProcessInfo): string {
    const share = this.#shares.get(keyOf(info))
    return share === undefined || Number.isNaN(share) ? '-' : share.toFixed(share < 9.95 ? 1 : 0)
  }

  #title(columns: number): string {
    const sessions = this.#sessions.length
    const processes = this.#used.size
    const last = Math.min(this.#top + this.#page, this.#lines)
    const words = [
      `sess watch  ${new Date().toTimeString().slice(0, 8)}`,
      sessions === 1 ? '1 session' : `${sessions} sessions`,
      processes === 1 ? '1 process' : `${processes} processes`,
      ...(this.#lines > this.#page ? [`lines ${this.#top + 1} to ${last} of ${this.#lines}`] : []),
      'q ends it',
    ]
    return paint('inverse', pad(fit(words.join('  '), columns), columns))
  }
}
