// Refuses a tarball that is too large, or whose binaries are missing, of the wrong machine, too new or too large. It
// reads their headers, and runs nothing of them: node scripts/gate.mjs [FOLDER OF BINARIES ALONE]
import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './compile.mjs'
import { targets } from './targets.mjs'

const KINDS = ['addon', 'launcher']
const FILES = { addon: 'setsid.node', launcher: 'launcher' }
/** What musl's loader takes to mean musl itself, and glibc has. */
const LIBRARIES = ['libc.so.6', 'libpthread.so.0', 'libm.so.6', 'libdl.so.2', 'librt.so.1']
const NEWEST_GLIBC = 17

/** The faults of an ELF file (elf(5)), by little-endian 64-bit headers. */
function* elfFaults(bytes, kind, machine) {
  const [DYNAMIC, EXECUTABLE] = [3, 2]
  if (bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1) {
    return yield 'is no ELF file of 64 bits'
  }
  const [type, found] = [bytes.readUInt16LE(16), bytes.readUInt16LE(18)]
  if (found !== machine) yield `is for machine ${found}, and ${machine} is asked for`
  if (kind === 'addon' && type !== DYNAMIC) yield 'is no shared library'
  if (kind === 'launcher' && type !== EXECUTABLE && type !== DYNAMIC) yield 'is no program'
  const [start, size, count] = [
    bytes.readBigUInt64LE(32),
    bytes.readUInt16LE(54),
    bytes.readUInt16LE(56),
  ]
  const INTERPRETER = 3
  for (let i = 0; i < count; i++) {
    if (bytes.readUInt32LE(Number(start) + i * size) === INTERPRETER) {
      yield 'is not linked statically: it would start on one libc alone'
    }
  }
  if (kind === 'launcher') return
  // These stand in the table of strings, and nowhere else in what is stripped.
  const text = bytes.toString('latin1')
  const minors = [...text.matchAll(/\0GLIBC_2\.(\d+)/g)].map((match) => Number(match[1]))
  if (Math.max(...minors) > NEWEST_GLIBC) {
    yield `asks for GLIBC_2.${Math.max(...minors)}, and 2.${NEWEST_GLIBC} is what we promise`
  }
  // Names of glibc's own that a compiler takes for what stands in src/.
  for (const [, name] of text.matchAll(/\0(gnu_\w+|__\w+_chk|__isoc\w+)(?=\0)/g)) {
    yield `asks for ${name}, which musl lacks`
  }
  for (const [, name] of text.matchAll(/\0(lib[\w+-]+\.so[.\d]*|ld-[\w-]+\.so[.\d]*)(?=\0)/g)) {
    if (!LIBRARIES.includes(name)) yield `needs ${name}, which is not on every machine`
  }
}

/** The faults of a Mach-O file (mach-o/loader.h). */
function* machFaults(bytes, kind, machine) {
  const [EXECUTE, LIBRARY, BUNDLE, SIGNATURE, ARM64] = [2, 6, 8, 0x1d, 0x0100000c]
  if (bytes.readUInt32LE(0) !== 0xfeedfacf) return yield 'is no Mach-O file of 64 bits'
  const [found, type, count] = [4, 12, 16].map((at) => bytes.readUInt32LE(at))
  if (found !== machine) yield `is for machine ${found}, and ${machine} is asked for`
  if (!(kind === 'addon' ? [LIBRARY, BUNDLE] : [EXECUTE]).includes(type)) {
    yield `is of type ${type}, and no ${kind}`
  }
  const commands = []
  for (let i = 0, at = 32; i < count; i++, at += bytes.readUInt32LE(at + 4)) {
    commands.push(bytes.readUInt32LE(at))
  }
  if (machine === ARM64 && !commands.includes(SIGNATURE)) {
    yield 'is not signed: the kernel kills what it starts'
  }
}

/** What is wrong with the binaries in `folder`, a line each. */
export function faults(folder) {
  const lines = []
  for (const [name, { os, machine, most }] of Object.entries(targets)) {
    KINDS.forEach((kind, i) => {
      const path = join(folder, name, FILES[kind])
      let bytes, stat
      try {
        bytes = readFileSync(path)
        stat = statSync(path)
      } catch (error) {
        lines.push(`${path} can't be read: ${error.code}`)
        return
      }
      if (bytes.length < 4096) lines.push(`${path} has only ${bytes.length} bytes`)
      else {
        const found = os === 'mac' ? machFaults : elfFaults
        for (const fault of found(bytes, kind, machine)) lines.push(`${path} ${fault}`)
      }
      if (bytes.length > most[i]) {
        lines.push(`${path} has ${bytes.length} bytes, and ${most[i]} is the most`)
      }
      if (kind === 'launcher' && (stat.mode & 0o111) !== 0o111) {
        lines.push(`${path} may not be run by everybody`)
      }
    })
  }
  return lines
}

/** The most bytes of the packed tarball, with the binaries of all platforms. */
const LARGEST = 400_000

/** What is wrong with the size of a tarball of the package in `folder`. */
export function sizeFaults(folder) {
  // Without scripts: `prepack` is this gate.
  const line = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const [{ size }] = JSON.parse(execFileSync('npm', line, { cwd: folder, encoding: 'utf8' }))
  return size > LARGEST ? [`the tarball has ${size} bytes, and ${LARGEST} is the most`] : []
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [folder] = process.argv.slice(2)
  const found = faults(folder ?? join(root, 'prebuilds'))
  if (found.length > 0) found.push('npm run prebuild -- --all makes them')
  else if (folder === undefined) found.push(...sizeFaults(root))
  for (const line of found) console.error(`gate: ${line}`)
  process.exitCode = found.length > 0 ? 1 : 0
}
