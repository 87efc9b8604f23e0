// The cgroup of a contained child, as src/launcher/contain/cgroup.c makes it. We need it when both the supervisor and the
// process that stands for the child are gone: it still holds what they have left.
import { readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { ownCgroup, pidNamespace } from '../base/proc.ts'

export class Cgroup {
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
  }

  /** The cgroup of the child with this pid; undefined: none was made, or we are in another one since. */
  static of(child: number): Cgroup | undefined {
    const own = ownCgroup()
    if (own === undefined) return undefined
    const cgroup = new Cgroup(`${own}/setsid-${child}-${pidNamespace()}`)
    return cgroup.#read('cgroup.events') === undefined ? undefined : cgroup
  }

  #read(file: string): string | undefined {
    try {
      return readFileSync(`${this.#path}/${file}`, 'latin1')
    } catch {
      return undefined
    }
  }

  pids(): number[] {
    return (this.#read('cgroup.procs') ?? '').split('\n').filter(Boolean).map(Number)
  }

  /** Whether nobody is in it, or in one below it. Zombies don't count. */
  isEmpty(): boolean {
    const events = this.#read('cgroup.events')
    return events === undefined || /^populated 0$/m.test(events)
  }

  /** Kills all that is in it: the kernel lets nobody out by a fork (Linux 5.14). */
  kill(): void {
    writeFileSync(`${this.#path}/cgroup.kill`, '1')
  }

  remove(): void {
    try {
      rmdirSync(this.#path)
    } catch {
      // Somebody has made another one below it.
    }
  }
}
