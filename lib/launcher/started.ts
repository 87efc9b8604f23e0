/**
 * What a program gets as the caller had it, before Node changed it: "IGNORED,SOFT", a mask of signals and the soft
 * limit of descriptors (src/launcher/run/state.c). An option of spawn() and of startDaemon(), for `sess`. @internal
 */
export const startedWith = Symbol('startedWith')

/**
 * @internal What Node makes of the command line, taken when the package is loaded: the program may change these
 * arrays later. The kernel's own record is in the addon (src/started.cc).
 */
export const started = {
  argv0: process.argv0,
  argv: [...process.argv],
  execArgv: [...process.execArgv],
}
