import { setTimeout as delay } from 'node:timers/promises'
import { aborted } from '../base/errors.ts'
import { signals } from '../base/signals.ts'
import { memberEnds, verdictOf, type Verdict } from './look.ts'
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
/** The first pause between two looks and the longest, in milliseconds. The end of a member ends a pause. */
const PAUSE = 4
const LONGEST_PAUSE = 100

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
  #escalated = false

  constructor(plan: StopPlan, target: Target) {
    this.#plan = plan
    this.#target = target
  }

  async run(): Promise<StopResult> {
    this.#checkAbort()
    this.#report = await this.#firstLook()
    if (this.#report.meaning === 'taken') return this.#end('stale')
    if ((await this.#verdict()) === 'absent') return this.#end('already-gone')
    for (const phase of phasesOf(this.#plan)) {
      if (phase.phase === 2) {
        if (this.#report.reachable === 0) break
        this.#escalated = true
      }
      if ((await this.#round(phase)) === 'absent') return this.#end('gone')
    }
    return this.#end('survivors')
  }

  async #firstLook(): Promise<Report> {
    try {
      return await this.#target.look(undefined, true)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EMFILE' && code !== 'ENFILE') throw error
      // Close the leader's pidfd: that frees a descriptor for the look.
      this.#target.close()
      return this.#target.look(undefined, true)
    }
  }

  /** Sends one signal to all members, also to new ones, until they are gone or the time is over. */
  async #round(phase: Phase): Promise<Verdict> {
    const deadline = performance.now() + phase.limit
    for (let pause = PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      await this.#signal(phase, deadline)
      const seen = this.#report.live
      const verdict = await this.#verdict()
      const left = deadline - performance.now()
      if (verdict === 'absent' || verdict === 'unknown' || left <= 0) return verdict
      if (verdict === 'live' && this.#report.reachable === 0) return verdict
      // Members that only the second look has seen have had no signal yet: come back soon.
      await this.#wait(Math.min(left, verdict === 'live' && seen === 0 ? 1 : pause))
    }
  }

  async #signal(phase: Phase, deadline: number): Promise<void> {
    for (;;) {
      try {
        this.#report = await this.#target.look(phase, this.#report.hidden)
        return
      } catch (error) {
        // Try again: a descriptor becomes free when other processes end.
        const { code } = error as NodeJS.ErrnoException
        if ((code !== 'EMFILE' && code !== 'ENFILE') || performance.now() >= deadline) throw error
        await delay(PAUSE)
      } finally {
        this.#checkAbort()
      }
    }
  }

  async #verdict(): Promise<Verdict> {
    return verdictOf(this.#target, this.#report, async () => {
      this.#report = await this.#target.look(undefined, true)
      this.#checkAbort()
      return this.#report
    })
  }

  async #wait(limit: number): Promise<void> {
    await memberEnds(this.#report, limit, limit, this.#plan.signal)
    this.#checkAbort()
  }

  #checkAbort(): void {
    const { signal } = this.#plan
    if (signal?.aborted === true) throw aborted(signal)
  }

  async #end(outcome: StopResult['outcome']): Promise<StopResult> {
    const signalled: number[] = []
    const left = []
    for (const member of this.#report.members()) {
      if (member.sent) signalled.push(member.pid)
      if (member.live && outcome === 'survivors') left.push(member)
    }
    const killed = this.#escalated && this.#plan.escalate === SIGKILL
    const { survivors, unseen } = await describeSurvivors(left, killed)
    if (left.length > 0 && survivors.length === 0 && !unseen) {
      // They have ended while they were described.
      this.#report = await this.#target.look(undefined, true)
      return this.#end((await this.#verdict()) === 'absent' ? 'gone' : 'survivors')
    }
    const hidden = outcome === 'survivors' && (unseen || left.length === 0)
    return {
      outcome,
      signalled: [...new Set(signalled)].sort((a, b) => a - b),
      escalated: this.#escalated,
      survivors,
      hidden,
      elapsed: performance.now() - this.#began,
    }
  }
}
