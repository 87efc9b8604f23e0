import { setTimeout as delay } from 'node:timers/promises'
import { aborted } from '../base/errors.ts'
import { signals } from '../base/signals.ts'
import { verdictOf, type Verdict } from './look.ts'
import { describeSurvivors } from './survivors.ts'
import type { Report } from './report.ts'
import type { Shot, Target } from './target.ts'
import type { StopPlan, StopResult } from './types.ts'

export const settled = (outcome: StopResult['outcome']): StopResult => ({
  outcome,
  signalled: [],
  escalated: false,
  survivors: [],
  hidden: false,
  elapsed: 0,
})

const { SIGKILL } = signals
/** SIGKILL works when its target next runs. A target that lives longer than this doesn't run at all. */
export const KILL_WAIT = 2000
/** The first pause between two looks and the longest, in milliseconds. A pause ends when all known members have. */
const PAUSE = 4
const LONGEST_PAUSE = 100
/** After a look that took long, a pause is this many times as long as the look, up to a limit in milliseconds. */
const LOOKS = 3
const LONGEST_REST = 500

interface Phase extends Shot {
  limit: number
}

/** The signals of a plan, in their order. */
function phasesOf({ killSignal, grace, escalate }: StopPlan): Phase[] {
  const phases = [{ signal: killSignal, phase: 1, limit: grace, again: false }]
  if (escalate !== false) {
    phases.push({ signal: escalate, phase: 2, limit: KILL_WAIT, again: escalate === SIGKILL })
  }
  return phases.map((phase) => ({ ...phase, thenContinue: phase.signal !== SIGKILL }))
}

/** Runs the rounds of signals and looks, and closes the target afterwards. */
export async function stopAll(plan: StopPlan, target: Target): Promise<StopResult> {
  try {
    return await new Stop(plan, target).run()
  } finally {
    target.close()
  }
}

class Stop {
  readonly #plan: StopPlan
  readonly #target: Target
  readonly #began = performance.now()
  #report!: Report
  #looks = 0
  /** Whether any member was there. */
  #found = false
  /** How many milliseconds the last look took. */
  #lookTime = 0
  #escalated = false

  constructor(plan: StopPlan, target: Target) {
    this.#plan = plan
    this.#target = target
  }

  async run(): Promise<StopResult> {
    this.#checkAbort()
    for (const phase of phasesOf(this.#plan)) {
      if (phase.phase === 2) {
        if (this.#report.reachable === 0) break
        this.#escalated = true
      }
      const verdict = await this.#round(phase)
      if (verdict === 'stale') return this.#end('stale')
      if (verdict === 'absent') return this.#end(this.#found ? 'gone' : 'already-gone')
    }
    return this.#end('survivors')
  }

  /** Sends one signal to all members, also to new ones, until they are gone or the time is over. */
  async #round(phase: Phase): Promise<Verdict | 'stale'> {
    const deadline = performance.now() + phase.limit
    for (let pause = PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      await this.#signal(phase, deadline)
      if (this.#looks === 1 && this.#report.meaning === 'taken') return 'stale'
      const seen = this.#report.live
      const verdict = await this.#verdict()
      const left = deadline - performance.now()
      if (verdict === 'absent' || verdict === 'unknown' || left <= 0) return verdict
      if (verdict === 'live' && this.#report.reachable === 0) return verdict
      // Members that only the second look has seen have had no signal yet: come back soon.
      const rest = Math.max(pause, Math.min(LOOKS * this.#lookTime, LONGEST_REST))
      await this.#wait(Math.min(left, verdict === 'live' && seen === 0 ? 1 : rest))
    }
  }

  async #signal(phase: Phase, deadline: number): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#look(phase)
        return
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        const isFull = code === 'EMFILE' || code === 'ENFILE'
        // Nothing was signalled yet: once more, with the descriptor that closing the leader's pidfd frees.
        const again = this.#looks === 0 ? tries === 1 : performance.now() < deadline
        if (!isFull || !again) throw error
        // Later ones become free when others end.
        if (this.#looks === 0) this.#target.close()
        else await delay(PAUSE)
      } finally {
        this.#checkAbort()
      }
    }
  }

  async #look(phase?: Phase): Promise<Report> {
    const began = performance.now()
    const whole = phase === undefined || this.#looks === 0 || this.#report.hidden
    this.#report = await this.#target.look(phase, whole)
    this.#looks++
    this.#lookTime = performance.now() - began
    if (this.#looks === 1) {
      this.#found = this.#report.live > 0 || this.#report.signalled().length > 0
    }
    return this.#report
  }

  async #verdict(): Promise<Verdict> {
    return verdictOf(this.#target, this.#report, async () => {
      await this.#look()
      this.#checkAbort()
      return this.#report
    })
  }

  async #wait(limit: number): Promise<void> {
    await this.#target.membersEnd(limit, this.#plan.signal)
    this.#checkAbort()
  }

  #checkAbort(): void {
    const { signal } = this.#plan
    if (signal?.aborted === true) throw aborted(signal)
  }

  async #end(outcome: StopResult['outcome']): Promise<StopResult> {
    const left =
      outcome === 'survivors' ? [...this.#report.members()].filter(({ live }) => live) : []
    // A look that signals a whole group reads no start of a member, and without one nobody can be named.
    if (left.some(({ startTicks }) => startTicks < 0)) return this.#endAgain()
    const killed = this.#escalated && this.#plan.escalate === SIGKILL
    const { survivors, unseen } = await describeSurvivors(left, killed)
    // They have ended while they were described.
    if (left.length > 0 && survivors.length === 0 && !unseen) return this.#endAgain()
    const hidden = outcome === 'survivors' && (unseen || left.length === 0)
    return {
      outcome,
      signalled: this.#report.signalled(),
      escalated: this.#escalated,
      survivors,
      hidden,
      elapsed: performance.now() - this.#began,
    }
  }

  async #endAgain(): Promise<StopResult> {
    await this.#look()
    return this.#end((await this.#verdict()) === 'absent' ? 'gone' : 'survivors')
  }
}
