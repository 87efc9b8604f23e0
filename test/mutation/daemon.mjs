// Becoming, starting and ending a daemon, its pidfile, and who is believed.
import { faultsIn } from './fault.mjs'

const truth =
  'daemon/daemonize: a start tells the truth (launcher|restart: a daemon that (throws|is)|kill|Ctrl-Z|folder|strategy|a pidfile)'
const both = [truth, 'daemon/streams: the default of daemonize|a reader that takes nothing']

export const daemon = [
  ...faultsIn('lib/daemon/daemonize.ts', both, [
    [
      'a second call is taken',
      "if (state.daemonize === 'called') {",
      'if (false) {',
      ['daemon/daemonize: a start tells the truth|a daemon from elsewhere script'],
    ],
    ['after a failure there is no second try', "state.daemonize = 'free'", ''],
    [
      'strategy restart below a launcher is not a restart',
      '(launcher === undefined || restart)) return',
      'launcher === undefined) return',
    ],
    ['strategy launcher without one restarts', "if (strategy === 'launcher') {", 'if (false) {'],
    [
      'a failed try keeps the line to the launcher',
      'if (launcher !== undefined) closeSync(launcher.fd)',
      '',
    ],
    [
      'the pidfile is taken last',
      '      () => this.#takePidFile(),\n      () => this.#writeAll(),\n      () => this.#leave(),\n',
      '      () => this.#writeAll(),\n      () => this.#leave(),\n      () => this.#takePidFile(),\n',
      ['daemon/pidfile'],
    ],
    [
      'the launcher is not told of the pidfile',
      "this.#tell(encodeMessage('pidfile', pidFile))",
      '',
    ],
    [
      'the launcher is told another time limit',
      'waitForReady ? readyTimeout : 0',
      'waitForReady ? readyTimeout * 3 : 0',
    ],
    ['waitForReady does not wait', 'if (this.#settings.waitForReady) return daemon', ''],
    ['the end of the launcher ends the daemon', '    setParentDeathSignal(0)\n', ''],
    [
      'the command returns 0 and not exitCode',
      "encodeMessage('ready', this.#settings.exitCode)",
      "encodeMessage('ready', 0)",
      ['daemon/daemonize: a shell script, '],
    ],
    ['ready() does not wait until it is heard', 'this.#waitUntilHeard(this.#launcher.fd)', ''],
    ['the streams stay those of the command', 'this.#streams?.apply()', ''],
    ['a reader that takes nothing holds up for ever', 'await this.#streams?.written()\n', ''],
    ['what is written at ready is lost', 'return this.#streams?.writeAtOnce()', 'return undefined'],
    [
      'as another user the program outlives its launcher',
      '    setParentDeathSignal(SIGKILL)\n    if (process.ppid',
      '    if (process.ppid',
    ],
    [
      'children see SETSID_LAUNCHER',
      "delete process.env['SETSID_LAUNCHER']",
      '',
      ['daemon/restart', 'launcher/faults'],
    ],
    [
      'a pidfile is left at the exit',
      "process.once('exit', () => this.#pidFile?.release())",
      '',
      ['daemon/start'],
    ],
    [
      'a log has another umask',
      'this.#streams = withUmask(umask, ',
      'this.#streams = withUmask(undefined, ',
    ],
    [
      'a restart leaves the terminal raw',
      'if (isatty(0) && process.stdin.isRaw) process.stdin.setRawMode(false)',
      'void isatty(0)',
    ],
    [
      'queued output is lost by a restart',
      'await written(1)\n  await written(2)\n',
      'void written\n',
    ],
    ['daemonize() resolves before the command has ended', 'await this.#promptIsBack()\n', ''],
  ]),
  ...faultsIn(
    'lib/daemon/steps.ts',
    ['daemon/pidfile'],
    [
      [
        'a failed start undoes nothing',
        'undo.forEach(orWarn)',
        '',
        ['daemon/daemonize: folder, umask and logs'],
      ],
      ['a failed start is none', 'throw error', ''],
    ],
  ),
  ...faultsIn(
    'lib/daemon/fail.ts',
    ['daemon/daemonize'],
    [
      ['fail() exits with 0', 'process.exit(1)', 'process.exit(0)'],
      [
        'the causes of an error are not printed',
        'inspect(error, { depth: DEPTH })',
        'String(error)',
      ],
    ],
  ),
  ...faultsIn(
    'lib/daemon/pidfile.ts',
    ['daemon/lock', 'daemon/pidfile', 'daemon/trust'],
    [
      [
        'two starts at once both win',
        '  try {\n    refuseDaemon(place)\n',
        '  try {\n',
        ['daemon/lock'],
      ],
      ['the lock is not held', '? native.lockByte(fd, LIFE, 0) : EAGAIN', '? 0 : EAGAIN'],
      [
        'another daemon’s file is removed',
        ' && readPidFile(place)?.text === this.#text',
        '',
        ['daemon/lock'],
      ],
      ['the lock is left', '        removeLock(place, this.fd)\n      })', '      })'],
      [
        'others can’t read the pidfile',
        'O_WRONLY | O_CREAT | O_EXCL, 0o644',
        'O_WRONLY | O_CREAT | O_EXCL, 0o600',
      ],
      [
        'others may open the lock',
        'if ((stats.mode & 0o777) !== 0o600) fchmodSync(fd, 0o600)',
        '',
        ['daemon/lock'],
      ],
      [
        'the lock of another user is taken',
        'if (!isOwn(stats)) throw untrustedFile(lock.path, stats.uid)',
        '',
        ['daemon/lock'],
      ],
      [
        'root creates a lock in another user’s folder',
        '      refuseStrangers(place)\n      for (;;) {',
        '      for (;;) {',
      ],
      [
        'a daemon that has no file yet is none',
        "status.state === 'running' || isStarting",
        "status.state === 'running'",
      ],
      ['another user’s file is replaced', 'found !== undefined && !isOwn(found.stats)', 'false'],
      ['a half pidfile is left', 'native.renameAt(place.folder, fresh.name, place.name)', '0'],
    ],
  ),
  ...faultsIn(
    'lib/daemon/status.ts',
    ['daemon/lock', 'daemon/pidfile', 'daemon/trust'],
    [
      [
        'a recycled pid is the daemon',
        'if (identity !== null && !isSameProcess(identity)) return',
        'if (pid < 0) return',
      ],
      ['a pid of another namespace is the daemon', 'namespace === own', 'true'],
      [
        'another program’s file is stale',
        "if (identity === null) return unknown('other-program', named)",
        "if (identity === null) return plain('stale', held)",
      ],
      [
        'any author is believed',
        'const believed = reaches(author, pid)',
        'const believed = reaches("trusted", pid)',
      ],
      [
        'a zombie is the daemon',
        "info === undefined || isDead(info) ? 'gone'",
        "info === undefined ? 'gone'",
        ['daemon/lock'],
      ],
      ['what is hidden is gone', "=== ESRCH ? 'gone' : 'hidden'", "=== ESRCH ? 'gone' : 'gone'"],
      [
        'a lock that is held is none',
        "if (held.held === false) return plain('stale', held)\n  return unknown",
        "return plain('stale', held)\n  return unknown",
      ],
    ],
  ),
  ...faultsIn(
    'lib/daemon/trust.ts',
    ['daemon/trust'],
    [
      ['every user is trusted', 'uid === 0 || uid === euid() ||', 'uid >= 0 ||'],
      [
        'another user’s link is followed',
        '): void {\n    if (!isTrusted(uid)) throw untrustedLink(at, uid)\n',
        '): void {\n',
      ],
      [
        'another user’s folder is not noticed',
        'if (isRoot() && !isTrusted(uid) && !this.#strangers.has(uid))',
        'if (false)',
      ],
      [
        'a file that all may write to is its owner’s',
        ' || (mode & OTHERS_WRITE) !== 0) return',
        ') return',
      ],
      [
        'a file of two users is the first one’s',
        'if (users.size > 1 || ',
        'if (',
        ['daemon/trust: a file that all may'],
      ],
      [
        'an author reaches any process',
        'return real === author || saved === author',
        'return true',
      ],
      [
        'any user’s folder will do for a log',
        'if (uid === mayBe) continue',
        'if (mayBe !== undefined) continue',
      ],
    ],
  ),
  ...faultsIn(
    'lib/daemon/credentials.ts',
    ['daemon/start', 'daemon/trust'],
    [
      ['the groups are kept', 'process.setgroups?.(groups)\n', 'void 0\n'],
      [
        'a thread that has not changed is not noticed',
        'threads().some((status) => !fits(status, wanted))',
        'false',
      ],
    ],
  ),
  ...faultsIn(
    'lib/daemon/stop.ts',
    ['daemon/trust', 'daemon/pidfile'],
    [
      [
        'the file of a daemon that was stopped is left',
        "    if (result.outcome !== 'survivors') await removeStale(path)\n    return result",
        '    return result',
      ],
      [
        'another user’s daemon takes root’s processes with it',
        'reaches(author, member) === true',
        'reaches(author, member) !== null',
      ],
      ['a file of anybody names what is left of a daemon', " || found?.author !== 'trusted'", ''],
      [
        'holders outside of the session are stopped',
        'sids.every((sid) => sid === identity.pid)',
        'true',
      ],
      [
        'the rest of the session is left',
        "if (author === 'trusted') return together([first, await hold.stop(rest)])",
        "if (author === 'trusted') return first",
      ],
      [
        'a daemon that ends meanwhile is an error',
        'if (result === undefined) return stopAt(path, plan)',
        "if (result === undefined) throw new Error('gone')",
      ],
      [
        'a stale file is left',
        "if (state === 'stale') {\n    await removeStale(path)",
        "if (state === 'stale') {",
      ],
    ],
  ),
  ...faultsIn(
    'lib/daemon/start.ts',
    ['daemon/start', 'daemon/start-faults'],
    [
      [
        'the program begins before its pidfile is there',
        '      this.#held?.write(this.#identity)\n',
        '',
      ],
      ['an abort is a failure', '    if (abort?.aborted === true) throw aborted(abort)\n', ''],
      ['a start that is aborted goes on', "abort?.addEventListener('abort', this.#cancel)", ''],
      [
        'a daemon that could not be ended loses its pidfile',
        'if (startup?.isLeft() === true) held?.handOver()\n    else held',
        'held',
      ],
      [
        'a verdict of nobody is ready',
        'if (ready && identity !== undefined && trouble',
        'if (identity !== undefined && trouble',
      ],
      [
        'a killed launcher leaves the daemon',
        '(ready || verdict === undefined) && identity !== undefined',
        'false',
        ['daemon/start-faults: guard and launcher: '],
      ],
    ],
  ),
]
