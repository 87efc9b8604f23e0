// All processes, as /proc has them, read by the tests' own code: a fresh machine has no ps(1).
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { type PsRow, readRow } from './process.ts'
import { need } from './tools.ts'

const pids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)

/** What a look at each process gives; those that end meanwhile are left out. */
export const each = <Seen>(look: (pid: number) => Seen): Seen[] =>
  pids().flatMap((pid) => {
    try {
      return [look(pid)]
    } catch {
      return []
    }
  })

const select = (is: (row: PsRow) => boolean): number[] =>
  each(readRow)
    .filter(is)
    .map(({ pid }) => pid)

/** The children with what one look has shown of each: a second look at its pid may come after its end. */
export const childRows = (parent: number): PsRow[] =>
  each(readRow).filter(({ ppid }) => ppid === parent)
export const childrenOf = (parent: number): number[] => select(({ ppid }) => ppid === parent)
export const membersOf = (group: number): number[] => select(({ pgid }) => pgid === group)
export const sessionOf = (leader: number): number[] => select(({ sid }) => sid === leader)

/** The processes with this text in their command line. */
export const withArgument = (text: string): number[] =>
  each((pid) => ({ pid, line: readFileSync(`/proc/${pid}/cmdline`, 'latin1') }))
    .filter(({ line }) => line.includes(text))
    .map(({ pid }) => pid)

/** The lines of ps(1), each as its words. Where there is no ps, the test is skipped. */
export function psLines(...args: string[]): string[][] {
  need('ps')
  const lines = execFileSync('ps', args, { maxBuffer: 2 ** 26 })
    .toString()
    .trim()
    .split('\n')
  return lines.map((line) => line.trim().split(/\s+/))
}
