import { accessSync, constants, readdirSync, readlinkSync } from 'node:fs'
import { mayBeNonBlocking } from '../base/descriptor.ts'
import { systemError } from '../base/errors.ts'
import { launcherPath } from '../base/addon.ts'
import { native } from '../base/native.ts'
import { encodeOption } from './protocol.ts'
import { started } from './started.ts'

// How a program gets a launcher above it: this process becomes the launcher (execve
// keeps the pid that the caller waits for), and the launcher starts the program again.

/** A word of a command line. From the kernel's record it is bytes, as these need not be UTF-8. */
export type Word = string | Buffer

interface Options {
  mark?: string
  timeout?: number
  /** What its messages begin with. */
  name?: string
}

/**
 * Becomes the launcher of `command`, in the folder that this process was started in, with the environment that
 * it was given, with `fds` and no other descriptor. If this fails it throws, and then nothing has changed.
 */
export function becomeLauncher(command: Word[], fds: number[], options: Options = {}): never {
  const path = launcherPath()
  const { mark, timeout, name } = options
  const flags: string[] = []
  if (mark !== undefined) flags.push(encodeOption('mark', mark))
  if (timeout !== undefined) flags.push(encodeOption('timeout', timeout))
  if (name !== undefined) flags.push(encodeOption('name', name))
  const argv = strings([path, 'launch', ...flags, '--', ...command])
  const here = native.openCwd()
  if (here < 0) throw systemError(here, 'open')
  try {
    const entered = native.enterStartedFolder()
    if (entered < 0) throw folderGone(entered)
    const left = new Uint8Array(Int32Array.from(fds).buffer)
    const result = native.execute(strings([path]), argv, environment(), left)
    native.fchdir(here)
    throw systemError(result, `execve ${path}`)
  } finally {
    native.close(here)
  }
}

function folderGone(result: number): Error {
  const text = 'the folder that the program was started in is not there any more'
  return systemError(result, 'chdir', { reason: 'first-folder-gone', text })
}

/** Joins words as the kernel keeps them: a NUL ends each word. */
function strings(words: Word[]): Buffer {
  const end = Buffer.of(0)
  return Buffer.concat(words.flatMap((word) => [Buffer.from(word as string), end]))
}

function split(list: ArrayBuffer): Buffer[] {
  const bytes = Buffer.from(list)
  const words: Buffer[] = []
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(0, from)
    words.push(bytes.subarray(from, end < 0 ? bytes.length : end))
    from = end < 0 ? bytes.length : end + 1
  }
  return words
}

/**
 * The arguments as they were given. They are unknown (undefined) without /proc, and if the program set process.title
 * before it loaded this package: that writes over them.
 */
function givenArguments(): Buffer[] | undefined {
  const bytes = native.startedArguments()
  if (typeof bytes === 'number') return undefined
  const words = split(bytes)
  const [first, ...rest] = words
  // A title ends in NULs, or in nothing where it was cut off.
  const isTitle = rest.length > 0 && rest.every((word) => word.length === 0)
  return first?.toString() === started.argv0 && !isTitle ? words : undefined
}

/**
 * The command that started this program: the same bytes, with the name that it was given and the file that it
 * is. Undefined if the program came by stdin.
 */
export function ownCommand(): Word[] | undefined {
  const { argv, execArgv } = started
  const inline = execArgv.some((flag) => /^(-e|-p|-pe|--eval|--print)($|=)/.test(flag))
  if (!inline && (argv[1] === undefined || argv[1] === '-')) return undefined
  const file = ownFile()
  accessSync(file, constants.X_OK)
  const [name = '', ...rest] = givenArguments() ?? [
    started.argv0,
    ...execArgv,
    ...argv.slice(isSea() ? 2 : 1),
  ]
  if (file.equals(Buffer.from(name as string))) return [file, ...rest]
  // The `exec` part of the launcher takes the file and the name as two words.
  return [launcherPath(), 'exec', '--', file, name, ...rest]
}

/** In a single executable Node makes up argv[1]. */
const isSea = (): boolean => process.getBuiltinModule('node:sea').isSea()

/** /proc comes first: the program may have changed process.execPath. */
function ownFile(): Buffer {
  try {
    return readlinkSync('/proc/self/exe', 'buffer')
  } catch {
    return Buffer.from(process.execPath)
  }
}

/** The last words of our own command line in the bytes that they were given in. */
export function inGivenBytes(words: string[]): Word[] {
  const given = givenArguments()?.slice(-words.length) ?? []
  const same =
    given.length === words.length && given.every((word, i) => word.toString() === words[i])
  return same ? given : words
}

/** Node takes these out of process.env when it opens the channel of `fork()`. */
const CHANNEL = /^NODE_(CHANNEL_FD|CHANNEL_SERIALIZATION_MODE|UNIQUE_ID)=/

/** The environment as it was given; without /proc, as the program has changed it. */
function environment(): Buffer {
  const given = native.startedEnvironment()
  if (typeof given === 'number') {
    return strings(Object.entries(process.env).map(([name, value]) => `${name}=${value}`))
  }
  // A channel that the parent has closed can't be opened again.
  const closed = (entry: Buffer) => !process.channel && CHANNEL.test(entry.toString('latin1'))
  return strings(split(given).filter((entry) => !closed(entry)))
}

/** The standard streams and the channel of `fork()`. */
export function ownDescriptors(): number[] {
  const given = process.channel ? native.startedEnvironment() : -1
  if (typeof given === 'number') return [0, 1, 2]
  const name = 'NODE_CHANNEL_FD='
  const entry = split(given).find((each) => each.toString('latin1').startsWith(name))
  return entry === undefined ? [0, 1, 2] : [0, 1, 2, Number(entry.toString().slice(name.length))]
}

/**
 * The descriptors that this process was given, if it has opened none itself yet. Node's own
 * are anonymous (epoll, eventfd) or pipes with both ends here.
 */
export function inheritedDescriptors(): number[] {
  const targets = new Map<number, string>()
  for (const name of readdirSync('/proc/self/fd')) {
    try {
      targets.set(Number(name), readlinkSync(`/proc/self/fd/${name}`))
    } catch {
      // The folder's own descriptor is gone.
    }
  }
  const inspected = process.execArgv.some((flag) => flag.startsWith('--inspect'))
  const both = (target: string) =>
    [...targets.values()].filter((other) => other === target).length > 1
  return [...targets]
    .filter(([fd, target]) => {
      if (fd <= 2) return true
      if (target.startsWith('anon_inode:') || target.startsWith('/proc/')) return false
      if (target.startsWith('pipe:') && both(target) && mayBeNonBlocking(fd)) return false
      return !(inspected && target.startsWith('socket:'))
    })
    .map(([fd]) => fd)
}
