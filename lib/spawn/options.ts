import type { SpawnOptions as NodeOptions } from 'node:child_process'
import { ENOSYS, EPERM, EPIPE } from '../base/errno.ts'
import { boolean, type Check, integer, octal, oneOf, signalNumber } from '../base/check.ts'
import { invalidArgType, invalidArgValue, type Reason, systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import { signals } from '../base/signals.ts'
import type { FailedStep, Step } from '../launcher/command.ts'
import { stdioList } from '../launcher/command.ts'
import { whyNotGroup, whyNotTerminal } from '../raw/why.ts'
import { whyNotItsGroup } from './contain.ts'
import { whyBackground } from './terminal.ts'
import type { JobOptions } from './types.ts'

/** The options of one call, each read once and checked, and what several rows need to know of them. */
interface Job {
  given: JobOptions
  /** What makes the child the leader of a new session. */
  newSession: string | undefined
  stdio: ReturnType<typeof stdioList>
}

interface Row<T> {
  check: Check<T>
  /** Why this value can't go with the rest. */
  conflict?(value: T, job: Job): string | undefined
  /** What the launcher does for it. */
  steps?(value: T, job: Job): Step[]
  /** The steps that can fail for it, the call behind them, and why they fail. */
  fails?: {
    by: FailedStep[]
    syscall: string
    why?(errno: number, value: T, job: Job): Reason | undefined
  }
}

/** All that each option of ours does. The launcher does the steps in this order. */
export const rows: { [K in keyof JobOptions]-?: Row<NonNullable<JobOptions[K]>> } = {
  contain: {
    check: boolean,
    conflict: (contain, { given }) =>
      contain && given.parentDeathSignal !== undefined
        ? "can't go with options.parentDeathSignal: all of a contained child ends when this process ends"
        : undefined,
    // Before all others, which are the program's: it goes on below its supervisor. Node makes the session of a plain
    // child, and would make it for the supervisor.
    steps: (contain, { given, newSession }) => {
      if (!contain) return []
      const session: Step[] = newSession === undefined ? [] : [{ step: 'session', value: [] }]
      const { group = 'inherit' } = given
      const stays = group === 'inherit' || group === native.getpgrp()
      const place = newSession !== undefined ? 2 : stays ? 0 : 1
      return [{ step: 'contain', value: [place] }, ...session]
    },
    fails: { by: ['contain'], syscall: 'fork', why: whyNotContained },
  },
  session: {
    check: oneOf('inherit', 'new'),
    conflict: (session, { newSession }) =>
      session === 'inherit' && newSession !== undefined
        ? `can't go with ${newSession}, a new session`
        : undefined,
  },
  group: {
    check: (value, name) =>
      typeof value === 'number' ? integer(1)(value, name) : oneOf('inherit', 'new')(value, name),
    conflict: (group, { newSession }) =>
      group !== 'new' && newSession !== undefined
        ? `can't go with ${newSession}: the leader of a session leads a group of its own`
        : whyNotItsGroup(Number(group)),
    // The leader of a new session leads a new group already.
    steps: (group, { newSession }) =>
      group === 'inherit' || newSession !== undefined
        ? []
        : [{ step: 'group', value: [group === 'new' ? 0 : group] }],
    fails: {
      by: ['group'],
      syscall: 'setpgid',
      why: (errno, group) => (errno === EPERM ? whyNotGroup(Number(group)) : undefined),
    },
  },
  controllingTerminal: {
    check: integer(0),
    conflict: whyNoDescriptor,
    steps: (fd, { given }) => [
      { step: given.stealTerminal === true ? 'steal' : 'terminal', value: [fd] },
    ],
    fails: {
      by: ['terminal', 'steal'],
      syscall: 'ioctl(TIOCSCTTY)',
      why: (errno) =>
        errno === EPERM
          ? {
              reason: 'terminal-in-use',
              text: 'it is the controlling terminal of another session',
            }
          : undefined,
    },
  },
  stealTerminal: {
    check: boolean,
    conflict: (steal, { given }) =>
      steal && given.controllingTerminal === undefined
        ? 'needs options.controllingTerminal, the terminal to take'
        : undefined,
  },
  foreground: {
    check: integer(0),
    conflict: (fd, job) =>
      job.newSession !== undefined && job.given.controllingTerminal === undefined
        ? `can't go with ${job.newSession}: a new session has no terminal without options.controllingTerminal`
        : whyNoDescriptor(fd, job),
    // A new session takes the terminal from no group. Otherwise takenFrom() adds the group that has it.
    steps: (fd, { newSession }) => [
      { step: 'foreground', value: newSession === undefined ? [fd] : [fd, 0] },
    ],
    fails: {
      by: ['foreground'],
      syscall: 'tcsetpgrp',
      why: (errno, fd, job) => {
        const own = ownDescriptor(fd, job)
        if (errno === EPERM) return whyBackground(own)
        return own === undefined ? undefined : whyNotTerminal(errno, own)
      },
    },
  },
  umask: {
    check: octal,
    steps: (umask) => [{ step: 'umask', value: [umask] }],
  },
  ignoreSignals: {
    check: ignorable,
    conflict: (names, { given }) =>
      given.parentDeathSignal !== undefined && names.includes(given.parentDeathSignal)
        ? `can't have ${given.parentDeathSignal}, which is options.parentDeathSignal: it would be both ignored and sent`
        : undefined,
    steps: (names) => names.map((name) => ({ step: 'ignore', value: [signals[name]] })),
    fails: { by: ['ignore'], syscall: 'signal' },
  },
  parentDeathSignal: {
    check: namedSignal,
    // Not in this order: prepareCommand() puts it before the others, so that it holds the longest.
    fails: { by: ['death'], syscall: 'prctl', why: whyNoDeath },
  },
}

/** What spawn() does for its options. */
export interface JobPlan {
  steps: Step[]
  parentDeathSignal: number | undefined
  /** Whether Node makes a new session for the child. */
  detached: boolean
  contained: boolean
  /** Our descriptor of the terminal that the child takes from us; undefined if it has no number here. */
  terminal: number | undefined
  /** Whether it takes one from us. */
  takesTerminal: boolean
  /** The child's process group. */
  groupOf(pid: number): number | undefined
  explain(step: FailedStep, errno: number): Error
}

/** What the options ask for; undefined if they ask for nothing. Throws for an impossible combination. */
export function jobPlan(own: NodeOptions & Record<string, unknown>): JobPlan | undefined {
  const table = Object.entries(rows) as [keyof JobOptions, Row<unknown>][]
  const given = { __proto__: null } as JobOptions
  for (const [name, { check }] of table) {
    // Each option gets an own key, even one that is not given: see checkOptions().
    const value = own[name]
    Object.assign(given, {
      [name]: value === undefined ? undefined : check(value, `options.${name}`),
    })
  }
  const { session, group, controllingTerminal, foreground, parentDeathSignal } = given
  const newSession =
    session === 'new'
      ? "options.session 'new'"
      : controllingTerminal !== undefined
        ? 'options.controllingTerminal'
        : own.detached === true
          ? 'options.detached'
          : undefined
  const job: Job = { given, newSession, stdio: stdioList(own.stdio) }
  const steps: Step[] = []
  for (const [name, row] of table) {
    const value = given[name]
    if (value === undefined) continue
    const why = row.conflict?.(value, job)
    if (why !== undefined) throw invalidArgValue(`options.${name}`, value, why)
    steps.push(...(row.steps?.(value, job) ?? []))
  }
  if (steps.length === 0 && session !== 'new' && parentDeathSignal === undefined) return undefined
  const takesTerminal = foreground !== undefined && newSession === undefined
  return {
    steps,
    parentDeathSignal: parentDeathSignal && signals[parentDeathSignal],
    detached: newSession !== undefined && given.contain !== true,
    contained: given.contain === true,
    takesTerminal,
    terminal: takesTerminal ? ownDescriptor(foreground, job) : undefined,
    groupOf: (pid) => (typeof group === 'number' ? group : group === 'new' ? pid : undefined),
    explain(step, errno) {
      for (const [name, { fails }] of table) {
        if (!fails?.by.includes(step)) continue
        return systemError(errno, fails.syscall, fails.why?.(errno, given[name], job))
      }
      return systemError(errno, 'spawn')
    },
  }
}

/** Adds the group that the terminal is taken from to the steps. With -1, for none, the step fails. */
export const takenFrom = (steps: Step[], holder: number): Step[] =>
  steps.map((each) =>
    each.step === 'foreground' && each.value.length === 1
      ? { step: 'foreground', value: [...each.value, holder] }
      : each,
  )

/** A descriptor of the child can be a terminal only if stdio puts a file there that is open here. */
function whyNoDescriptor(fd: number, { stdio }: Job): string | undefined {
  const entry: unknown = stdio?.[fd]
  if (stdio === undefined || entry === 'inherit') return undefined
  if (entry != null && typeof entry !== 'string') return undefined
  const what = entry ?? (fd in stdio && fd < 3 ? 'pipe' : 'none')
  return `must be a descriptor of the child that is a terminal: options.stdio has '${what}' there`
}

/** Our own descriptor for `fd` of the child, if it has a number. */
export function ownDescriptor(fd: number, { stdio }: Pick<Job, 'stdio'>): number | undefined {
  const entry: unknown = stdio?.[fd]
  if (entry === 'inherit') return fd
  const own = typeof entry === 'number' ? entry : (entry as { fd?: unknown } | undefined)?.fd
  return typeof own === 'number' && (own | 0) === own ? own : undefined
}

function namedSignal(value: unknown, name: string): NodeJS.Signals {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value)
  signalNumber(value, name)
  return value as NodeJS.Signals
}

/** The names, each read once. */
function ignorable(value: unknown, name: string): NodeJS.Signals[] {
  if (!Array.isArray(value)) throw invalidArgType(name, 'an instance of Array', value)
  return Array.from({ length: value.length }, (_, i) => {
    const signal = namedSignal(value[i], `${name}[${i}]`)
    if (signal !== 'SIGKILL' && signal !== 'SIGSTOP') return signal
    throw invalidArgValue(`${name}[${i}]`, signal, "can't be ignored")
  })
}

function whyNotContained(errno: number): Reason | undefined {
  if (errno === ENOSYS || errno === EPERM) {
    const text =
      'the supervisor of a contained child watches this process by a pidfd, which this kernel or a sandbox refuses'
    return { reason: 'no-pidfd', text }
  }
  return errno === EPIPE
    ? { reason: 'no-supervisor', text: 'its supervisor was killed before the program began' }
    : undefined
}

/** Only a worker's child needs more than prctl(): the watcher, and a pidfd for it. */
function whyNoDeath(errno: number): Reason | undefined {
  if (errno === EPIPE) {
    const text = 'the process that watches the children of workers has ended'
    return { reason: 'no-watcher', text }
  }
  if (errno !== ENOSYS && errno !== EPERM) return undefined
  const text = 'a child of a worker is watched by its pidfd, which this kernel or a sandbox refuses'
  return { reason: 'no-pidfd', text }
}
