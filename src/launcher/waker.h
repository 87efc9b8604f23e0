// The waker of a process that stops as its program does, since the shell of
// both has to see its job stopped: a process in a group of its own, which no
// stop of the job reaches.
//
// fg and bg continue the whole group. A process that continues the program by
// its own pid (kill -CONT, cpulimit) or kills it would leave its parent
// stopped, and the caller waiting for ever: a stopped process hears nothing.
// There is no event for any process but the parent, so the waker looks, less
// and less often.
#ifndef SETSID_WAKER_H_
#define SETSID_WAKER_H_

#include <stdbool.h>
#include <sys/types.h>

// Stops the caller by `stop(number)` until another process continues it or its
// child, which is not reaped meanwhile. SIGCONT is blocked, and stays pending
// where it was sent to us. Without a waker only fg, bg and a SIGCONT to the
// caller continue it.
void StopWithChild(pid_t child, void (*stop)(int number), int number);
// Whether a SIGCONT of that sender is the waker's, the last one's too.
bool IsWaker(pid_t pid);

#endif  // SETSID_WAKER_H_
