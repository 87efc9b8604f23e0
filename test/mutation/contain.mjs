// The supervisor of a contained child, its stand-in, and their stop.
import { faultsIn } from './fault.mjs'

// Without those that take a quiet machine.
const steady = '^(?!.*(200 children|400 children|hands over|at any moment))'
const contained = [`spawn/contain: ${steady}`, `spawn/contain-odd: ${steady}`]

export const contain = [
  ...faultsIn('src/launcher/contain/supervisor.c', contained, [
    ['the end of Node ends nobody', '  OrderKill();\n  self.deadline', '  self.deadline'],
    [
      'a killed child leaves its program',
      'if (!self.reaped) SignalChild(self.with.program, SIGKILL);',
      ';',
    ],
    [
      'a signal to the child is not passed on',
      'if (!self.reaped) PassOn(self.with.program, number);',
      ';',
    ],
    ['a stopped stand-in does not end', '  SignalByPidfd(self.with.above, SIGCONT);\n', ''],
    [
      'stops of the program are not told',
      '  if (!self.reaped) TellStops(self.with.program);\n  siginfo_t',
      '  siginfo_t',
    ],
    ['the folder of the caller is held', '(void)!chdir("/");', ''],
    [
      'descriptors of the caller are held',
      '  CloseAllBut(keep, sizeof keep / sizeof *keep);\n',
      '  (void)keep;\n',
    ],
    ['the cgroup is left', '  RemoveCgroup();\n  FinishLines();', '  FinishLines();'],
    [
      'a stop without a cgroup kills before all are stopped',
      '      OrderKill();\n      FollowOrder();',
      '      OrderSignal(SIGKILL);\n      FollowOrder();\n      OrderKill();',
    ],
    [
      'the exit code is lost',
      'self.ending.code = exited ? info->si_status : -1;',
      'self.ending.code = exited ? 0 : -1;',
    ],
  ]),
  ...faultsIn('src/launcher/contain/tree.c', contained, [
    ['grandchildren are not found', 'if (lists) AddChildren(found, seen.pid, line.threads);', ''],
    ['children of other threads are not found', 'if (threads == 1) {', 'if (threads > 0) {'],
    [
      'what is killed may start another one',
      'bool sent = SignalMember(member, SIGSTOP) == 0;',
      'bool sent = false;',
    ],
    ['a member that /proc hides is not found', 'if (!IsOwnChild(seen.pid)) continue;', 'continue;'],
  ]),
  ...faultsIn('src/launcher/contain/stand-in.c', contained, [
    [
      'a killed supervisor leaves the rest',
      'if (size != sizeof ending) EndTheRest();',
      'if (size != sizeof ending) DieBy(SIGKILL);',
    ],
    [
      'a killed program has exited',
      'if (ending.signal != 0) DieBy(ending.signal);',
      'if (ending.signal != 0) _exit(128 + ending.signal);',
    ],
    [
      'a stopped supervisor is not continued',
      '    ContinueSupervisor();\n    if (events',
      '    if (events',
    ],
    [
      'the rest is nobody’s where the supervisor is killed',
      '  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);\n',
      '',
    ],
    [
      'a zombie is left where Node is pid 1',
      'if (ending.last) ReapSupervisor();',
      '(void)ReapSupervisor;',
    ],
    ['the folder of the caller is held', 'if (chdir("/") != 0) EndTheRest();', ''],
  ]),
  ...faultsIn('src/launcher/contain/orders.c', contained, [
    [
      'a stopped member can’t act on its signal',
      '    if (self.signal != SIGKILL) SignalMember(member, SIGCONT);\n',
      '',
    ],
    ['the second signal is not sent', '  self.signalled.count = self.refused.count = 0;\n', ''],
    [
      'members get no signal',
      'int error = SignalMember(member, self.signal) == 0 ? 0 : errno;',
      'int error = ESRCH;',
    ],
  ]),
  ...faultsIn('src/launcher/contain/cgroup.c', contained, [
    ['cgroups are left', 'if (self.parent >= 0) RemoveEmpty(self.parent, self.name);', ''],
    ['the program starts outside of its cgroup', '{.flags = INTO_CGROUP,', '{.flags = 0,'],
    ['the cgroup is not killed', 'return Write("cgroup.kill", "1");', 'return false;'],
  ]),
  ...faultsIn('lib/stop/contained.ts', contained, [
    [
      'escalate: false escalates',
      '&& escalate !== false && !this.#isHopeless()',
      '&& !this.#isHopeless()',
    ],
    ['signals go on after an abort', "if (others === 0) this.#containment.say('rest')", ''],
    [
      'who may not be signalled is waited for',
      'left > 0 && abort?.aborted !== true && !this.#isHopeless()',
      'left > 0 && abort?.aborted !== true',
    ],
    [
      'what was gone before is said to be ended',
      "this.#sent.size > 0 ? 'gone' : 'already-gone'",
      "'gone'",
    ],
    [
      'a wait ends before all have',
      "if (containment.state === 'live') {\n      throw stillRunning",
      'if (timeout === -1) {\n      throw stillRunning',
    ],
    ['an abort does not end a wait', "abort?.addEventListener('abort', cancel)", ''],
    [
      'the cgroup of a lost supervisor is left alone',
      "if (cgroup === undefined) return containment.state === 'empty'\n    const deadline",
      "return containment.state === 'empty'\n    const deadline",
    ],
  ]),
  ...faultsIn(
    'lib/spawn/contained.ts',
    ['spawn/contain', 'base/hostile'],
    [
      [
        'a child that is not contained is taken',
        'if (containment === undefined && value.pid !== undefined) {',
        'if (containment === undefined && value.pid === -1) {',
      ],
    ],
  ),
]
