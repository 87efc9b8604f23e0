import type { ChildProcess } from 'node:child_process'
import { closeSync, fstatSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Duplex } from 'node:stream'
import { ENOENT } from '../base/errno.ts'
import { checkArgs } from '../base/check.ts'
import { aborted, invalidArgType, systemError } from '../base/errors.ts'
import { checkHost } from '../base/host.ts'
import { launcherPath } from '../base/addon.ts'
import { identify } from '../inspect/process.ts'
import { decode, encodeOption, type Message, reportWords } from '../launcher/protocol.ts'
import { startedWith } from '../launcher/started.ts'
import { holdSession, type SessionHold, stopProcess } from '../stop/stop.ts'
import type { Credentials } from './credentials.ts'
import { openLog } from './logs.ts'
import { PidFile } from './pidfile.ts'
import { type Failure, type Log, startFailed } from './start-failed.ts'
import { checkStart, FIRST_FREE, LOCK_FD } from './start-options.ts'
import type { ProcessIdentity } from '../inspect/types.ts'
import type { RunningDaemon, StartDaemonOptions } from './types.ts'

/** Where a stream goes, as spawn() takes it, and its log. */
interface Output {
  stdio: number | 'ignore' | 'inherit'
  log: Log | undefined
}

function openOutput(target: string, owner: Credentials | undefined): Output {
  if (target === 'null' || target === '/dev/null') return { stdio: 'ignore', log: undefined }
  if (target === 'inherit') return { stdio: 'inherit', log: undefined }
  const fd = openLog(target, 'read-write', owner)
  return { stdio: fd, log: { fd, size: fstatSync(fd).size } }
}

/**
 * Starts any program as a daemon, in a session of its own without a terminal, and
 * resolves when it is ready.
 *
 * The daemon is no child of ours: its parent is the reaper of orphans (pid 1, or a subreaper). It
 * doesn't hold the event loop, and doesn't end with us. It gets no descriptors but the standard
 * streams, and with `pidFile` one that holds the lock.
 *
 * A start that fails leaves nothing behind: `startDaemon()` ends the program and all processes that it started, also
 * those that left its session for the background, and waits until they are gone. The error's `survivors` names the
 * processes that could not be ended, as they run as another user. If the daemon is one of them, its pidfile stays.
 *
 * @param file program, searched in PATH
 * @param args its arguments
 * @throws `ERR_DAEMON_FAILED` it was not ready. `reason` is `'exit'` (`exitCode`; 0 too), `'signal'` (`signal`),
 * `'timeout'`, `'cancelled'` or `'no-launcher'`; `stderr` its last lines, where `options.stderr` is a log; `survivors`
 * the pids of what could not be ended
 * @throws `ENOENT`, `EACCES`, … `file` can't be run; as spawn() reports it
 * @throws `ENOENT` /proc is not mounted, or shows another pid namespace (`reason: 'no-proc'`)
 * @throws `EAGAIN` the pidfile belongs to a running daemon (`reason: 'already-running'`, `pids`), or it can't be told
 * whether it does (`'other-program'`, `'held-by-another'`, `'other-namespace'`, `'hidden'`, `'lock-hidden'`)
 * @throws `EINVAL`, `EISDIR`, `ELOOP` `options.pidFile` is no pidfile, a folder, a symbolic link (`reason:
 * 'not-a-pidfile'`)
 * @throws `EPERM` the pidfile's author may not signal the process that it names (`reason: 'untrusted-pidfile'`,
 * `pids`)
 * @throws `EPERM`, `EACCES` the pidfile, its lock or a log is another user's (`reason: 'untrusted-file'`); root: it
 * stands in a folder of another user (`'untrusted-folder'`)
 * @throws `ELOOP` root: the path goes through a symbolic link of another user (`reason: 'untrusted-link'`), or a log is
 * a link, and would be given to `user` (`'linked-log'`)
 * @throws `ENOSPC`, and any other errno of open() and write(), for the pidfile and the logs
 * @throws `EMFILE`, `ENFILE`, `EAGAIN`, `ENOMEM` no descriptor, no process is left; for the daemon itself `reason:
 * 'not-set-up'`
 * @throws `EPERM`, `EINVAL` we may not become that user or group (`reason: 'not-set-up'`), or could return from it
 * (`'privileges-kept'`)
 * @throws `ERR_UNKNOWN_CREDENTIAL` there is no such user or group
 * @throws `ERR_RUNTIME_UNSUPPORTED` the runtime is Deno
 * @throws `AbortError` `options.signal` was aborted
 * @platform Linux
 * @see daemon(7), sd_notify(3)
 */
export async function startDaemon(
  file: string,
  args: readonly string[] = [],
  options: StartDaemonOptions = {},
): Promise<RunningDaemon> {
  if (typeof file !== 'string') throw invalidArgType('file', 'of type string', file)
  const words = checkArgs(args, 'args')
  const { cwd, env, stdout, stderr, pidFile, credentials, signal, flags } = checkStart(options)
  checkHost('startDaemon()')

  const outputs: Output[] = []
  let held: PidFile | undefined
  let startup: Startup | undefined
  try {
    for (const target of [stdout, stderr]) outputs.push(openOutput(target, credentials))
    if (pidFile !== undefined) held = PidFile.take(resolve(pidFile))
    const stdio: (number | 'ignore' | 'inherit' | 'pipe')[] = [
      'ignore',
      ...outputs.map((output) => output.stdio),
      'pipe',
    ]
    if (held !== undefined) {
      while (stdio.length < LOCK_FD) stdio.push('ignore')
      stdio.push(held.fd)
      flags.push(encodeOption('keep', LOCK_FD))
    }
    const { spawn } = process.getBuiltinModule('node:child_process')
    const own = (options as { [startedWith]?: string })[startedWith]
    const as = own === undefined ? [] : ['as', own]
    const line = [...as, 'launch', ...flags, '--', file, ...words]
    const child = spawn(launcherPath(), line, {
      stdio,
      ...(cwd !== undefined && { cwd }),
      ...(env !== undefined && { env }),
    })
    startup = new Startup(child, held)
    const identity = await startup.end(signal, { file, args: words, log: outputs[1]?.log })
    held?.handOver()
    return { pid: identity.pid, sid: identity.pid, identity, pidFile: held?.path ?? null }
  } catch (error) {
    // A daemon that could not be ended keeps its pidfile, so that it can be found.
    if (startup?.isLeft() === true) held?.handOver()
    else held?.release()
    throw error
  } finally {
    for (const { log } of outputs) if (log !== undefined) closeSync(log.fd)
  }
}

/** Follows the launcher's report. The verdict counts when the launcher has ended. */
class Startup {
  readonly #child: ChildProcess
  readonly #held: PidFile | undefined
  readonly #report: Duplex | null | undefined
  #identity: ProcessIdentity | undefined
  #session: SessionHold | undefined
  #verdict: Message<typeof reportWords> | undefined
  readonly #survivors: number[] = []
  #trouble: Error | undefined

  constructor(child: ChildProcess, held: PidFile | undefined) {
    this.#child = child
    this.#held = held
    // Node makes no streams where no descriptor is free, and tells by an event.
    const stdio = child.stdio as ChildProcess['stdio'] | undefined
    this.#report = stdio?.[FIRST_FREE] as Duplex | null | undefined
    // The launcher may be gone when Node answers it.
    this.#report?.on('error', () => undefined)
    let text = ''
    this.#report?.setEncoding('utf8')
    this.#report?.on('data', (data: string) => {
      const lines = (text + data).split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) this.#hear(line)
    })
  }

  /** Whether the daemon is one of the processes that could not be ended. */
  isLeft(): boolean {
    return this.#identity !== undefined && this.#survivors.includes(this.#identity.pid)
  }

  #hear(line: string): void {
    const message = decode(reportWords, line)
    if (message === undefined) return
    const [pid = 0, startTicks = 0] = message.values
    if (message.word === 'left') this.#survivors.push(pid)
    else if (message.word === 'started') this.#started(pid, startTicks)
    else this.#verdict = message
  }

  /**
   * Takes the start time from the launcher, the parent of the daemon. A look from here, by the pid, could find a
   * stranger: a daemon that is ready and dies leaves its pid free.
   */
  #started(pid: number, startTicks: number): void {
    try {
      if (startTicks === 0) {
        const text = '/proc is not mounted, or shows another pid namespace'
        throw systemError(ENOENT, 'startDaemon', { reason: 'no-proc', text })
      }
      this.#identity = { pid, startTicks, bootId: identify().bootId }
      this.#session = holdSession(this.#identity)
      this.#held?.write(this.#identity)
      // The program begins when Node answers: by now the pidfile names it.
      this.#report?.write('\n')
    } catch (error) {
      // There is no /proc, or the disk is full.
      this.#trouble = error as Error
      this.#cancel()
    }
  }

  readonly #cancel = (): void => void this.#child.kill('SIGTERM')

  /** Waits for the launcher's end, and gives the daemon if it is ready. */
  async end(
    abort: AbortSignal | undefined,
    start: Pick<Failure, 'file' | 'args' | 'log'>,
  ): Promise<ProcessIdentity> {
    abort?.addEventListener('abort', this.#cancel)
    try {
      await new Promise<void>((done, failed) =>
        this.#child.once('error', failed).once('close', () => done()),
      )
    } finally {
      abort?.removeEventListener('abort', this.#cancel)
    }
    const verdict = this.#verdict
    const identity = this.#identity
    const trouble = this.#trouble
    const ready = verdict?.word === 'ready'
    try {
      if (ready && identity !== undefined && trouble === undefined) return identity
      // The launcher and its guard were both killed, or the daemon was ready before the launcher could stop it.
      if ((ready || verdict === undefined) && identity !== undefined) {
        await endRest(identity, this.#session)
      }
    } finally {
      this.#session?.release()
    }
    if (abort?.aborted === true) throw aborted(abort)
    if (trouble !== undefined && verdict?.word !== 'exit' && verdict?.word !== 'signal')
      throw trouble
    throw startFailed({ ...start, verdict, survivors: this.#survivors })
  }
}

/** Ends the daemon that the launcher has left, and the rest of its session. */
async function endRest(identity: ProcessIdentity, session: SessionHold | undefined): Promise<void> {
  await (session?.stopLeader({ grace: 0 }) ?? stopProcess(identity, { grace: 0 }))
  await session?.stop({ grace: 0 })
}
