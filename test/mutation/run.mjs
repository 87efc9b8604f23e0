// run(): the end of a program, its output, its limits.
import { faultsIn } from './fault.mjs'

const results = ['run/result', 'run/output', 'run/pipe']

export const run = [
  ...faultsIn('lib/run/run.ts', results, [
    [
      'a sandbox without pidfds runs nothing',
      "!mustContain && error.reason === 'no-pidfd'",
      "!mustContain && error.reason === ''",
    ],
    ['contain: true goes on uncontained', '&& !mustContain && error.reason', '&& error.reason'],
    [
      'what was aborted before is started',
      'if (plan.signal?.aborted === true) throw aborted(plan.signal)',
      'void aborted',
    ],
    [
      'a program that ended in time has timed out',
      "return reached === 'timeout' ? undefined : reached",
      'return reached',
    ],
    [
      'the time limit stops nobody',
      "reached !== undefined || onSurvivors === 'stop'",
      "reached === 'abort' || onSurvivors === 'stop'",
    ],
    ["'stop' stops nobody", "|| onSurvivors === 'stop'\n", '\n'],
    [
      'a stop of nobody is told',
      "if (stopped.outcome === 'already-gone' && !asked) return null",
      '',
    ],
    [
      'output is not read after the end',
      'this.#output.drained(drain))\n      return',
      'this.#output.drained(0))\n      return',
    ],
    ["'wait' waits for nobody", "if (onSurvivors !== 'wait') {", 'if (drain >= 0) {'],
    ['a time limit holds up the exit of Node', '    clearTimeout(this.#timer)\n', ''],
    [
      'each run leaves a listener at the signal',
      "    this.#signal?.removeEventListener('abort', this.#onAbort)\n",
      '',
    ],
    ['an abort stops nobody', "    signal?.addEventListener('abort', this.#onAbort)\n", ''],
    [
      'the pipes of a failed start are left open',
      '  } finally {\n    pipes.close()\n  }',
      '  } finally {\n    void 0\n  }',
    ],
  ]),
  ...faultsIn(
    'lib/run/options.ts',
    [...results, 'base/hostile'],
    [
      ['a program is in our session', "options['session'] = 'new'", ''],
      ['a program is not contained', "options['contain'] = true", "options['contain'] = false"],
      ['null is the default', 'if (contain === undefined)', 'if (contain == null)', ['run/result']],
      [
        'a time limit of 0 is over at once',
        'given.timeout === undefined || given.timeout === 0',
        'given.timeout === undefined',
      ],
      ['a channel to nobody is made', "(isPipe && fd > 2) || entry === 'ipc'", 'false'],
      ['killSignal is not used', 'const stop = { killSignal, grace }', 'const stop = { grace }'],
      [
        'input without a pipe is taken',
        "if (input !== undefined && stdio[0] !== 'pipe') {",
        'if (false) {',
      ],
      [
        'any encoding is taken',
        "if (value === 'buffer' || Buffer.isEncoding(value)) return value",
        'return value as never',
      ],
    ],
  ),
  ...faultsIn('lib/run/output.ts', results, [
    ['what Node has not read is lost', '      this.#readRest()\n    }', '    }'],
    [
      'the end of one stream is the end of both',
      'if (++this.#ended === this.#all)',
      'if (++this.#ended >= 1)',
    ],
    ['half a character at the end is lost', '    this.#both.push(this.#part)\n', ''],
    [
      'an error of onOutput is lost',
      '      process.nextTick(() => {\n        throw error\n      })',
      '      void error',
    ],
    ['input that breaks off leaves stdin open', 'source.once(errorMonitor, stop)', 'source'],
    [
      'characters are cut between the streams',
      'const whole = wholeLength(bytes, this.#plan.encoding)',
      'const whole = bytes.length',
    ],
  ]),
  ...faultsIn('lib/run/kept.ts', results, [
    [
      'the ring of the last bytes is turned',
      '(this.#at + last.length) % this.#most',
      '(this.#at + last.length + 1) % this.#most',
    ],
    [
      'an odd byte is cut off UTF-16',
      'const place = this.#head.length + this.#dropped',
      'const place = 0',
    ],
    ['a character of four bytes is cut', 'lead >= 0xf0 ? 4', 'lead >= 0xf0 ? 3'],
    [
      'the limit is one byte more',
      'new Head(Math.ceil(most / 2))',
      'new Head(Math.ceil(most / 2) + 1)',
    ],
    [
      'what is dropped is not counted',
      'dropped: this.#dropped + head.length',
      'dropped: head.length',
    ],
  ]),
  ...faultsIn('lib/run/pipes.ts', results, [
    ['pipes are left open', 'for (const fd of this.#open) native.close(fd)', ''],
    ['who holds which pipe is not told', 'names: new Map(names)', 'names: new Map()'],
  ]),
  ...faultsIn('lib/run/place.ts', results, [
    [
      'strangers are named as survivors',
      'const strange = leader.ended && all.some((info) => info.pid === pid)',
      'const strange = false',
    ],
  ]),
]
