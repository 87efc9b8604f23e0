import { join } from 'node:path'
import { expect, test } from 'vitest'
import { prepareDaemon } from '../helpers/daemon.ts'
import { start } from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'

test.for(['restart', 'launcher'] as const)('under systemd, %s: READY=1 when ready', async (way) => {
  const script = `
    import json, socket, sys
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(sys.argv[1])
    print('{}', flush=True)
    print(json.dumps(s.recv(100).decode()), flush=True)`.replaceAll('\n    ', '\n')
  const path = join(openFolder(), 'notify')
  const listener = start('python3', ['-c', script, path])
  await listener.next()
  const daemon = prepareDaemon(way, { then: 'ready', options: { waitForReady: true } })
  const [file, ...args] = daemon.command
  const env = { ...process.env, NOTIFY_SOCKET: path }
  // Away from any terminal, as systemd starts it.
  const command = start(file, args, { env, detached: true })
  const said = await listener.next()
  const pid = await daemon.pid()
  const strategy = way === 'launcher' ? way : 'none'
  expect((await daemon.entry('daemon')).daemon).toEqual({ pid, sid: pid, strategy })
  expect(said).toBe(way === 'launcher' ? `READY=1\nMAINPID=${pid}` : 'READY=1')
  // It stays, or gives back whoever waits.
  if (way === 'launcher') expect(await command.ended).toBe(0)
  else expect(pid).toBe(command.pid)
})
