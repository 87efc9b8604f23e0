import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { writeSync } from 'node:fs'
import type { Socket } from 'node:net'
import { childrenOf } from '../base/proc.ts'
import type { Start, Supervised } from '../launcher/command.ts'
import { type containWords, decode, encodeContain, supervisorWords } from '../launcher/protocol.ts'
import { reapAdopted } from './adopted.ts'
import { Cgroup } from './cgroup.ts'
import { isDead, processInfo, startOf } from '../inspect/process.ts'
import { listProcessesSync } from '../inspect/list.ts'
import type { ProcessInfo } from '../inspect/types.ts'

interface Events {
  /** The program has stopped, by this signal. */
  stopped: [signal: number]
  continued: []
  /** A member has got the signal that `say()` has asked for, or we may not signal it. */
  sent: [pid: number]
  denied: [pid: number]
  /** The supervisor has ended, and so has the process that stands for the child: both hold the channel. */
  ended: []
}

/** What we know of a contained child: its program, and the supervisor at the other end of a channel. */
export class Containment extends EventEmitter<Events> {
  readonly program: Start
  readonly supervisor: Start
  readonly #cgroup: number
  /** `empty`: the supervisor has told that nothing is left. `lost`: it was killed. */
  state: 'live' | 'empty' | 'lost' = 'live'
  /** The signal that has stopped the program, if it is still stopped. */
  stoppedBy: number | undefined
  readonly #socket: Socket
  readonly #channel: number
  #text = ''
  /** The last stop or continuation, while the supervisor looks once more. */
  #heard: { stoppedBy: number | undefined } | undefined
  #waiting = 0

  readonly #child: ChildProcess

  constructor(child: ChildProcess, { program, supervisor, cgroup, channel }: Supervised) {
    super()
    this.#child = child
    this.setMaxListeners(0)
    this.program = program
    this.supervisor = supervisor
    this.#cgroup = cgroup
    this.#channel = channel
    const { Socket } = process.getBuiltinModule('node:net')
    this.#socket = new Socket({ fd: channel, readable: true, writable: true })
    this.#socket
      .setEncoding('latin1')
      .on('data', (text: string) => this.#hear(text))
      .on('error', () => undefined)
      .on('close', () => {
        if (this.state === 'live') this.state = 'lost'
        this.emit('ended')
        this.#reap()
      })
      .unref()
    child.once('exit', () => this.#reap())
  }

  /** The stand-in has to be gone too: it is the supervisor's parent, and may be about to reap it. */
  #reap(): void {
    const { exitCode, signalCode } = this.#child
    const gone = exitCode !== null || signalCode !== null
    if (gone && this.state !== 'live') reapAdopted(this.supervisor)
  }

  #hear(text: string): void {
    const lines = (this.#text + text).split('\n')
    this.#text = lines.pop() ?? ''
    for (const line of lines) {
      const { word, values: [value = 0] = [] } = decode(supervisorWords, line) ?? {}
      if (word === 'empty') this.state = 'empty'
      else if (word === 'stopped') this.#note(value)
      else if (word === 'continued') this.#note(undefined)
      else if (word === 'looked') this.#tell()
      else if (word === 'sent' || word === 'denied') this.emit(word, value)
    }
  }

  /**
   * What the supervisor tells of a stop is late: we may have continued the program meanwhile, and it may have stopped
   * again by another signal. So it has to look once more. Its answer comes after all that it has to tell until then.
   */
  #note(signal: number | undefined): void {
    if (this.#heard === undefined) this.say('look')
    this.#heard = { stoppedBy: signal }
  }

  #tell(): void {
    if (this.#heard === undefined) return
    const { stoppedBy } = this.#heard
    this.#heard = undefined
    this.stoppedBy = stoppedBy
    if (stoppedBy === undefined) this.emit('continued')
    else this.emit('stopped', stoppedBy)
  }

  /**
   * A stream that fails to write drops what it has not read: of a supervisor that has just ended that is its last words.
   * So we write past it, and leave the end to its reader.
   */
  say(word: keyof typeof containWords, ...values: number[]): void {
    if (this.#socket.destroyed) return
    const line = `${encodeContain(word, ...values)}\n`
    try {
      writeSync(this.#channel, line)
    } catch (error) {
      // A stopped supervisor that has been told a hundred things has no room: the rest waits.
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') this.#socket.write(line)
    }
  }

  /** Keeps the event loop alive until `release()`. */
  hold(): void {
    if (this.#waiting++ === 0) this.#socket.ref()
  }

  release(): void {
    if (--this.#waiting === 0) this.#socket.unref()
  }

  /** What holds the rest when the supervisor is lost, to be closed; undefined: nothing does. */
  openCgroup(): Cgroup | undefined {
    if (this.state !== 'lost' || this.#cgroup === 0) return undefined
    return Cgroup.of(this.#child.pid ?? 0, this.#cgroup)
  }

  /** The live processes below the supervisor, or in the cgroup that it has left. */
  members(): ProcessInfo[] {
    const { pid } = this.supervisor
    if (this.state === 'empty') return []
    if (this.state === 'lost' || !this.isSupervised()) return this.#cgroupMembers()
    const below = childrenOf(pid) === undefined ? belowByTable(pid) : belowByChildren(pid)
    return below.filter((info) => !isDead(info)).sort((a, b) => a.pid - b.pid)
  }

  #cgroupMembers(): ProcessInfo[] {
    const cgroup = this.openCgroup()
    try {
      const pids = cgroup?.pids() ?? []
      return pids.flatMap((pid) => processInfo(pid, { throwIfNoEntry: false }) ?? [])
    } finally {
      cgroup?.close()
    }
  }

  isSupervised(): boolean {
    return startOf(this.supervisor.pid, 'spawn') === this.supervisor.startTicks
  }

  /** Whether the program's number is still the program's; undefined: /proc doesn't tell. */
  isProgram(): boolean | undefined {
    try {
      return startOf(this.program.pid, 'spawn') === this.program.startTicks
    } catch {
      return undefined
    }
  }
}

/** A process is there when its parent is, so what is read after its parent is not missed; some may come twice. */
function belowByChildren(root: number): ProcessInfo[] {
  const found = new Map<number, ProcessInfo>()
  const pids = [root]
  for (const parent of pids) {
    for (const pid of childrenOf(parent) ?? []) {
      const info = processInfo(pid, { throwIfNoEntry: false })
      if (info === undefined || found.has(pid)) continue
      found.set(pid, info)
      pids.push(pid)
    }
  }
  return [...found.values()]
}

/** For a kernel without lists of children (CONFIG_PROC_CHILDREN). */
function belowByTable(root: number): ProcessInfo[] {
  const all = listProcessesSync()
  const below = new Set([root])
  const found: ProcessInfo[] = []
  for (const parent of below) {
    for (const info of all) {
      if (info.ppid !== parent || below.has(info.pid)) continue
      below.add(info.pid)
      found.push(info)
    }
  }
  return found
}

const containments = new WeakMap<ChildProcess, Containment>()

/** Takes a contained child that has just been started. */
export function supervise(child: ChildProcess, supervised: Supervised): void {
  containments.set(child, new Containment(child, supervised))
}

const standIns = new Set<number>()

/** Remembers the pid of the process that stands for a contained child while its group is there, with the supervisor. */
export function noteStandIn(child: ChildProcess): void {
  const { pid } = child
  const containment = containments.get(child)
  if (pid === undefined || containment === undefined) return
  standIns.add(pid)
  containment.once('ended', () => standIns.delete(pid))
}

/** Why a number is not the group that its caller means: that of a contained child's program. */
export const whyNotItsGroup = (pgid: number): string | undefined =>
  standIns.has(pgid)
    ? 'is the pid of the process that stands for a contained child; the group of its program is containedPid(child)'
    : undefined

/** undefined for a child that is not contained. */
export const containmentOf = (child: ChildProcess): Containment | undefined =>
  containments.get(child)

/** The pid of a child's program, which is not `child.pid` where the child is contained. */
export const programOf = (child: ChildProcess): number | undefined =>
  containments.get(child)?.program.pid ?? child.pid
