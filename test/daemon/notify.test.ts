// NOTIFY_SOCKET is inherited by every descendant of a service, and meant for one process.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { launcher, prepareDaemon } from '../helpers/daemon.ts'
import { node, start } from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'

/** A service manager's end, which tells of each datagram; it is polled with a time limit. */
const script = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('{}', flush=True)
while True: print(json.dumps(s.recv(1000).decode()), flush=True)`

async function listen() {
  const path = join(openFolder(), 'notify')
  const listener = start('python3', ['-c', script, path])
  await listener.next()
  return { path, next: () => listener.next() }
}

const words = ['STATUS=going\n', 'RELOADING=1', 'WATCHDOG=1', 'STOPPING=1']
const config = { then: 'notify', notify: words, options: { waitForReady: true } }

test.for([
  ['SYSTEMD_EXEC_PID absent', 'unset SYSTEMD_EXEC_PID; exec "$@"', [node], 'none'],
  ['SYSTEMD_EXEC_PID ours', 'export SYSTEMD_EXEC_PID=$$; exec "$@"', [node], 'none'],
  [
    "SYSTEMD_EXEC_PID its launcher's",
    'export SYSTEMD_EXEC_PID=$$; exec "$@"',
    [launcher, 'launch', '--', node],
    'launcher',
  ],
] as const)('%s: all is told, and children have no socket', async ([, line, command, strategy]) => {
  const { path, next } = await listen()
  const daemon = prepareDaemon('restart', config)
  const args = ['-c', line, 'sh', ...command, ...daemon.command.slice(1)]
  start('sh', args, { env: { ...process.env, NOTIFY_SOCKET: path }, detached: true })
  const said = await next()
  const pid = await daemon.pid()
  expect(said).toBe(strategy === 'none' ? 'READY=1' : `READY=1\nMAINPID=${pid}`)
  for (const text of words) expect(await next()).toBe(text)
  expect((await daemon.entry('daemon')).daemon.strategy).toBe(strategy)
  expect(await daemon.entry('socket')).toEqual({ socket: '', own: null })
})

test("SYSTEMD_EXEC_PID another's: an ancestor's socket is told nothing and stays", async () => {
  const { path, next } = await listen()
  const daemon = prepareDaemon('restart', config)
  const [file, ...args] = daemon.command
  const env = { ...process.env, NOTIFY_SOCKET: path, SYSTEMD_EXEC_PID: '1' }
  const command = start(file, args, { env, detached: true })
  expect(await command.ended).toBe(0)
  expect((await daemon.entry('daemon')).daemon.strategy).toBe('restart')
  expect(await daemon.entry('socket')).toEqual({ socket: path, own: path })
  await daemon.pid()
  // The first thing that is heard is what the test says.
  start('python3', [
    '-c',
    'import socket, sys\nsocket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"last", sys.argv[1])',
    path,
  ])
  expect(await next()).toBe('last')
})
