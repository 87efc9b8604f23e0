// How the members of a group or session are named, signalled and seen gone, and the checks of arguments.
import { faultsIn } from './fault.mjs'

// Without one that waits until the kernel gives a number out again, within a tick.
const steady = '^(?!a stranger that got)'
// The same for each file: vitest takes a title that one of them wants.
const short = '^(?!.*(a stranger that got|000 members of a))'
const quick = [`stop/strangers: ${short}`, `stop/stop: ${short}`]
const stops = [`stop/stop: ${steady}`, `stop/strangers: ${steady}`, `stop/poor: ${steady}`]

export const stop = [
  ...faultsIn(
    'lib/stop/plan.ts',
    ['stop/stop'],
    [
      [
        'a signal that ends nobody is taken',
        "if (!canEnd(number)) throw invalidArgValue(name, value, 'must be a signal that can end a process')",
        '',
      ],
      [
        'signal 0 is taken',
        'number < 1 || number > MAX_SIGNAL',
        'number < 0 || number > MAX_SIGNAL',
      ],
      [
        'the second signal is SIGTERM',
        'escalate = signals.SIGKILL,',
        'escalate = signals.SIGTERM,',
      ],
      ['escalate: false escalates', 'value === false ? (false as const)', 'value === false ? 9'],
      [
        'the grace is a tenth',
        'return { killSignal, grace, escalate',
        'return { killSignal, grace: grace / 10, escalate',
      ],
    ],
  ),
  ...faultsIn('lib/stop/rounds.ts', stops, [
    [
      'what is stopped can’t act on its signal',
      'thenContinue: phase.signal !== SIGKILL',
      'thenContinue: false',
    ],
    [
      'the grace of each look, not of the stop',
      'const deadline = performance.now() + phase.limit',
      'const deadline = performance.now() + 3 * phase.limit + 2000',
    ],
    [
      'members that we may not signal are said to be escalated',
      'if (this.#report.reachable === 0) break',
      '',
      ['stop/stop: ^stopProcess'],
    ],
    ['another process is not told from none', "=== 1 && this.#report.meaning === 'taken'", '=== 0'],
    ['what was gone before is said to be ended', "this.#found ? 'gone' : 'already-gone'", "'gone'"],
    [
      'a full table of descriptors ends a stop',
      'if (!isFull || !again) throw error',
      'throw error',
    ],
    [
      'the descriptor of the leader is kept where none is free',
      'if (this.#looks === 0) this.#target.close()',
      'if (this.#looks === 0) void 0',
    ],
    [
      'hidden members are not told of',
      "outcome === 'survivors' && (unseen || left.length === 0)",
      'false',
    ],
    [
      'an abort is not heard between the signals',
      'this.#report = await this.#target.look(phase, whole)',
      'this.#report = this.#target.lookNow(phase, whole)',
    ],
    [
      'the descriptor of a target is not closed',
      '  } finally {\n    target.close()\n  }',
      '  } finally {\n    void 0\n  }',
      ['stop/stop: ^stopProcess'],
    ],
  ]),
  ...faultsIn(
    'lib/stop/look.ts',
    ['stop/look'],
    [
      [
        'members are not live while their number can’t be told',
        "return meaning === 'unknown' ? 'unknown' : 'live'",
        "return 'live'",
      ],
      [
        'an empty look is proof enough for a group',
        "(kind === 'group' && isEmptyGroup)",
        "kind === 'group'",
      ],
      ['the first empty look is proof enough', '(look > 1 || wasAlone) && explained', 'explained'],
      [
        'a group of zombies has members',
        'zombies > 0 || id === native.getpgrp()',
        'id === native.getpgrp()',
      ],
    ],
  ),
  ...faultsIn('lib/stop/target.ts', stops, [
    [
      'the start of the process is not compared',
      'phase, flags, start, this.#before?.bytes]',
      'phase, flags, 0, this.#before?.bytes]',
    ],
    [
      'no look knows of the one before',
      'flags, start, this.#before?.bytes]',
      'flags, start, undefined]',
    ],
    [
      'no pidfd is held',
      'number => Math.max(native.pidfdOpen(pid), -1)',
      'number => -1 * Math.sign(pid)',
    ],
    [
      'a sandbox that refuses getpgid: there is no such process',
      'if (id === ESRCH) return undefined\n  throw',
      'if (id === ESRCH || id < 0) return undefined\n  throw',
    ],
    ['a pidfd is left open', 'if (this.#named.pidfd >= 0) native.close(this.#named.pidfd)', ''],
  ]),
  ...faultsIn('lib/stop/named.ts', stops, [
    ['an identity from before the boot is taken', 'bootId !== boot() || ', ''],
    [
      'the number of a process that leads nothing is taken',
      'isEmpty(kind, target) && isLive(target)',
      'false',
    ],
    ['our own group is stopped', 'refuseSelf(kind, target, refusal)\n  const place', 'const place'],
    ['we stop ourselves', 'if (pid === process.pid) {', 'if (false) {'],
    ['a child that leads nothing is taken', 'if (place !== pid) {', 'if (false) {'],
    [
      'a stranger with the number of a child that has ended is taken',
      "if (leader?.left === 'nothing') return 'stale'",
      '',
    ],
    ['the number of a child that was not held is taken', 'start: -1 })', 'start: 0 })'],
  ]),
  ...faultsIn(
    'lib/stop/signal.ts',
    ['stop/stop', 'base/errors-features'],
    [
      ['our own group is signalled', 'if (self && !allowSelf) {', 'if (false) {'],
      [
        'who may not be signalled is not told',
        "result.notSignalled.push({ pid, code: 'EPERM' })",
        'continue',
      ],
    ],
  ),
  ...faultsIn(
    'lib/stop/wait.ts',
    ['stop/wait-many'],
    [
      [
        'a wait ends with the first empty look',
        "if (verdict === 'absent') return",
        'if (report.live === 0) return',
      ],
      ['a time limit is none', 'if (left <= 0) throw', 'if (left < -1e9) throw'],
      [
        'the members that are left are not named',
        'filter(({ live }) => live).map',
        'filter(({ live }) => !live).map',
      ],
    ],
  ),
  ...faultsIn(
    'lib/spawn/leader.ts',
    ['stop/strangers', 'stop/stop'],
    [
      [
        'the end of a child does not tell whose its number is',
        "if (native.getsid(leader.pid) >= 0 && isOther()) leader.left = 'nothing'\n  else if",
        'if',
      ],
      ['a child is not held', 'process.nextTick(holdNow, child)', 'void holdNow'],
      [
        'the pidfd of a child is left open',
        'if (leader.pidfd >= 0) native.close(leader.pidfd)',
        '',
      ],
    ],
  ),
  ...faultsIn('src/linux/stop_send.cc', quick, [
    [
      'a member’s start is not compared',
      'return now.start == row.start ? 0 : -ESRCH;',
      'return 0;',
    ],
    [
      'one that /proc does not show is signalled without a pidfd',
      'if (row.start == 0) return -EPERM;\n',
      '\n',
      ['stop/poor: hidepid=2'],
    ],
    ['a member is not continued', 'if (Has(StopRequest::kContinue)) SendTo(*row, SIGCONT);', ''],
    ['a group is not continued', 'SendByPidfd(request_.leader_fd, SIGCONT, kToGroup);', ';'],
    [
      'the caller is signalled with its group',
      '|| request.id == getpgrp()) return false;',
      ') return false;',
    ],
    [
      'those that may not be signalled count as signalled',
      'row.result = kill(row.pid, 0) == 0 ? 0 : -errno;',
      'row.result = 0;',
    ],
    [
      'the pidfd that is held is not used',
      'bool held = request_.scope',
      'bool held = false && request_.scope',
    ],
  ]),
  ...faultsIn('src/linux/stop_meaning.cc', quick, [
    [
      'the start of who has the number is not compared',
      'return known > 0 && holder.start > 0 && known != holder.start;',
      'return false;',
    ],
    [
      'who has the number of one that has ended is it',
      '(ended && holder.live) || known == -1',
      'false',
    ],
    [
      'a number that can’t be told is the same',
      'NumberWasSkipped(before, now, request.id) ? kSame : kUnknown',
      'kSame',
    ],
    ['a session is told by its members’ starts', 'member.start + 1 <= since;', 'member.start > 0;'],
  ]),
  ...faultsIn('src/linux/stop_look.cc', quick, [
    [
      'members are signalled whatever the number means',
      'request_.signal >= 0 && report_->number == kSame;',
      'request_.signal >= 0;',
    ],
    ['strangers count as members', 'if (report_->number == kTaken) members_.Clear();', ''],
    [
      'the kernel is not asked whether a group is empty',
      'report_->group = -errno;',
      'report_->group = 0;',
    ],
  ]),
  ...faultsIn(
    'lib/base/check.ts',
    ['base/hostile', 'base/arguments', 'stop/stop'],
    [
      ['an unknown option is taken', 'if (Object.hasOwn(checks, key)) continue', 'continue'],
      [
        'an inherited property is an option',
        'return { __proto__: null, ...given }',
        'return given as never',
      ],
      ['what looks like a child is one', "&& Object.hasOwn(value, 'signalCode')", ''],
      [
        'what looks like an AbortSignal is one',
        "Reflect.get(AbortSignal.prototype, 'aborted', value)",
        '',
      ],
      [
        'a time limit of a month fires at once',
        'value >= least && value <= MAX_TIMEOUT',
        'value >= least',
      ],
    ],
  ),
  ...faultsIn(
    'lib/base/quick.ts',
    ['base/hostile', 'base/arguments', 'base/workers'],
    [
      [
        'a number of 33 bits is taken',
        "if (typeof value === 'number' && (value | 0) === value) return",
        "if (typeof value === 'number') return",
      ],
      ['a worker changes the process', 'if (!isMainThread()) throw', 'if (false) throw'],
    ],
  ),
  ...faultsIn(
    'lib/inspect/process.ts',
    ['stop/stop', 'base/hostile'],
    [
      [
        'the process that asks has the pid 0',
        'if (pid < 1) throw outOfRange',
        'if (pid < 0) throw outOfRange',
      ],
      [
        'a start that none can have is taken',
        'if (!isStart(startTicks)) throw',
        'if (false) throw',
      ],
    ],
  ),
]
