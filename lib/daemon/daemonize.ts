import { closeSync, readSync, writeSync } from 'node:fs'
import { checkDaemonize, type Settings, word } from './daemonize-options.ts'
import { detachBy, withUmask } from './detach.ts'
import { fail } from './fail.ts'
import { leavePlan } from './leave.ts'
import { isatty } from '../base/descriptor.ts'
import { daemonFailed, systemError } from '../base/errors.ts'
import { checkHost } from '../base/host.ts'
import { identify } from '../inspect/process.ts'
import { native } from '../base/native.ts'
import { PidFile } from './pidfile.ts'
import { become } from './credentials.ts'
import { openLog } from './logs.ts'
import { findLauncher, type Launcher } from '../launcher/link.ts'
import { encodeMessage } from '../launcher/protocol.ts'
import { becomeLauncher, ownCommand, ownDescriptors } from '../launcher/reexec.ts'
import { letsReaderGo, Redirection } from './stdio.ts'
import { written } from './output.ts'
import { findManager, keepFromChildren, mustStay, type Notify } from './systemd.ts'
import { state } from './state.ts'
import { takeSteps, type Undo } from './steps.ts'
import { checkMainThread } from '../base/check.ts'
import type { Daemon, DaemonizeOptions } from './types.ts'

const SIGKILL = 9

/**
 * Makes the running program a daemon, and gives the prompt back to the shell or program that started
 * it: with exit code 0 when the daemon is ready, and not before.
 *
 * **Without a launcher the code before this call runs twice**: the program is
 * started again, with the same arguments, environment and working folder and
 * nothing else, and this call returns in the second run. Under a launcher, by
 * `sess launch -- node app.js` or by `import 'setsid/launch'` as the first line,
 * nothing runs twice and all state is kept: pid, memory, timers, open sockets.
 *
 * If the program throws, exits or is killed before it is ready, the command prints how and
 * exits non-zero. If the program is not ready in time, the launcher stops it and waits until
 * it is gone, and the command fails. Ctrl-C at a command that waits does the same.
 *
 * Until the program is ready its standard streams stay those of the command, so that the caller sees errors. Then
 * they go where the options say. By default (`'auto'`) a terminal, a pipe and a socket become /dev/null, so that
 * `$(…)`, `| cat`, `execFileSync()`, ssh and cron return, and a reader that goes away can't end the daemon; a file
 * stays. From the call until ready, a write to a pipe that will be replaced waits for its reader, so that nothing is
 * lost.
 *
 * From then on SIGHUP doesn't end the program, unless a listener of the program does that.
 *
 * As the main process of a systemd service with NOTIFY_SOCKET, and as pid 1 of a container, the process stays
 * where it is (`strategy: 'none'`), with its streams, session, working folder and umask; ready also sends `READY=1`.
 * NOTIFY_SOCKET is then taken out of `process.env`.
 *
 * @returns when the session is left and, without `waitForReady`, the command has returned
 * @throws `EAGAIN` the pidfile belongs to a running daemon (`reason: 'already-running'`, `pids`), or it can't be told
 * whether it does (`'other-program'`, `'held-by-another'`, `'other-namespace'`, `'hidden'`, `'lock-hidden'`); for these
 * and all that follow of the pidfile and the logs, nothing has changed
 * @throws `EINVAL`, `EISDIR`, `ELOOP` `options.pidFile` is no pidfile, a folder, a symbolic link (`reason:
 * 'not-a-pidfile'`)
 * @throws `EPERM` the pidfile's author may not signal the process that it names (`reason: 'untrusted-pidfile'`,
 * `pids`)
 * @throws `EPERM`, `EACCES` the pidfile, its lock or a log is another user's (`reason: 'untrusted-file'`); root: it
 * stands in a folder of another user (`'untrusted-folder'`)
 * @throws `ELOOP` root: the path goes through a symbolic link of another user (`reason: 'untrusted-link'`), or a log is
 * a link, and would be given to `user` (`'linked-log'`)
 * @throws `ENOSPC`, and any other errno of open() and write(), for the pidfile and the logs
 * @throws `EPERM` we may not become that user or group, or could return from it (`reason: 'privileges-kept'`), or it
 * can't be proven for want of /proc (`'privileges-unproven'`)
 * @throws `ERR_UNKNOWN_CREDENTIAL` there is no such user or group
 * @throws `ETIMEDOUT` the reader of our output takes nothing for 5 s (`reason: 'output-stalled'`); nothing has changed
 * @throws `ENOENT` restart: the folder that the program was started in is not there (`reason: 'first-folder-gone'`)
 * @throws `ERR_DAEMON_FAILED` there is no launcher (`reason: 'no-launcher'`) and it was asked for, or no
 * file to start again from (`reason: 'no-script'`), or it is called for the second time (`reason: 'called-twice'`), or
 * a launcher waits that does not answer, or is another release's (`reason: 'no-answer'`)
 * @throws as `detach()`
 * @throws `ERR_RUNTIME_UNSUPPORTED` the runtime is Deno; it is Bun, and a stream to be replaced is a terminal
 * @throws `ERR_WORKER_UNSUPPORTED_OPERATION` called in a worker thread
 * @platform Linux
 * @see daemon(7), sd_notify(3), prctl(2)
 */
export async function daemonize(options: DaemonizeOptions = {}): Promise<Daemon> {
  checkMainThread('daemonize')
  checkHost('daemonize()')
  const settings = checkDaemonize(options)
  if (state.daemonize === 'called') {
    const message = 'daemonize() has been called already in this process'
    throw daemonFailed(message, { reason: 'called-twice' })
  }
  const launcher = findLauncher()
  const restart = settings.strategy === 'restart' && launcher?.restarted !== true
  // A launcher that is pid 1 can't go without ending the container.
  const stay = settings.strategy === 'auto' && (launcher ? launcher.pid === 1 : mustStay())
  state.daemonize = 'called'
  try {
    if (!stay && (launcher === undefined || restart)) return await startAgain(settings)
    return await new Daemonization(settings, stay ? undefined : launcher).run()
  } catch (error) {
    state.daemonize = 'free'
    // The next call opens a connection of its own.
    if (launcher !== undefined) closeSync(launcher.fd)
    throw error
  }
}

async function startAgain({ strategy, readyTimeout, name }: Settings): Promise<never> {
  if (strategy === 'launcher') {
    const message =
      "There is no launcher: start it by 'sess launch', or import 'setsid/launch' first"
    throw daemonFailed(message, { reason: 'no-launcher' })
  }
  const command = ownCommand()
  if (command === undefined) {
    const message = 'A program that came by stdin can not be started again'
    throw daemonFailed(message, { reason: 'no-script' })
  }
  await written(1)
  await written(2)
  if (isatty(0) && process.stdin.isRaw) process.stdin.setRawMode(false)
  becomeLauncher(command, ownDescriptors(), { mark: 'restart', timeout: readyTimeout, name })
}

class Daemonization {
  readonly #settings: Settings
  readonly #launcher: Launcher | undefined
  readonly #notify: Notify
  /** What the streams become when it is ready. */
  #streams: Redirection | undefined
  #pidFile: PidFile | undefined
  #isReady = false

  constructor(settings: Settings, launcher: Launcher | undefined) {
    this.#settings = settings
    this.#launcher = launcher
    this.#notify = findManager(this.#main())
  }

  /** The process that a service manager has started. */
  #main(): number {
    return this.#launcher?.pid ?? process.pid
  }

  async run(): Promise<Daemon> {
    await takeSteps([
      () => this.#openStreams(),
      () => this.#takePidFile(),
      () => this.#writeAll(),
      () => this.#leave(),
      () => this.#become(),
    ])
    process.once('exit', () => this.#pidFile?.release())
    keepFromChildren(this.#main())
    const { pid } = process
    const daemon: Daemon = {
      pid,
      sid: native.getsid(0),
      strategy: this.#strategy(),
      ready: () => this.#ready(),
      fail: (error) => fail(error),
      notify: (text) => this.#notify(word(text, 'text')),
    }
    if (this.#settings.waitForReady) return daemon
    this.#ready()
    await this.#promptIsBack()
    return daemon
  }

  #strategy(): Daemon['strategy'] {
    if (this.#launcher === undefined) return 'none'
    return this.#launcher.restarted ? 'restart' : 'launcher'
  }

  /** Opens the files now: later this process is another user, in another folder. */
  #openStreams(): Undo {
    if (this.#launcher === undefined) return undefined
    const { stdin = 'auto', stdout = 'auto', stderr = 'auto', umask, credentials } = this.#settings
    const open = (path: string) => openLog(path, 'write', credentials)
    const targets = [stdin, stdout, stderr]
    this.#streams = withUmask(umask, () => new Redirection(targets, letsReaderGo, open))
    return () => this.#streams?.close()
  }

  #takePidFile(): Undo {
    const { pidFile } = this.#settings
    if (pidFile === undefined) return undefined
    // The launcher removes the pidfile if this process is killed before it is ready. So it gets the path first.
    this.#tell(encodeMessage('pidfile', pidFile))
    this.#pidFile = PidFile.take(pidFile)
    try {
      this.#pidFile.write(identify())
    } catch (error) {
      this.#pidFile.release()
      throw error
    }
    return () => this.#pidFile?.release()
  }

  /** Writes all queued output: `ready()` must not wait, so nothing may be queued by then. */
  async #writeAll(): Promise<Undo> {
    await this.#streams?.written()
    return this.#streams?.writeAtOnce()
  }

  /** Leaves the session and keeps the streams: until ready, the output goes to the caller that waits. */
  async #leave(): Promise<Undo> {
    if (this.#launcher === undefined) return undefined
    const kept = new Redirection(['keep', 'keep', 'keep'], letsReaderGo)
    await detachBy(() => leavePlan(this.#settings, kept))
    const { waitForReady, readyTimeout } = this.#settings
    this.#tell(encodeMessage('detached', waitForReady ? readyTimeout : 0))
    return undefined
  }

  #become(): Undo {
    const { credentials } = this.#settings
    if (credentials === undefined) return undefined
    become(credentials)
    if (this.#launcher === undefined) return undefined
    // The kernel clears it when a process changes its user (prctl(2)).
    setParentDeathSignal(SIGKILL)
    if (process.ppid !== this.#launcher.pid) process.kill(process.pid, SIGKILL)
    return undefined
  }

  #tell(message: string): void {
    const { fd } = this.#launcher ?? {}
    if (fd === undefined) return
    try {
      writeSync(fd, message)
    } catch (error) {
      // If the launcher was killed, its death ends this process.
      const { code = '' } = error as NodeJS.ErrnoException
      if (code !== 'EPIPE' && code !== 'ECONNRESET') throw error
    }
  }

  #ready(): void {
    if (this.#isReady) return
    // These two may fail, so they come first: they change nothing in this process.
    this.#notify(this.#launcher === undefined ? 'READY=1' : `READY=1\nMAINPID=${process.pid}`)
    this.#streams?.checkWritten()
    this.#isReady = true
    this.#streams?.apply()
    this.#streams?.close()
    if (this.#launcher === undefined) return
    setParentDeathSignal(0)
    this.#tell(encodeMessage('ready', this.#settings.exitCode))
    this.#waitUntilHeard(this.#launcher.fd)
    closeSync(this.#launcher.fd)
    delete process.env['SETSID_LAUNCHER']
  }

  /**
   * Waits until the launcher has closed its end, or for a second, as the launcher may be stopped.
   * So whatever this process does next, even a crash, comes after ready.
   */
  #waitUntilHeard(fd: number): void {
    const deadline = performance.now() + 1000
    for (let interrupted = true; interrupted && performance.now() < deadline;) {
      try {
        readSync(fd, Buffer.alloc(1))
        interrupted = false
      } catch (error) {
        // The kernel doesn't restart a read with a time limit after a signal (signal(7)). Other errors are
        // EAGAIN, after that second, and ECONNRESET, if the launcher left something unread.
        interrupted = (error as NodeJS.ErrnoException).code === 'EINTR'
      }
    }
  }

  /** Waits until the launcher is gone: then this process has another parent. */
  async #promptIsBack(): Promise<void> {
    const deadline = performance.now() + 1000
    while (this.#launcher?.pid === process.ppid && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
}

function setParentDeathSignal(signal: number): void {
  const result = native.parentDeathSignal(signal)
  if (result < 0) throw systemError(result, 'prctl')
}
