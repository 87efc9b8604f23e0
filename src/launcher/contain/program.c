// Signals for the program, which its parent, the supervisor, has not reaped
// yet: its number is the program's.
#ifdef __linux__
#define _GNU_SOURCE
#include <limits.h>
#include <unistd.h>

#include "contain.h"

// Without /proc the supervisor knows only the program, and its group.
void KillProgram(pid_t program) {
  if (getpgid(program) == program) SignalGroupOf(program, SIGKILL);
  SignalChild(program, SIGKILL);
}

// A signal that is pending here too went to the group of the stand-in, as
// kill(-pid) of Node's child does: it is for the program's group.
void PassOn(pid_t program, int number) {
  // No process is signalling that group any more: see WaitForSenders of launch.
  setpgid(0, INT_MAX);
  bool group = TakePending(number, NULL) == number;
  if (!group || getpgid(program) != program ||
      SignalGroupOf(program, number) != 0)
    SignalChild(program, number);
}
#endif
