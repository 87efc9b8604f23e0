import { readdirSync, statSync } from 'node:fs'
import { terminalDrivers } from '../base/proc.ts'

const majorOf = (device: number) => (device >>> 8) & 0xfff
const minorOf = (device: number) => (device & 0xff) | ((device >>> 12) & 0xfff00)

/**
 * Whether a device is a pseudoterminal, of which each devpts has its own: devices.txt of the Linux kernel.
 *
 * @internal
 */
export const isPseudoterminal = (device: number): boolean =>
  process.platform === 'linux' && majorOf(device) >= 136 && majorOf(device) <= 143

/** /dev/tty: whoever opens it has its own controlling terminal open. @internal */
export const OWN_TERMINAL = 0x500

/**
 * Whether a character device is one terminal and the same for everybody. /dev/tty is another one for each process, and
 * /dev/ptmx for each that opens it. undefined: the kernel doesn't tell what it has.
 *
 * @internal
 */
export function isTerminal(device: number): boolean | undefined {
  if (isPseudoterminal(device)) return true
  const [major, minor] = [majorOf(device), minorOf(device)]
  return terminalDrivers()?.some(
    (driver) =>
      driver.major === major &&
      driver.first <= minor &&
      minor <= driver.last &&
      !['system', 'system:/dev/tty', 'pty:master'].includes(driver.type),
  )
}

const ttyPaths = new Map<number, string>()

/**
 * The path of a terminal by its device number, as `fs.Stats.rdev` has it.
 *
 * @internal
 */
export function ttyPath(device: number): string {
  const [major, minor] = [majorOf(device), minorOf(device)]
  // They have no entry in /dev but in /dev/pts.
  if (isPseudoterminal(device)) return `/dev/pts/${(major - 136) * 2 ** 20 + minor}`
  if (!ttyPaths.has(device)) readDevices()
  const known = ttyPaths.get(device) ?? `/dev/char/${major}:${minor}`
  ttyPaths.set(device, known)
  return known
}

function readDevices(): void {
  for (const name of namesOf('/dev')) {
    const path = `/dev/${name}`
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats?.isCharacterDevice() === true) ttyPaths.set(stats.rdev, path)
  }
}

/** A chroot may have no /dev, or one that we may not read: then the names are not to be had. */
function namesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) {
      return []
    }
    // Such as EMFILE: a name that is not found now would be missing for good.
    throw error
  }
}
