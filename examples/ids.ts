// The ids of processes: node --import tsx examples/ids.ts [PID…]
import { getpgid, getsid, processInfo } from 'setsid'

const pids = process.argv.slice(2).map(Number)

for (const pid of pids.length > 0 ? pids : [process.pid]) {
  // The two raw calls: one system call each, and no exception for a pid that is gone.
  const sid = getsid(pid, { throwIfNoEntry: false })
  const pgid = getpgid(pid, { throwIfNoEntry: false })
  // The whole row, where more is wanted.
  const info = processInfo(pid, { throwIfNoEntry: false })
  if (sid === undefined || pgid === undefined || info === undefined) {
    console.error(`${pid}: no such process`)
    process.exitCode = 1
    continue
  }
  console.log(`pid ${pid}  pgid ${pgid}  sid ${sid}  tty ${info.tty ?? '-'}  ${info.command}`)
}
