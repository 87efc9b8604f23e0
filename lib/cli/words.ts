// What `sess` says of errors: in the user's words, without the names of functions and of errnos.
import { statSync } from 'node:fs'
import { getSystemErrorMap } from 'node:util'
import { printable } from './picture.ts'
import type { Survivor } from '../stop/types.ts'

/** How many letters are to be added, left out, changed or swapped with their neighbour. */
function distance(a: string, b: string): number {
  let older: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        (above[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (above[j - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (older[j - 2] ?? 0) + 1 : Infinity,
      )
    }
    older = above
    above = row
  }
  return above[b.length] ?? 0
}

/** `; did you mean 'X'?` for the known word that was probably meant, or nothing. */
export function nearest(word: string, known: readonly string[], prefix = ''): string {
  const [begun, ...others] = word.length < 2 ? [] : known.filter((name) => name.startsWith(word))
  if (begun !== undefined && others.length === 0) return `; did you mean '${prefix}${begun}'?`
  const [best] = known
    .map((name) => ({ name, far: distance(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, far }) => far <= Math.max(1, Math.floor(name.length / 3)))
    .sort((a, b) => a.far - b.far)
  return best === undefined ? '' : `; did you mean '${prefix}${best.name}'?`
}

type Failure = Error & {
  errno?: number
  code?: string
  syscall?: string
  path?: string
  reason?: string
  stderr?: string
}

/**
 * An error of the library or of Node as one line; what a daemon has written to its log follows in lines of its own.
 * Nothing of it moves the cursor: names of files may be anybody's, and a log that of another user.
 */
export function inWords(error: unknown): string {
  const { stderr = '' } = error as Failure
  const text = sentence(error as Failure)
  if (stderr === '') return printable(text)
  return `${printable(text.replace(`:\n${stderr}`, ''))}:\n${lines(stderr)}`
}

/** Lines that move the cursor no further than to the next one. */
export const lines = (text: string): string => text.replace(/[^\n\t]+/g, printable)

function sentence({ message, errno, code = '', syscall, path, reason }: Failure): string {
  const credential = /^(User|Group) identifier does not exist: (.*)$/.exec(message)
  if (credential !== null) return `there is no ${credential[1]?.toLowerCase()} '${credential[2]}'`
  if (code === 'ERR_ADDON_NOT_FOUND' || code === 'ERR_ADDON_NOT_LOADED')
    return addonInWords(message)
  if (syscall === undefined) return message
  if (syscall === 'uv_cwd') return 'the working folder is gone'
  const [call, object] = splitAtBlank(syscall)
  if (call === 'spawn' && object !== undefined) return notRun(object, code, errno)
  const start = message.indexOf(`, ${syscall}: `)
  if (reason !== undefined && start >= 0) return message.slice(start + syscall.length + 4)
  const [, what = message] = getSystemErrorMap().get(errno ?? 0) ?? []
  const subject = path ?? object
  return subject === undefined ? what : `${subject}: ${what}`
}

/** In one line: the library names the paths too, one below the other. */
function addonInWords(message: string): string {
  const [first = '', ...lines] = message.split('\n').map((line) => line.trim())
  const commands = lines.filter((line) => /^(npm|node) /.test(line)).map((line) => `'${line}'`)
  if (commands.length === 0) return first
  const build = commands.length === 1 ? 'builds' : 'build'
  return `${first.replace(/\. Paths tried:$/, '')}; ${commands.join(' and ')} ${build} it`
}

function splitAtBlank(text: string): [string, string?] {
  const at = text.indexOf(' ')
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

/** Why a program was not started; src/launcher/run/run.c says the same. */
function notRun(file: string, code: string, errno = 0): string {
  const info = file.includes('/') ? statSync(file, { throwIfNoEntry: false }) : undefined
  if (code === 'ENOENT' && info === undefined) return `there is no program '${file}'`
  const [, what = code] = getSystemErrorMap().get(errno) ?? []
  const why =
    code === 'ENOENT'
      ? 'its interpreter is missing'
      : info?.isDirectory() === true
        ? 'it is a folder'
        : what.charAt(0).toUpperCase() + what.slice(1)
  return `'${file}' can't be run: ${why}`
}

/** A newer library may have a reason more. */
const reasons: Record<string, string> = {
  EPERM: 'it belongs to another user, and may not be signalled',
  uninterruptible: 'it waits for a device, and ends when that answers',
  traced: 'a debugger holds it',
  frozen: 'its cgroup is frozen, and it ends when that is thawed',
  ignored: 'it had the signal and has not ended',
  'not-signalled': 'it was not signalled, as it came too late or may be a stranger',
}

export const whyLeft = ({ reason }: Survivor): string => reasons[reason] ?? reason

/** Which processes a stop has left, and why. */
export const survivorInWords = (survivor: Survivor): string =>
  `${survivor.pid} ${printable(survivor.command)} is left: ${whyLeft(survivor)}`
