import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openFolder } from '../helpers/folder.ts'

type Names = 'linux-x64' | 'linux-arm64' | 'darwin-x64' | 'darwin-arm64'
const script = (name: string): string => new URL(`../../scripts/${name}`, import.meta.url).href
const { targets } = (await import(script('targets.mjs'))) as {
  targets: Record<Names, { os: string; machine: number }>
}
interface Gate {
  faults(folder: string): string[]
  sizeFaults(folder: string): string[]
}
const { faults, sizeFaults } = (await import(script('gate.mjs'))) as Gate
const PROGRAM = 2
const LIBRARY = { elf: 3, mach: 6 }

/** A file whose headers alone are those of an addon or a launcher. */
function elf(machine: number, type: number, text = ''): Buffer {
  const bytes = Buffer.alloc(8192)
  bytes.write('\x7fELF\x02\x01', 0, 'latin1')
  bytes.writeUInt16LE(type, 16)
  bytes.writeUInt16LE(machine, 18)
  bytes.writeBigUInt64LE(64n, 32)
  bytes.writeUInt16LE(56, 54)
  bytes.write(text, 4096, 'latin1')
  return bytes
}

function mach(machine: number, type: number, command: number): Buffer {
  const bytes = Buffer.alloc(8192)
  for (const [at, value] of [
    [0, 0xfeedfacf],
    [4, machine],
    [12, type],
    [16, 1],
    [32, command],
    [36, 16],
  ] as const) {
    bytes.writeUInt32LE(value, at)
  }
  return bytes
}

/** What the gate says when one file is another one. */
function said(path?: string, change: (file: string) => void = () => undefined): string[] {
  const folder = openFolder()
  for (const [name, { os, machine }] of Object.entries(targets)) {
    mkdirSync(join(folder, name))
    const addon =
      os === 'mac' ? mach(machine, LIBRARY.mach, 0x1d) : elf(machine, LIBRARY.elf, '\0GLIBC_2.17\0')
    writeFileSync(join(folder, name, 'setsid.node'), addon)
    const launcher = os === 'mac' ? mach(machine, PROGRAM, 0x1d) : elf(machine, PROGRAM)
    writeFileSync(join(folder, name, 'launcher'), launcher, { mode: 0o755 })
  }
  if (path !== undefined) change(join(folder, path))
  return faults(folder).map((line) => line.replace(`${folder}/`, ''))
}

const write = (bytes: Buffer) => (file: string) => writeFileSync(file, bytes)
const { machine: x64 } = targets['linux-x64']
const { machine: arm64 } = targets['linux-arm64']
const { machine: macX64 } = targets['darwin-x64']
const { machine: macArm64 } = targets['darwin-arm64']

test('the gate lets a whole set pass', () => {
  expect(said()).toEqual([])
})

test.each([
  ['a missing launcher', 'linux-arm64/launcher', rmSync, "can't be read: ENOENT"],
  ['a missing addon', 'darwin-x64/setsid.node', rmSync, "can't be read: ENOENT"],
  [
    'an addon of another machine',
    'linux-arm64/setsid.node',
    write(elf(x64, LIBRARY.elf)),
    'is for machine 62, and 183 is asked for',
  ],
  [
    'a launcher of another machine',
    'linux-x64/launcher',
    write(elf(arm64, PROGRAM)),
    'is for machine 183, and 62 is asked for',
  ],
  [
    'a Mach-O file of another machine',
    'darwin-arm64/launcher',
    write(mach(macX64, PROGRAM, 0x1d)),
    'is for machine 16777223, and 16777228 is asked for',
  ],
  [
    'a Mach-O file for Linux',
    'linux-x64/setsid.node',
    write(mach(macX64, LIBRARY.mach, 0)),
    'is no ELF file of 64 bits',
  ],
  [
    'a program that is not signed, where the kernel asks for it',
    'darwin-arm64/launcher',
    write(mach(macArm64, PROGRAM, 1)),
    'is not signed: the kernel kills what it starts',
  ],
  [
    'a symbol that is too new',
    'linux-x64/setsid.node',
    write(elf(x64, LIBRARY.elf, '\0GLIBC_2.4\0GLIBC_2.33\0')),
    'asks for GLIBC_2.33, and 2.17 is what we promise',
  ],
  [
    'a function that only glibc has',
    'linux-arm64/setsid.node',
    write(elf(arm64, LIBRARY.elf, '\0GLIBC_2.4\0gnu_dev_makedev\0')),
    'asks for gnu_dev_makedev, which musl lacks',
  ],
  [
    'a library of C++',
    'linux-x64/setsid.node',
    write(elf(x64, LIBRARY.elf, '\0libc.so.6\0libstdc++.so.6\0')),
    'needs libstdc++.so.6, which is not on every machine',
  ],
  [
    'a program as the addon',
    'linux-x64/setsid.node',
    write(elf(x64, PROGRAM, '\0GLIBC_2.4\0')),
    'is no shared library',
  ],
  [
    'what is too large',
    'linux-x64/setsid.node',
    write(Buffer.concat([elf(x64, LIBRARY.elf), Buffer.alloc(100_000)])),
    'has 108192 bytes, and 65536 is the most',
  ],
  ['a file cut off', 'linux-x64/launcher', write(Buffer.from('\x7fELF')), 'has only 4 bytes'],
  [
    'a launcher that may not be run',
    'linux-x64/launcher',
    (file: string) => chmodSync(file, 0o644),
    'may not be run by everybody',
  ],
])('the gate refuses %s', (_, path, change, why) => {
  expect(said(path, change)).toEqual([`${path} ${why}`])
})

test('the gate refuses a launcher that is not linked statically', () => {
  const own = readFileSync(process.execPath).subarray(0, 8192)
  expect(own.toString('latin1', 0, 4)).toBe('\x7fELF')
  const target = `linux-${process.arch}`
  expect(said(`${target}/launcher`, write(own))).toEqual([
    `${target}/launcher is not linked statically: it would start on one libc alone`,
  ])
})

test.each([
  [399_000, []],
  [401_000, [expect.stringMatching(/^the tarball has \d+ bytes, and 400000 is the most$/)]],
])('the gate looks at the packed size: %d bytes', (size, expected) => {
  const folder = openFolder()
  writeFileSync(join(folder, 'package.json'), '{ "name": "packed", "version": "1.0.0" }')
  // It can't be compressed.
  writeFileSync(join(folder, 'noise'), randomBytes(size))
  expect(sizeFaults(folder)).toEqual(expected)
})
