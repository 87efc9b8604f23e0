// `npm run compare`: tries every cell of the comparison, and writes docs/comparison.md.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installPeers, peersFolder } from '../frame/peers.ts'
import { attempt, folderOf, isBuilt } from './attempt.ts'
import { columns, rows } from './rows.ts'

installPeers()
if (!isBuilt('posix'))
  execFileSync('npm', ['rebuild', 'posix'], { cwd: peersFolder, stdio: 'inherit' })

/** A name with the version that was tried. */
function titleOf(column: string): string {
  if (column === 'node') return `Node ${process.version.slice(1)}`
  const path = join(folderOf(column) ?? '', 'package.json')
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string }
  return column === 'setsid' ? 'setsid' : `${column} ${version}`
}

const lines = [`| | ${columns.map(titleOf).join(' | ')} |`, `|---${'|:-:'.repeat(columns.length)}|`]
for (const row of rows) {
  const cells: string[] = []
  for (const column of columns) {
    const has = column in row.programs
    const cell = has ? ((await attempt(row, column)) ? '✓' : '✗') : ''
    cells.push(cell)
  }
  lines.push(`| ${row.fact} | ${cells.join(' | ')} |`)
  console.log(lines.at(-1))
}

writeFileSync(
  fileURLToPath(new URL('../../docs/comparison.md', import.meta.url)),
  `# Comparison

What this package and others do, each tried by a program: \`npm run compare\` runs them all and writes this page, and the
tests try the cells of the packages that are installed with them. ✓: it does so. ✗: it was tried as its own page says,
and does not. An empty cell: it has no call for that.

${lines.join('\n')}

Node stands for \`child_process\` and \`process.kill()\`: its child was started with \`detached: true\` and stopped by
\`process.kill(-pid)\`; its timeout is the one of \`exec()\`. koffi calls the functions of libc. A stop was SIGTERM. Of
this package the child was started with \`contain: true\` and stopped by \`stopContained()\`, but for the row on numbers
that are given again: \`group: 'new'\` and \`stopGroup()\`. \`daemonize()\` was used with \`strategy: 'restart'\`, as the
others have no other.

What these packages are for, and this one is not: execa has templates, pipelines, transforms and Windows; tree-kill and
terminate end a tree that somebody else has started, on Windows too; posix has \`getrlimit\`, \`syslog\` and \`chroot\`; koffi
calls any library. [Running](running.md#what-other-ways-leave) has a table of what stays alive after each way of ending
a command, and [migration](migration.md) the code before and after.
`,
)
