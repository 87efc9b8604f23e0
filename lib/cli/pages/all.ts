// Every command, in the order in which the help has them.
import { completion } from './completion.ts'
import { help } from './help.ts'
import { holders } from './holders.ts'
import { ids } from './ids.ts'
import { kill } from './kill.ts'
import { launch } from './launch.ts'
import { ls } from './ls.ts'
import type { Page } from './page.ts'
import { restart } from './restart.ts'
import { run } from './run.ts'
import { show } from './show.ts'
import { start } from './start.ts'
import { status } from './status.ts'
import { stop } from './stop.ts'
import { tree } from './tree.ts'
import { wait } from './wait.ts'
import { watch } from './watch.ts'

export const pages = {
  ls,
  tree,
  watch,
  show,
  ids,
  holders,
  run,
  launch,
  start,
  stop,
  restart,
  status,
  kill,
  wait,
  completion,
  help,
} as const satisfies Record<string, Page>

export type Name = keyof typeof pages

export const names = Object.keys(pages) as Name[]

/** The options that every command has. */
export const everywhere = { help: { short: 'h', help: 'this help' } } as const

export const isName = (word: string): word is Name => Object.hasOwn(pages, word)
