// The launcher: signals, how it waits and ends, what it believes.
import { faultsIn } from './fault.mjs'

const truth =
  'daemon/daemonize: a start tells the truth (launcher|restart: a second|kill|a pidfile|Ctrl-Z)'
const faults =
  'launcher/faults: ^(signals|a program that is stopped|what is left|a pidfile of a daemon|the line)'
const begun = 'daemon/start: ^startDaemon (is ready|a missing|signal|its caller)'
const killed =
  'daemon/start-faults: ^(a daemon that|a start that fails|processes of a start|ready (READY|within|nothing))'
const signals = ['launcher/launch: bash: |the launcher keeps', faults, truth]
const starts = [begun, killed, truth]

export const launcher = [
  ...faultsIn('src/launcher/signal.c', signals, [
    [
      'it exits where the program was killed',
      '  SignalSelf(number);\n  UnblockOnce(number);',
      '  UnblockOnce(number);',
    ],
  ]),
  ...faultsIn('src/launcher/launch/wait.c', signals, [
    [
      'a signal to the group arrives twice',
      '[kOther] = {Pass, NULL}},\n    [kApart]',
      '[kOther] = {Pass, Pass}},\n    [kApart]',
    ],
    ['SIGTERM to its pid is not passed on', '{[kEnds] = {Pass, NULL},', '{[kEnds] = {NULL, NULL},'],
    ['Ctrl-C does not end a start', '{[kEnds] = {Cancel, Cancel}', '{[kEnds] = {Cancel, NULL}'],
    [
      'a daemon is stopped with its command',
      '[kStops] = {StopAlone, StopAlone}',
      '[kStops] = {Pass, Pass}',
    ],
    [
      'Ctrl-Z does not stop the command',
      '[kStops] = {StopAlone, StopAlone}',
      '[kStops] = {NULL, NULL}',
    ],
    ['SIGCHLD is not passed on', 'Pass(SIGCHLD);', ';'],
    ['a second run that ends has been ready', 'if (self.expected) EndedBeforeReady(info);', ''],
    [
      'the stop of the program is not mirrored',
      '{MirrorStop, EndWithChild}',
      '{NULL, EndWithChild}',
    ],
    ['the exit code is lost', '_exit(info->si_status);', '_exit(0);'],
    [
      'it exits where the program was killed by a signal',
      '  DieBy(info->si_status);\n',
      '  _exit(128 + info->si_status);\n',
    ],
    [
      'the end of a descriptor is ready',
      'if (size > 0) Ready(0);',
      'if (size >= 0) Ready(0);',
      starts,
    ],
    [
      'a daemon that stays up is ready at once',
      'Now() >= self.up) Ready(0);',
      'Now() >= 0) Ready(0);',
      starts,
    ],
    ['there is no time limit', 'Now() >= self.deadline)', 'Now() >= self.deadline + 3000)', starts],
  ]),
  ...faultsIn('src/launcher/launch/mirror.c', signals, [
    [
      'shells see SIGSTOP',
      '  SignalSelf(number);\n  if (number != SIGSTOP) UnblockOnce',
      '  SignalSelf(SIGSTOP);\n  if (number != SIGSTOP) UnblockOnce',
    ],
    [
      'a program that runs again leaves the launcher stopped',
      'if (!ChildIs(WSTOPPED, &info)) {',
      'if (number < 0) {',
    ],
    [
      'a SIGCONT that waits is thrown away',
      'if ((PendingSignals() & OneSignal(SIGCONT)) != 0) return;',
      '',
    ],
  ]),
  ...faultsIn('src/launcher/launch/canary.c', signals, [
    [
      'each signal was for the launcher alone',
      'if (answer >= 0) return answer == 1;',
      'if (answer >= 0) return false;',
    ],
    [
      'each signal was for the group',
      'TakePending(number, NULL) == number;\n    if (write',
      '(TakePending(number, NULL), 1);\n    if (write',
    ],
    [
      'without a canary signals are lost',
      'if (!known) return info.si_code != SI_KERNEL;',
      'if (!known) return false;',
    ],
    [
      'the waker’s SIGCONT is the program’s too',
      'if (number == SIGCONT && IsWaker(info.si_pid)) return false;',
      '',
    ],
    [
      'the canary is left',
      'if (canary.pid > 0 && SignalChild(canary.pid, SIGKILL) == 0)',
      'if (canary.pid > 0)',
    ],
  ]),
  ...faultsIn(
    'src/launcher/launch/launch.c',
    [...starts, 'launcher/launch: the launcher keeps|bash: a program'],
    [
      [
        'what has left the session of a failed start is not found',
        'bool adopts = self.phase == kApart || self.expected;',
        'bool adopts = false;',
      ],
      [
        'there is no canary',
        'self.phase == kTogether ? StartCanary() : -1;',
        '-1;\n  (void)StartCanary;',
      ],
      [
        'the launcher holds the caller’s pipes',
        '  CloseAllBut(keep, sizeof keep / sizeof *keep);\n  HearBeginning',
        '  (void)keep;\n  HearBeginning',
      ],
      [
        'ignored signals are not the caller’s',
        'if (BlockSignals(EVERY_SIGNAL, &self.inherited) != 0)',
        'if (BlockSignals(EVERY_SIGNAL, NULL) != 0)',
      ],
    ],
  ),
  ...faultsIn(
    'src/launcher/launch/program.c',
    [...starts, faults, 'launcher/launch: the launcher keeps|bash: a program'],
    [
      [
        'the program outlives a launcher that was killed',
        'if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return false;',
        '',
      ],
      ['a daemon has no session of its own', 'return setsid() >= 0;', 'return true;'],
      [
        'a daemon has the caller’s descriptors',
        '    CloseAllBut(keep, sizeof keep / sizeof *keep);\n    return',
        '    (void)keep;\n    return',
      ],
      ['a daemon begins without its caller', 'if (size != sizeof word) _exit(127);', ''],
      [
        'a daemon begins before it is named',
        'if (self.phase == kApart) WaitAtGate(failure);',
        '(void)WaitAtGate;',
      ],
      ['a daemon keeps our groups', 'setgroups((size_t)count - 2, ids + 2) != 0 || ', ''],
      [
        'a daemon that could be root again is started',
        'if (uid != 0 && (setuid(0) == 0 || seteuid(0) == 0)) {',
        'if (uid != 0 && count < 0) {',
        ['daemon/trust', 'daemon/start'],
      ],
      [
        'a daemon has our umask',
        'if (options->umask >= 0) umask((mode_t)options->umask);',
        '',
        ['daemon/start', 'daemon/options', 'base/errors-features'],
      ],
    ],
  ),
  ...faultsIn(
    'src/launcher/launch/link.c',
    [faults, killed, 'protocol/protocol: .'],
    [
      ['any process speaks for the program', 'peer.pid != self.child) {', 'peer.pid < 0) {'],
      [
        'any release of the library is understood',
        'greeted = value == PROTOCOL_VERSION;',
        'greeted = true;',
      ],
      ['who does not greet is heard', '||\n      (!greeted && message.word != kHello)) {', ') {'],
      [
        'the program has the time that it asks for',
        'bool ours = self.report >= 0;',
        'bool ours = false;',
      ],
    ],
  ),
  ...faultsIn(
    'src/launcher/launch/pidfile.c',
    [faults, truth],
    [
      ['a file of another user is removed', 'if (writer != geteuid() || *path', 'if (*path'],
      ['a file that names another is removed', 'pid == program &&', 'pid > 0 && program > 0 &&'],
      [
        'a file whose lock is held is removed',
        'fcntl(lock, F_OFD_SETLK, &whole) == 0 &&',
        'whole.l_whence == SEEK_SET &&',
      ],
      ['the lock is left', '    unlinkat(file.folder, file.lock, 0);\n', ''],
    ],
  ),
  ...faultsIn('src/launcher/launch/end.c', starts, [
    [
      'a daemon that is not ready is killed without SIGTERM',
      'if (grace > 0) AskToEnd(grace);',
      '(void)AskToEnd;\n  (void)grace;',
    ],
    ['a stopped one is not continued', '    SignalGroupOf(self.child, SIGCONT);\n', ''],
    [
      'its group is not killed',
      'bool any = LeadsGroup() && SignalGroupOf(self.child, SIGKILL) == 0;',
      'bool any = false;',
    ],
    [
      'what has left its group is not killed',
      '    any = SignalChild(list[i], SIGKILL) == 0 || any;',
      '    any = list[i] == 0 || any;',
    ],
    ['an exit with 0 before ready is a success', '_exit(value == 0 ? 1 : value);', '_exit(value);'],
    ['the signal is not in the exit code', '_exit(128 + value);', '_exit(1);'],
    [
      'a missing program is one that can’t be run',
      'value == ENOENT ? 127 : 126',
      '126',
      ['launcher/faults', 'daemon/restart', 'cli/run', 'cli/sess-daemon'],
    ],
    [
      'Ctrl-C is an exit code',
      '      DieBy(value);\n',
      '      _exit(1);\n',
      [faults, 'daemon/daemonize: a start tells the truth launcher: Ctrl-C'],
    ],
    [
      'one that has ended is ready',
      'if (ChildIs(WEXITED, &info)) EndedBeforeReady(&info);',
      '(void)info;',
    ],
    [
      'the pidfile of a failed start is left',
      'if (self.child < 0) RemovePidFile(program);',
      '(void)program;',
    ],
    [
      'those that are left are not told',
      'TellWhoIsLeft(left, count);',
      '(void)TellWhoIsLeft;\n    (void)count;',
      ['daemon/trust', 'base/errors-features', 'daemon/start'],
    ],
  ]),
  ...faultsIn('src/launcher/launch/notify.c', starts, [
    ['any session’s READY=1 counts', 'return session == self.child;', 'return true;'],
    [
      'READY=1 of one that is gone does not count',
      'return errno == ESRCH && (sender',
      'return errno == 0 && (sender',
    ],
  ]),
  ...faultsIn('src/launcher/launch/guard.c', starts, [
    [
      'a killed launcher leaves the daemon',
      'size_t count = EndEverything(0, left, sizeof left / sizeof *left);',
      'size_t count = 0;',
    ],
    [
      'a killed guard leaves the launcher',
      'if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0) Finish(kEndFailed, errno);',
      '',
    ],
    ['a killed caller leaves the daemon', '      SignalChild(launcher, SIGTERM);\n', ''],
  ]),
]
