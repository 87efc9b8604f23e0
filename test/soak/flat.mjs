// What a Node has in the end is what it had in the beginning.
import { setTimeout as delay } from 'node:timers/promises'

/** Looks before this one show a Node that is still becoming warm. */
const WARM = 2
/** Bytes of JavaScript's memory that a look may have more than a warm one. */
const SLACK = 4 * 1024 * 1024

export class Flat {
  #pid
  #looks = 0
  #base

  /** Asks the Node of a slot; says what it has more than when it was warm. */
  async look(starter, fault) {
    let now = await this.#ask(starter)
    if (now === undefined) return
    if (this.#looks <= WARM) {
      this.#base = now
      return
    }
    const isFlat = ({ fds, threads }) => fds <= this.#base.fds && threads <= this.#base.threads
    // A thread of a worker, a socket that is closed: they go a moment later.
    for (let i = 0; i < 50 && now !== undefined && !isFlat(now); i++) {
      await delay(100)
      now = await this.#ask(starter)
    }
    if (now === undefined) return
    const { base } = { base: this.#base }
    if (!isFlat(now)) fault('descriptors or threads', { now, base, looks: this.#looks })
    if (now.heap > base.heap + SLACK) fault('memory', { now, base, looks: this.#looks })
  }

  async #ask(starter) {
    const { value } = await starter.call('look')
    if (value === undefined) return undefined
    const { pid, startTicks } = value.identity
    const who = `${pid} ${startTicks}`
    if (this.#pid !== who) this.#looks = 0
    this.#pid = who
    this.#looks++
    return value
  }
}
