import { closeSync, readSync, writeSync } from 'node:fs'
import { resolve } from 'node:path'
import { inspect } from 'node:util'
import { detach, detachSync, type DetachOptions } from './detach.ts'
import { daemonFailed, invalidArgValue, outOfRange, systemError } from '../base/errors.ts'
import { identify } from '../inspect/process.ts'
import { native } from '../base/native.ts'
import { checkPidFile, PidFile } from './pidfile.ts'
import { become, type Credentials, lookUp, openLog } from './credentials.ts'
import { becomeLauncher, mustStay, ownCommand, ownDescriptors } from '../launcher/reexec.ts'
import { findLauncher, type Launcher } from '../launcher/link.ts'
import { encode } from '../launcher/protocol.ts'
import { openedLogs } from './stdio.ts'
import { checkBoolean, checkInt32, checkMainThread, checkObject } from '../base/check.ts'

export interface DaemonizeOptions extends DetachOptions {
  /** A file to lock for life and to write the pid to. Removed on exit. Default: none. */
  pidFile?: string | undefined
  /** Become this user, by name or ID. Default: stay who we are. */
  user?: string | number | undefined
  /** Become a member of this group, by name or ID. Default: the group of `user`. */
  group?: string | number | undefined
  /** Ready is when `ready()` is called, not when `daemonize()` resolves. Default: false. */
  waitForReady?: boolean | undefined
  /** Milliseconds in which `ready()` must come after `daemonize()`, 1 or more. Default: 30000. */
  readyTimeout?: number | undefined
  /** Default: `'auto'`: `launcher` where there is one, else `restart`. */
  strategy?: 'auto' | 'launcher' | 'restart' | undefined
  /** What the command returns when the daemon is ready, 0 to 255. Default: 0. */
  exitCode?: number | undefined
}

export interface Daemon {
  pid: number
  sid: number
  /** How it got there. `none`: systemd or a container's runtime waits for this very process, and it stays. */
  strategy: 'launcher' | 'restart' | 'none'
  /** Says that the daemon is ready: the command returns. Once is enough. */
  ready(): void
  /** Prints the error, on the command's stderr as long as it waits, and exits with code 1. */
  fail(error: unknown): never
}

interface Settings {
  detach: DetachOptions
  pidFile: string | undefined
  credentials: Credentials | undefined
  waitForReady: boolean
  readyTimeout: number
  strategy: 'auto' | 'launcher' | 'restart'
  exitCode: number
}

const SIGKILL = 9

function check(options: DaemonizeOptions): Settings {
  checkObject(options, 'options')
  const {
    pidFile,
    user,
    group,
    waitForReady = false,
    readyTimeout = 30_000,
    strategy = 'auto',
    exitCode = 0,
    ...detach
  } = options
  if (pidFile !== undefined) checkPidFile(pidFile, 'options.pidFile')
  checkBoolean(waitForReady, 'options.waitForReady')
  checkInt32(readyTimeout, 'options.readyTimeout')
  if (readyTimeout < 1) throw outOfRange('options.readyTimeout', '>= 1', readyTimeout)
  checkInt32(exitCode, 'options.exitCode')
  if (exitCode < 0 || exitCode > 255) {
    throw outOfRange('options.exitCode', '>= 0 && <= 255', exitCode)
  }
  const strategies: unknown[] = ['auto', 'launcher', 'restart']
  if (!strategies.includes(strategy)) {
    const choice = "must be one of: 'auto', 'launcher', 'restart'"
    throw invalidArgValue('options.strategy', strategy, choice)
  }
  return {
    detach: absolute(detach),
    pidFile: pidFile === undefined ? undefined : resolve(pidFile),
    credentials: lookUp(user, group),
    waitForReady,
    readyTimeout,
    strategy,
    exitCode,
  }
}

const isLog = (target: string | undefined): target is string =>
  target !== undefined && !['', 'auto', 'keep', 'null', '/dev/null'].includes(target)

/** Paths mean what they mean now, not after `cwd`. */
function absolute(options: DetachOptions): DetachOptions {
  const { stdout, stderr } = options
  return {
    ...options,
    ...(isLog(stdout) && { stdout: resolve(stdout) }),
    ...(isLog(stderr) && { stderr: resolve(stderr) }),
  }
}

/**
 * Makes the running program a daemon, and gives the prompt back to whoever started
 * it: with exit code 0 when the daemon is ready, and not before.
 *
 * **Without a launcher the code before this call runs twice**: the program is
 * started again, with the same arguments, environment and working folder and
 * nothing else, and this call returns in the second run. Under a launcher, by
 * `sess launch -- node app.js` or by `import 'setsid/launch'` as the first line,
 * nothing runs twice and all state is kept: pid, memory, timers, open sockets.
 *
 * If it throws, exits or is killed before it is ready, the command prints how and
 * exits non-zero. If it is not ready in time, it is stopped, seen gone, and the command
 * fails. Ctrl-C at a command that waits does the same. With `waitForReady`, stdout and stderr that
 * go to the terminal, and stderr in any case, stay with the command until `ready()`:
 * what goes wrong is seen where it was started.
 *
 * Under systemd with NOTIFY_SOCKET, and as pid 1 of a container, the process stays
 * where it is (`strategy: 'none'`); ready also sends `READY=1`.
 *
 * @returns when the session is left and, without `waitForReady`, the command has returned
 * @throws `EAGAIN` the pidfile belongs to a running daemon (`reason: 'already-running'`, `pids`); nothing has changed
 * @throws `EINVAL` `options.pidFile` is no pidfile (`reason: 'not-a-pidfile'`); nothing has changed
 * @throws `ENOSPC`, and any other errno of open() and write(), for the pidfile and the logs
 * @throws `ELOOP` a log is a symbolic link, and root would give it to `user` (`reason: 'linked-log'`)
 * @throws `EPERM` we may not become that user or group, or could return from it (`reason: 'privileges-kept'`)
 * @throws `ERR_UNKNOWN_CREDENTIAL` there is no such user or group
 * @throws `ERR_DAEMON_FAILED` there is no launcher (`reason: 'no-launcher'`) and it was asked for, or no
 * file to start again from (`reason: 'no-script'`), or it is called for the second time (`reason: 'called-twice'`)
 * @throws as `detach()`
 * @throws `ERR_WORKER_UNSUPPORTED_OPERATION` called in a worker thread
 * @platform Linux
 * @see daemon(7), sd_notify(3), prctl(2)
 */
export async function daemonize(options: DaemonizeOptions = {}): Promise<Daemon> {
  checkMainThread('daemonize')
  const settings = check(options)
  if (called) {
    const message = 'daemonize() has been called already in this process'
    throw daemonFailed(message, { reason: 'called-twice' })
  }
  const launcher = findLauncher()
  const restart = settings.strategy === 'restart' && launcher?.restarted !== true
  // A launcher that is pid 1 can't go without ending the container.
  const stay = settings.strategy === 'auto' && (launcher ? launcher.pid === 1 : mustStay())
  if (!stay && (launcher === undefined || restart)) startAgain(settings)
  called = true
  try {
    return await new Start(settings, stay ? undefined : launcher).run()
  } catch (error) {
    called = false
    // The next call makes one of its own.
    if (launcher !== undefined) closeSync(launcher.fd)
    throw error
  }
}

/** Without it a second call, in a daemon that has no launcher any more, would start the program again, for ever. */
let called = false

function startAgain({ strategy, readyTimeout }: Settings): never {
  if (strategy === 'launcher') {
    const message =
      "There is no launcher: start it by 'sess launch', or import 'setsid/launch' first"
    throw daemonFailed(message, { reason: 'no-launcher' })
  }
  const command = ownCommand()
  if (command === undefined) {
    const message = 'A program that came by stdin or --eval can not be started again'
    throw daemonFailed(message, { reason: 'no-script' })
  }
  if (process.stdin.isTTY && process.stdin.isRaw) process.stdin.setRawMode(false)
  becomeLauncher(command, ownDescriptors(), ['--mark=restart', `--timeout=${readyTimeout}`])
}

class Start {
  readonly #settings: Settings
  readonly #launcher: Launcher | undefined
  #pidFile: PidFile | undefined
  #isReady = false

  constructor(settings: Settings, launcher: Launcher | undefined) {
    this.#settings = settings
    this.#launcher = launcher
  }

  async run(): Promise<Daemon> {
    const { pidFile, credentials, waitForReady, readyTimeout } = this.#settings
    try {
      this.#openLogs()
      if (pidFile !== undefined) {
        // Removed by the launcher if we are killed before we are ready. It may be there and empty any moment now.
        this.#tell(encode('pidfile', pidFile))
        this.#pidFile = PidFile.take(pidFile)
        this.#pidFile.write(identify())
      }
      if (this.#launcher !== undefined) {
        await detach(this.#beforeReady())
        this.#tell(encode('detached', waitForReady ? readyTimeout : 0))
      }
      if (credentials !== undefined) this.#become(credentials)
    } catch (error) {
      this.#pidFile?.release()
      closeLogs()
      throw error
    }
    process.once('exit', () => this.#pidFile?.release())
    const { pid } = process
    const daemon: Daemon = {
      pid,
      sid: native.getsid(0),
      strategy: this.#strategy(),
      ready: () => this.#ready(),
      fail: (error) => fail(error),
    }
    if (waitForReady) return daemon
    this.#ready()
    await this.#promptIsBack()
    return daemon
  }

  #strategy(): Daemon['strategy'] {
    if (this.#launcher === undefined) return 'none'
    return this.#launcher.restarted ? 'restart' : 'launcher'
  }

  /** The logs are opened now, while we may. */
  #openLogs(): void {
    const { credentials, detach } = this.#settings
    const before = detach.umask === undefined ? undefined : process.umask(detach.umask)
    try {
      for (const path of [detach.stdout, detach.stderr]) {
        if (!isLog(path) || openedLogs.has(path)) continue
        openedLogs.set(path, openLog(path, 'write', credentials))
      }
    } finally {
      if (before !== undefined) process.umask(before)
    }
  }

  /** What is said until ready belongs to whoever waits. */
  #beforeReady(): DetachOptions {
    const { detach, waitForReady } = this.#settings
    if (!waitForReady) return detach
    const stdout = detach.stdout === 'null' || isLog(detach.stdout) ? detach.stdout : 'keep'
    return { ...detach, stdout, stderr: 'keep' }
  }

  #become(credentials: Credentials): void {
    become(credentials)
    if (this.#launcher === undefined) return
    // The kernel clears it when a process changes its user (prctl(2)).
    native.parentDeathSignal(SIGKILL)
    if (process.ppid !== this.#launcher.pid) process.kill(process.pid, SIGKILL)
  }

  #tell(message: string): void {
    const { fd } = this.#launcher ?? {}
    if (fd === undefined) return
    try {
      writeSync(fd, message)
    } catch (error) {
      // A launcher that was killed ends us by itself.
      const { code = '' } = error as NodeJS.ErrnoException
      if (code !== 'EPIPE' && code !== 'ECONNRESET') throw error
    }
  }

  #ready(): void {
    if (this.#isReady) return
    this.#isReady = true
    const { detach, exitCode, waitForReady } = this.#settings
    if (this.#launcher !== undefined && waitForReady) {
      const { stdout, stderr, ignoreHangup } = detach
      detachSync({ stdin: 'keep', stdout, stderr, ignoreHangup })
    }
    closeLogs()
    tellSystemd(this.#launcher === undefined ? 'READY=1' : `READY=1\nMAINPID=${process.pid}`)
    if (this.#launcher === undefined) return
    native.parentDeathSignal(0)
    this.#tell(encode('ready', exitCode))
    this.#waitUntilHeard(this.#launcher.fd)
    closeSync(this.#launcher.fd)
    delete process.env['SETSID_LAUNCHER']
  }

  /**
   * The launcher answers by leaving, and after a second the socket answers in its place (for a
   * launcher that is stopped). What we do next, a crash too, comes after ready for everyone.
   */
  #waitUntilHeard(fd: number): void {
    const deadline = performance.now() + 1000
    for (let interrupted = true; interrupted && performance.now() < deadline;) {
      try {
        readSync(fd, Buffer.alloc(1))
        interrupted = false
      } catch (error) {
        // A read with a time limit is not taken up again after a signal (signal(7)). Else it is EAGAIN
        // after that second, or ECONNRESET where the launcher left something unread.
        interrupted = (error as NodeJS.ErrnoException).code === 'EINTR'
      }
    }
  }

  /** The launcher is gone when we have another parent. */
  async #promptIsBack(): Promise<void> {
    const deadline = performance.now() + 1000
    while (this.#launcher?.pid === process.ppid && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
}

function closeLogs(): void {
  for (const fd of openedLogs.values()) closeSync(fd)
  openedLogs.clear()
}

function tellSystemd(text: string): void {
  const address = process.env['NOTIFY_SOCKET']
  if (address === undefined || address === '') return
  const result = native.notify(address, text)
  if (result < 0) throw systemError(result, 'sendto')
}

function fail(error: unknown): never {
  const text = error instanceof Error ? (error.stack ?? error.message) : inspect(error)
  try {
    writeSync(2, `${text}\n`)
  } catch {
    // Nobody is there to read it; the exit code still tells.
  }
  process.exit(1)
}
