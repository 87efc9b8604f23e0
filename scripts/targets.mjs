/**
 * What is published, and what gate.mjs expects of it: `machine` is e_machine of ELF, or cputype of Mach-O; `most` are
 * bytes of the addon and of the launcher.
 */
export const targets = {
  // musl has every symbol of an addon for an old glibc, and takes libc.so.6 and libpthread.so.0 to mean itself.
  'linux-x64': {
    os: 'linux',
    most: [65_536, 81_920],
    machine: 62,
    addon: 'x86_64-linux-gnu.2.17',
    launcher: 'x86_64-linux-musl',
  },
  'linux-arm64': {
    os: 'linux',
    most: [65_536, 92_160],
    machine: 183,
    addon: 'aarch64-linux-gnu.2.17',
    launcher: 'aarch64-linux-musl',
    // They would bring in all of the compiler's own library.
    flags: ['-mno-outline-atomics'],
  },
  'darwin-x64': {
    os: 'mac',
    most: [65_536, 32_768],
    machine: 0x01000007,
    addon: 'x86_64-macos.11.0',
    launcher: 'x86_64-macos.11.0',
  },
  'darwin-arm64': {
    os: 'mac',
    // Half of it are the zeros between pages of 16 kB.
    most: [114_688, 65_536],
    machine: 0x0100000c,
    addon: 'aarch64-macos.11.0',
    launcher: 'aarch64-macos.11.0',
  },
}
