import { json, type Page } from './page.ts'
import { filter } from './shared.ts'

export const ls: Page = {
  synopsis: '[FILTER] [--json]',
  summary: 'every session on this machine',
  about: [
    'Lists every session with its controlling terminal, its process groups, and the command line of its leader: since when it runs, and the processor time and memory of all its processes. A "+" marks the terminal\'s foreground process group, a "T" one with a stopped member, an "o" an orphaned one. sess itself is left out.',
    'On a terminal the lines end at its edge; elsewhere nothing is cut off.',
  ],
  options: { ...filter, json },
  exitCodes: [],
  examples: [
    'sess ls',
    'sess ls --user www-data',
    "sess ls --json | jq '.[] | select(.tty != null) | .sid'",
  ],
}
