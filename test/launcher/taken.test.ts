// Abstract names of sockets are anybody's. A user who has taken those of launchers to come keeps programs from being
// started below one, and that is all (docs/security.md).
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sess } from '../helpers/daemon.ts'
import { isRoot, node } from '../helpers/process.ts'
import { openFolder } from '../helpers/folder.ts'
import { fronts } from '../helpers/sess.ts'
import { need } from '../helpers/tools.ts'

// In namespaces of its own: the names would be in the way of other tests.
const taker = `import os, socket, sys
os.setgid(65534); os.setuid(65534)
namespace = os.stat('/proc/self/ns/pid').st_ino
names = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(400)]
for pid, name in enumerate(names):
    name.bind('\\0setsid-launcher-%d-%d' % (namespace, pid))
    name.listen(1)
print('taken', flush=True)
sys.stdin.read()`

test.skipIf(!isRoot)(
  'names of sockets that another user has taken: nothing is started, and that is said (needs root)',
  () => {
    need('unshare')
    const folder = openFolder()
    const file = join(folder, 'touched')
    const script = `
      mkfifo told end; sleep 60 > end & python3 -c "$0" < end > told & read line < told; echo $line
      "$1" launch -- touch ${file} 2>&1; echo $?
      "$2" "$3" start --pid-file pid --up-for 10 -- touch ${file} 2>&1; echo $?; ls`
    const line = ['sh', '-c', script, taker, fronts['bin/sess'][0], node, sess]
    const own = ['--net', '--pid', '--fork', '--mount-proc', '--kill-child']
    const { stdout } = spawnSync('unshare', [...own, ...line], { cwd: folder, timeout: 60_000 })
    expect(stdout.toString().split('\n')).toEqual([
      'taken',
      expect.stringMatching(/^sess: touch: Address (already )?in use$/),
      '126',
      expect.stringMatching(/^sess: touch could not be given .*: address already in use$/),
      '1',
      ...['end', 'told', ''],
    ])
    expect(existsSync(file)).toBe(false)
  },
)
