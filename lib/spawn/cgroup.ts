// The cgroup of a contained child, as src/launcher/contain/cgroup.c makes it. We need it when both the supervisor and the
// process that stands for the child are gone: it still holds what they have left.
import { closeSync, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { rmdirSync, writeFileSync } from 'node:fs'
import { ownCgroup, pidNamespace } from '../base/proc.ts'

export class Cgroup {
  readonly #fd: number
  readonly #path: string

  private constructor(fd: number, path: string) {
    this.#fd = fd
    this.#path = path
  }

  /**
   * The cgroup of the child with this pid, open until `close()`; undefined: none was made, or it has been removed, or we
   * are in another one since. A later child with the same pid has one of the same name, which only its inode tells.
   */
  static of(child: number, inode: number): Cgroup | undefined {
    const path = `${ownCgroup()}/setsid-${child}-${pidNamespace()}`
    try {
      const cgroup = new Cgroup(openSync(path, 'r'), path)
      if (fstatSync(cgroup.#fd).ino === inode) return cgroup
      cgroup.close()
    } catch {
      // There is none.
    }
    return undefined
  }

  close(): void {
    closeSync(this.#fd)
  }

  /** By the descriptor, which never leads to another one. */
  #file(name: string): string {
    return `/proc/self/fd/${this.#fd}/${name}`
  }

  /** undefined: it has been removed. */
  #read(name: string): string | undefined {
    try {
      return readFileSync(this.#file(name), 'latin1')
    } catch (error) {
      if (['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) {
        return undefined
      }
      throw error
    }
  }

  /** The cgroups in it, the deepest last. */
  #below(): string[] {
    const names = readdirSync(this.#file(''), { recursive: true }) as string[]
    const files = names.filter((name) => name.endsWith('/cgroup.procs'))
    return files.map((name) => name.slice(0, -'cgroup.procs'.length)).sort(byLength)
  }

  /** Those in it, and in the cgroups that were made below it. */
  pids(): number[] {
    const texts = ['', ...this.#below()].map((path) => this.#read(`${path}cgroup.procs`) ?? '')
    return texts.join('').split('\n').filter(Boolean).map(Number)
  }

  /** Whether nobody is in it, or in one below it. Zombies don't count. */
  isEmpty(): boolean {
    const events = this.#read('cgroup.events')
    return events === undefined || /^populated 0$/m.test(events)
  }

  /** Kills all that is in it: the kernel lets nobody out by a fork. False before Linux 5.14. */
  kill(): boolean {
    try {
      writeFileSync(this.#file('cgroup.kill'), '1')
      return true
    } catch {
      return false
    }
  }

  /** With those below it, where nobody is in one. */
  remove(): void {
    try {
      for (const path of this.#below().reverse()) rmdirSync(this.#file(path))
      rmdirSync(this.#path)
    } catch {
      // Somebody is in one of them.
    }
  }
}

const byLength = (a: string, b: string) => a.length - b.length
