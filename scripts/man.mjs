// Writes man/sess.1 from the pages of the commands (lib/cli/pages/); with --check it only says whether that would
// change anything. Run it by: npm run man
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { exitCodes, exitCodesOf, title } from '../lib/cli/help.ts'
import { wrap } from '../lib/cli/picture.ts'
import { everywhere, names, pages } from '../lib/cli/pages/all.ts'

const FILE = 'man/sess.1'

/** Text as man(7) takes it: a word that begins with a dash has dashes that can be copied to a command line. */
const escaped = (text) =>
  text
    .replaceAll('\\', '\\e')
    .replace(/(?<=^|[\s|[(,])-\S+/g, (word) => word.replaceAll('-', '\\-'))

/** A paragraph in short lines, none of which begins as a request does. */
const prose = (text) =>
  wrap(escaped(text), 78)
    .map((line) => line.replace(/^[.']/, '\\&$&'))
    .join('\n')

/** An example: all of it is for a command line. */
const literal = (text) =>
  escaped(text)
    .replace(/(?<!\\)-/g, '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')

const inQuotes = (text) => `"${text.replaceAll('"', '\\(dq')}"`

const paragraphs = (texts) => texts.flatMap((text) => ['.PP', prose(text)])

const listed = (rows) => rows.flatMap(([word, text]) => ['.TP', word, prose(text)])

function tag(name, { short, value }) {
  const words = [...(short === undefined ? [] : [`-${short}`]), `--${name}`]
  const bold = words.map((word) => `\\fB${escaped(word)}\\fR`).join(', ')
  return value === undefined ? bold : `${bold} \\fI${value}\\fR`
}

function section(name) {
  const page = pages[name]
  const own = Object.entries(page.options)
  return [
    `.SS ${inQuotes(escaped(`sess ${name} ${page.synopsis}`))}`,
    prose(page.about[0]),
    ...paragraphs([...page.about.slice(1), ...(page.notes ?? [])]),
    ...listed(own.map(([option, about]) => [tag(option, about), about.help])),
    ...(page.exitCodes.length === 0
      ? []
      : ['.PP', 'Exit codes:', ...listed(exitCodesOf(page).map(([code, text]) => [code, text]))]),
    '.PP',
    'Examples:',
    '.PP',
    '.RS 4',
    '.EX',
    ...page.examples.map(literal),
    '.EE',
    '.RE',
  ]
}

const body = [
  '.SH NAME',
  `sess \\- ${title}`,
  '.SH SYNOPSIS',
  '.B sess',
  '.I command',
  '[\\fIoption\\fR ...] [\\fIargument\\fR ...]',
  '.SH DESCRIPTION',
  'Shows the sessions and process groups of this machine and their terminals,',
  'and starts, stops and waits for them.',
  '.PP',
  'Options end at the first word of a command line that',
  '.B sess',
  'is to run: what follows is that command\\(cqs own.',
  '.SS Options of all commands',
  ...listed([
    [tag('help', everywhere.help), 'what the command does'],
    ['\\fB\\-\\-version\\fR', 'without a command: the version'],
  ]),
  '.SH COMMANDS',
  ...names.flatMap(section),
  '.SH EXIT STATUS',
  ...listed(exitCodes),
  '.PP',
  'A command that has others names them above.',
  '.SH SEE ALSO',
  '.BR setsid (1),',
  '.BR ps (1),',
  '.BR kill (1),',
  '.BR credentials (7),',
  '.BR daemon (7)',
  '',
].join('\n')

const head = (date) => `.\\" Written by scripts/man.mjs.\n.TH SESS 1 ${date} setsid\n`

const old = existsSync(FILE) ? readFileSync(FILE, 'utf8') : ''
const [, date = ''] = /^\.TH SESS 1 (\S+)/m.exec(old) ?? []
if (old !== head(date) + body) {
  if (process.argv.includes('--check')) {
    console.error(`${FILE} is not what lib/cli/pages/ says: npm run man`)
    process.exitCode = 1
  } else {
    mkdirSync('man', { recursive: true })
    writeFileSync(FILE, head(new Date().toISOString().slice(0, 10)) + body)
  }
}
