/**
 * @internal What Node makes of the command line, taken when the package is loaded: the program may change these
 * arrays later. The kernel's own record is in the addon (src/started.cc).
 */
export const started = {
  argv0: process.argv0,
  argv: [...process.argv],
  execArgv: [...process.execArgv],
}
