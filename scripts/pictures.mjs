// Puts pictures of real runs into docs/command.md: a shell with jobs in tmux and a daemon, in namespaces of their
// own, so that nothing of this machine is in them. Needs root, tmux and python3. Run it by: npm run pictures
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

const PAGE = 'docs/command.md'
const INSIDE = 'SETSID_PICTURES'
const CAP = 20_000

const blocks = /<!-- picture: (\d+) (.*) -->\n(?:```\n[^]*?```\n)?<!-- end -->/g

if (process.env[INSIDE] === undefined) {
  const page = readFileSync(PAGE, 'utf8')
  const wanted = Array.from(page.matchAll(blocks), ([, columns, line]) => ({ columns, line }))
  const flags = ['--mount', '--pid', '--net', '--fork', '--kill-child', '--mount-proc']
  // Terminals are counted anew, and the first program leads a session.
  const mount = 'mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts'
  const again = ['sh', '-c', `${mount} && exec setsid node scripts/pictures.mjs`]
  const { stdout, status } = spawnSync('unshare', [...flags, ...again], {
    env: { ...process.env, [INSIDE]: JSON.stringify(wanted) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) process.exit(1)
  const pictures = JSON.parse(stdout.toString())
  const drawn = page.replace(blocks, (_, columns, line) => {
    const text = pictures.shift()
    return `<!-- picture: ${columns} ${line} -->\n\`\`\`\n$ ${line}\n${text}\n\`\`\`\n<!-- end -->`
  })
  writeFileSync(PAGE, drawn)
} else {
  // Nothing below has a path of this machine in its command line.
  const folder = mkdtempSync(join(tmpdir(), 'setsid-'))
  const path = [resolve('bin'), dirname(process.execPath), process.env.PATH].join(':')
  const env = { PATH: path, HOME: '/', TERM: 'xterm', LANG: 'C.UTF-8', NO_COLOR: '1', PS1: '$ ' }
  env.TMUX_TMPDIR = folder
  const tmux = (...args) =>
    execFileSync('tmux', ['-L', 'demo', '-f', '/dev/null', ...args], { env, cwd: '/' }).toString()
  const screen = () => tmux('capture-pane', '-p').trimEnd()
  const until = async (condition) => {
    for (const end = Date.now() + CAP; !condition();) {
      if (Date.now() > end) throw new Error(`not within ${CAP} ms: ${condition}\n${screen()}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const idle = () => /(^|\n)\$$/.test(screen())
  const type = async (line, done = idle) => {
    tmux('send-keys', 'clear', 'Enter')
    await until(() => screen() === '$')
    tmux('send-keys', '-l', line)
    tmux('send-keys', 'Enter')
    await until(() => screen() !== '$' && screen() !== `$ ${line}` && done())
  }
  try {
    const shell = ['env', 'PS1=$ ', 'bash', '--norc', '--noprofile', '-i']
    tmux('new-session', '-d', '-x', '80', '-y', '50', ...shell)
    const terminal = tmux('display-message', '-p', '#{pane_tty}').trim()
    await until(idle)
    const server = ['python3', '-m', 'http.server', '8081', '--directory', '/usr/share/doc']
    const pidFile = ['--pid-file', join(folder, 'web.pid'), '--up-for', '300']
    execFileSync('sess', ['start', ...pidFile, '--', ...server], { env, cwd: '/' })
    tmux('send-keys', 'less /etc/services', 'Enter')
    await until(() => screen().includes('tcp'))
    tmux('send-keys', 'C-z')
    await until(idle)
    await type('tail -n 0 -F /var/log/syslog 2>/dev/null | grep --line-buffered -i error &')
    await type(
      '(find / -xdev -type f -newer /etc/hostname -exec sleep 600 \\; >/dev/null 2>&1 &); echo',
    )
    const pictures = []
    for (const { columns, line } of JSON.parse(process.env[INSIDE])) {
      tmux('resize-window', '-x', columns, '-y', '50')
      // tmux tells the terminal a little later.
      const size = () => execFileSync('stty', ['size', '-F', terminal]).toString().trim()
      await until(() => size() === `50 ${columns}`)
      const live = line.includes('watch')
      await type(line, live ? () => /CPU%[^]* \d\.\d /.test(screen()) : idle)
      const text = screen()
      if (live) tmux('send-keys', 'q')
      pictures.push(live ? text : text.split('\n').slice(1, -1).join('\n'))
    }
    process.stdout.write(JSON.stringify(pictures))
  } finally {
    tmux('kill-server')
    rmSync(folder, { recursive: true })
  }
}
