// When the program stops, the launcher stops too, so that the shell sees its
// job stopped. The waker is a process that continues the launcher. It has a
// process group of its own, so no stop of the job reaches it.
//
// fg and bg continue the whole group. But another process may continue the
// program by its pid alone (kill -CONT, cpulimit), or kill it. Then the
// launcher would stay stopped, and its caller would wait for ever. The kernel
// tells only the parent of a child's state, so the waker polls, less and less
// often.
#ifndef SETSID_WAKER_H_
#define SETSID_WAKER_H_

#include <stdbool.h>
#include <sys/types.h>

// Stops the calling process by `stop(number)`, until another process continues
// it or its child. Until then no process may reap the child. SIGCONT must be
// blocked: one that was sent to the calling process stays pending. Without a
// waker only fg, bg and a SIGCONT to the calling process continue it.
void StopWithChild(pid_t child, void (*stop)(int number), int number);
// Whether `pid`, the sender of a SIGCONT, is the waker or the last waker.
bool IsWaker(pid_t pid);

#endif  // SETSID_WAKER_H_
