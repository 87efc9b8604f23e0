import { isMainThread } from '../base/check.ts'
import { checkHost } from '../base/host.ts'
import { checkWritten } from './output.ts'
import { mustStay } from './systemd.ts'
import { hasLauncher } from '../launcher/link.ts'
import { becomeLauncher, inheritedDescriptors, ownCommand } from '../launcher/reexec.ts'

/** @internal What `import 'setsid/launch'` does. It returns below a launcher, or where none is wanted. */
export function goBelowLauncher(): void {
  if (process.platform !== 'linux' || !isMainThread() || mustStay() || hasLauncher()) return
  checkHost("'setsid/launch'")
  const command = ownCommand()
  if (command === undefined) return
  checkWritten(1)
  checkWritten(2)
  becomeLauncher(command, inheritedDescriptors())
}
