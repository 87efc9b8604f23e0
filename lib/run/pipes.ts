// The pipes of a run. They are ours and not Node's, which are sockets: a socket doesn't tell who has its other end,
// and a pipe has one inode for both (pipe(7), proc_pid_fd(5)).
import { fstatSync } from 'node:fs'
import { systemError } from '../base/errors.ts'
import { native } from '../base/native.ts'
import type { Pipes as ShownPipes } from '../inspect/pipes.ts'
import { streams } from './options.ts'

type Name = (typeof streams)[number]

interface Pipe {
  name: Name
  ours: number
  theirs: number
  inode: number
}

export class Pipes {
  readonly #pipes: Pipe[] = []
  readonly #open = new Set<number>()

  /** One for each of the first three entries that is `'pipe'`. */
  constructor(stdio: readonly unknown[]) {
    try {
      streams.forEach((name, fd) => {
        if (stdio[fd] === 'pipe') this.#add(name)
      })
    } catch (error) {
      this.close()
      throw error
    }
  }

  #add(name: Name): void {
    const ends = native.pipe()
    if (typeof ends === 'number') throw systemError(ends, 'pipe')
    for (const fd of ends) this.#open.add(fd)
    const [ours, theirs] = name === 'stdin' ? [ends[1], ends[0]] : ends
    this.#pipes.push({ name, ours, theirs, inode: fstatSync(ours).ino })
  }

  /** stdio for `spawn()`. */
  stdio(stdio: readonly unknown[]): unknown[] {
    return stdio.map((entry, fd) => {
      const pipe = fd < 3 && this.#pipes.find(({ name }) => name === streams[fd])
      return pipe ? pipe.theirs : entry
    })
  }

  /** Our ends, which are the caller's to close from now on. Closes the program's, which has its own copies. */
  take(): Partial<Record<Name, number>> {
    const ours = this.#pipes.map(({ name, ours }) => [name, ours] as const)
    for (const [, fd] of ours) this.#open.delete(fd)
    this.close()
    return Object.fromEntries(ours)
  }

  /** Closes what nobody has taken. */
  close(): void {
    for (const fd of this.#open) native.close(fd)
    this.#open.clear()
  }

  /** As /proc shows them, for `holdsOf()`. */
  get shown(): ShownPipes {
    const names = this.#pipes.map(({ name, inode }) => [`pipe:[${inode}]`, name] as const)
    return { names: new Map(names), ours: new Set() }
  }
}
