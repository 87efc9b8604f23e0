// What the command adds to a program that it starts.
import { answerer } from '../frame/limits.ts'
import { sessPath } from '../frame/sess.ts'
import type { Contest, Table, Way } from '../frame/types.ts'

/** Starts commands from C, since Node's own spawn would hide what they cost. */
function contest(ours: string[], limit: string[], peers: string[][] = []): Contest {
  const open = (command: string[], name = command.join(' ')) => {
    const { ask, end } = answerer('start', ...command)
    const way: Way = { name, sample: async () => (await ask()) / 1e6 }
    return { way, end }
  }
  const all = [
    open([sessPath(), ...ours], ['sess', ...ours].join(' ')),
    open(limit),
    ...peers.map((peer) => open(peer)),
  ]
  const [first, second, ...rest] = all
  if (first === undefined || second === undefined) throw new Error('nothing to compare')
  return {
    ours: first.way,
    limit: second.way,
    peers: rest.map(({ way }) => way),
    end: () => Promise.all(all.map(({ end }) => end())),
  }
}

const starts = (word: string, peers: string[][]) => ({
  name: `sess-${word}`,
  what: `\`sess ${word} -- true\``,
  unit: 'ms' as const,
  goal: { ratio: 4 },
  rounds: 100,
  quick: 15,
  why: 'A start of `true` is two system calls, fork and exec, and its end. The command is a shell script, which asks where it stands and becomes the launcher; a start of Node would be a hundred times `true`.',
  missed:
    'a start of the shell, one of the launcher that tells what the shell was started with, and the launcher itself are three programs before `true`.',
  open: () => contest([word, '--', 'true'], ['true'], peers),
})

export const table: Table = {
  name: 'command',
  title: 'The command',
  how: `From the start of the command to its end, by \`posix_spawn\` and \`waitpid\` in C. \`sess\` is a symbolic link to
\`bin/sess\`, as npm makes it.`,
  rows: [
    starts('launch', [['nohup', 'true']]),
    starts('run', [['setsid', 'true']]),
    {
      name: 'sess-ids',
      what: '`sess ids`',
      unit: 'ms',
      rounds: 40,
      why: 'What has to know of processes is written for Node, and takes a start of it and the text of the command.',
      open: () => contest(['ids'], ['node', '-e', '0']),
    },
  ],
}
