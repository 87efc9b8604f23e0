import { becomeLauncher, inGivenBytes, inheritedDescriptors } from '../../launcher/reexec.ts'
import { type Command, UsageError } from '../options.ts'

export const launch: Command = {
  run({ positionals }) {
    if (positionals.length === 0) throw new UsageError('launch needs a command')
    becomeLauncher(inGivenBytes(positionals), inheritedDescriptors())
  },
}
