import { readdirSync, statSync } from 'node:fs'

const ttyPaths = new Map<number, string>()

/**
 * The path of a terminal by its device number, as `fs.Stats.rdev` has it.
 *
 * @internal
 */
export function ttyPath(device: number): string {
  const major = (device >>> 8) & 0xfff
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00)
  // Pseudoterminals have no entry in /dev but in /dev/pts: devices.txt of the Linux kernel.
  if (process.platform === 'linux' && major >= 136 && major <= 143) {
    return `/dev/pts/${(major - 136) * 2 ** 20 + minor}`
  }
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
