/**
 * `import 'setsid/launch'` as the first line of a program, and the shell that started it
 * waits for the launcher, with the program below it: a later `daemonize()` keeps
 * all state and gives the prompt back.
 *
 * The process becomes the launcher, which starts the program again from its
 * beginning: what stands before the import runs twice, and the start of Node is
 * paid twice. `sess launch` or the launcher itself has neither price. Nothing
 * happens in a worker thread, under a launcher, under systemd, as pid 1 of a
 * container, for a program that came by stdin, and on other systems than Linux.
 *
 * It gets the same bytes of arguments and environment, and the same working folder.
 *
 * @module setsid/launch
 * @throws `EAGAIN` output from before the import is queued, and would be lost (`reason: 'output-queued'`)
 * @throws `ERR_RUNTIME_UNSUPPORTED` the runtime is Deno
 * @throws the errno of execve() where the launcher can't be run
 */
import { goBelowLauncher } from './daemon/below-launcher.ts'

goBelowLauncher()
