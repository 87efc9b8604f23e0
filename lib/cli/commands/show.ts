import { explain } from '../../inspect/explain.ts'
import { type Command, ExitError, parsePid, UsageError } from '../options.ts'
import { fit, json, named, paint, printable, userName, width, wrap } from '../picture.ts'
import { localTime } from '../rows.ts'
import type { Explanation, Outcome, Verdict } from '../../inspect/types.ts'

export const show: Command = {
  async run({ values, positionals }) {
    if (positionals.length > 1) throw new UsageError('show takes one PID')
    const [pid] = positionals
    const asked = pid === undefined ? process.ppid : parsePid(pid)
    const explanation = await explain(asked).catch((error: unknown) => {
      const gone = (error as { code?: string }).code === 'ESRCH'
      throw gone ? new ExitError(`there is no process ${asked}`, 1) : error
    })
    return values['json'] === true ? json(explanation) : draw(explanation)
  },
}

const LABEL = 17
const OUTCOME = 10
/** The first line of a reason stands out from those that follow. */
const hanging = (text: string, room: number) =>
  wrap(text, room, 2).map((line, i) => (i === 0 ? line : `  ${line}`))

/** Too narrow for reasons beside the outcome. */
const narrow = width < 50

function draw(explanation: Explanation): string {
  const { process: info, parent, session, stdio } = explanation
  const group = session.groups.find(({ pgid }) => pgid === info.pgid)
  const role = info.pid === info.pgid ? 'its leader' : 'a member'
  const place = group?.foreground === true ? ', in the foreground' : ''
  const { leader } = session
  const noLeader = info.sid === 0 ? 'its leader is out of sight' : 'its leader is gone'
  const lines: [string, string][] = [
    ['process', `${named(info)}, ${userName(info.uid)}, since ${localTime(info.startedAt)}`],
    ['parent', parent === null ? '-' : named(parent)],
    ['process group', `${info.pgid}, ${role}${place}`],
    ['session', `${info.sid}, ${leader === null ? noLeader : `led by ${named(leader)}`}`],
    ['terminal', info.tty === null ? '-' : `${info.tty}, foreground group ${info.tpgid ?? '-'}`],
    ['streams', stdio === null ? 'not ours to read' : stdio.map((path) => path ?? '-').join(' ')],
  ]
  const verdicts: [string, Verdict][] = [
    ['terminal closes', explanation.hangup],
    ['Ctrl-C', explanation.interrupt],
    ['Ctrl-Z', explanation.suspend],
    ['parent is killed', explanation.parentDeath],
  ]
  return [
    ...lines.map(([label, text]) => paint('bold', label.padEnd(LABEL)) + fit(text, width - LABEL)),
    '',
    ...verdicts.flatMap(([label, verdict]) => drawVerdict(label, verdict)),
  ].join('\n')
}

const colours: Record<Outcome, 'green' | 'red' | 'yellow'> = {
  survives: 'green',
  ends: 'red',
  stops: 'yellow',
  depends: 'yellow',
  unknown: 'yellow',
}

function drawVerdict(label: string, { outcome, reasons }: Verdict): string[] {
  const start =
    paint('bold', label.padEnd(LABEL)) + paint(colours[outcome], outcome.padEnd(OUTCOME))
  const indent = ' '.repeat(narrow ? 2 : LABEL + OUTCOME)
  const lines = reasons.flatMap(({ text }) => hanging(printable(text), width - indent.length))
  if (narrow) return [start, ...lines.map((line) => indent + line)]
  return lines.map((line, i) => (i === 0 ? start : indent) + line)
}
