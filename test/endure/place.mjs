// What the calls of calls.mjs are made with: a terminal, processes, files, sockets. It is data that a worker gets too.
import { spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  constants,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const given = process.env.SETSID_PREBUILDS
/** The folder with the addon and the launcher, as lib/base/addon.ts finds it. */
const binaries = given
  ? resolve(given, `${process.platform}-${process.arch}`)
  : fileURLToPath(new URL('../../build/Release', import.meta.url))
export const native = createRequire(import.meta.url)(join(binaries, 'setsid.node'))
native.defineOthers(native)

export const quiet = { stdio: 'ignore' }

/** A number that no process has: above the largest that a kernel gives out. */
export const GONE = 2 ** 22 + 1
/** A number that no descriptor has. */
export const CLOSED = 999_999
/** Where processRow() writes. */
export const ROW = new ArrayBuffer(136)

/** Reads datagrams of an abstract socket, and throws them away. */
const SINK = `
import os, socket, sys
sink = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sink.bind("\\0" + sys.argv[1])
os.write(1, b"bound")
while True: sink.recv(64)
`

export async function openPlace() {
  const children = []
  const start = (file, args, options) => {
    const child = spawn(file, args, { ...quiet, ...options })
    children.push(child)
    return child
  }
  const folder = mkdtempSync(join(tmpdir(), 'setsid-endure-'))
  mkdirSync(join(folder, 'full'))
  openSync(join(folder, 'lock'), 'w+')
  // As a process that lists its descriptors never has one: more digits than an int holds.
  for (const name of ['1', '99999999999999999999']) openSync(join(folder, 'full', name), 'w')
  symlinkSync('target', join(folder, 'link'))

  const member = start('sleep', ['1000000'], { detached: true })
  const ended = native.pidfdOpen(start('sleep', ['0'], { detached: true }).pid)
  await once(children.at(-1), 'exit')
  const launcher = start(join(binaries, 'launcher'), ['launch', '--', 'sleep', '1000000'])
  // Its name is known to the whole machine.
  const notified = `setsid-endure-${randomUUID()}`
  const sink = start('python3', ['-c', SINK, notified], { stdio: ['ignore', 'pipe', 'inherit'] })
  const heard = await Promise.race([once(sink.stdout, 'data'), once(sink, 'exit')])
  if (sink.exitCode !== null) throw new Error(`python3 ended with ${heard}`)
  sink.stdout.destroy()
  while (native.connectLauncher(launcher.pid, 1000) < 0) await new Promise(setImmediate)

  const terminal = native.hasTerminal() === 1 ? openSync('/dev/tty', constants.O_RDWR) : -1
  const [one, other] = native.socketPair(false)
  const opened = native.openAt(-1, folder, constants.O_DIRECTORY, 0)
  const look = native.stopLook(2, member.pid, -1, -1, 1, 0, 0, undefined)
  const mine = openSync(join(folder, 'lock'), 'r+')
  native.lockByte(openSync(join(folder, 'lock'), 'r+'), 7, 1)
  native.processRow(member.pid, ROW)
  const startTicks = new DataView(ROW).getFloat64(32, true)
  return {
    pid: process.pid,
    group: native.getpgrp(),
    session: native.getsid(0),
    member: member.pid,
    start: startTicks,
    launcher: launcher.pid,
    ended,
    notified: `@${notified}`,
    terminal,
    modes: terminal < 0 ? undefined : native.tcgetattr(terminal),
    pair: [one, other],
    inode: fstatSync(one).ino,
    path: folder,
    folder: opened,
    link: native.openAt(opened, 'link', constants.O_NOFOLLOW | O_PATH, 0),
    working: native.openCwd(),
    spare: native.dup(0),
    locked: mine,
    look,
    close() {
      for (const child of children) {
        if (child.exitCode === null) spawnSync('kill', ['-KILL', String(child.pid)])
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const O_PATH = 0o10000000
