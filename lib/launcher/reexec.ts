import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { systemError } from '../base/errors.ts'
import { launcherPath, native } from '../base/native.ts'

// How a program gets below the launcher: this process becomes it (execve keeps
// the pid that the caller waits for) and it starts the program again.

/**
 * Whether whoever started us waits for this very process to stay: systemd, with its socket for READY=1
 * or with our pid in SYSTEMD_EXEC_PID, or a container, whose pid 1 we are.
 */
export function mustStay(): boolean {
  const { NOTIFY_SOCKET, SYSTEMD_EXEC_PID } = process.env
  return (
    process.pid === 1 ||
    (NOTIFY_SOCKET !== undefined && NOTIFY_SOCKET !== '' && native.hasTerminal() === 0) ||
    SYSTEMD_EXEC_PID === String(process.pid)
  )
}

/** Becomes the launcher of `command`, with `fds` and no other descriptor. Returns only by throwing. */
export function becomeLauncher(command: string[], fds: number[], flags: string[] = []): never {
  const path = launcherPath()
  const argv = [path, 'launch', ...flags, '--', ...command]
  throw systemError(native.execve(path, argv, environment(), fds), `execve ${path}`)
}

/** The command that this program was started by, or undefined for one that came by stdin. */
export function ownCommand(): string[] | undefined {
  const { execPath, execArgv, argv } = process
  const inline = execArgv.some((flag) => /^(-e|-p|-pe|--eval|--print)($|=)/.test(flag))
  if (!inline && (argv[1] === undefined || argv[1] === '-')) return undefined
  return [execPath, ...execArgv, ...argv.slice(1)]
}

/** Node takes these out of process.env when it opens the channel of `fork()`. */
const CHANNEL = /^NODE_(CHANNEL_FD|CHANNEL_SERIALIZATION_MODE|UNIQUE_ID)=/

const started = (): string[] => readFileSync('/proc/self/environ', 'utf8').split('\0')

function environment(): string[] {
  const now = Object.entries(process.env).map(([name, value]) => `${name}=${value}`)
  return process.channel ? [...now, ...started().filter((line) => CHANNEL.test(line))] : now
}

/** The standard streams and the channel of `fork()`. */
export function ownDescriptors(): number[] {
  if (!process.channel) return [0, 1, 2]
  const line = started().find((entry) => entry.startsWith('NODE_CHANNEL_FD='))
  return line === undefined ? [0, 1, 2] : [0, 1, 2, Number(line.split('=')[1])]
}

/**
 * What this process was given, as long as it has opened nothing itself. Node's own
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
      if (target.startsWith('pipe:') && both(target) && isNonBlocking(fd)) return false
      return !(inspected && target.startsWith('socket:'))
    })
    .map(([fd]) => fd)
}

function isNonBlocking(fd: number): boolean {
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')
  return (Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info)?.[1] ?? '0', 8) & 0o4000) !== 0
}
