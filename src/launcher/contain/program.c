// Signals for the program, and its stops. Its parent, the supervisor, has
// not reaped it yet: its number is the program's.
#ifdef __linux__
#define _GNU_SOURCE
#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contain.h"

// Without /proc the supervisor knows only the program, and its group.
void KillProgram(pid_t program) {
  if (getpgid(program) == program) SignalGroupOf(program, SIGKILL);
  SignalChild(program, SIGKILL);
}

// A signal that is pending here too went to the group of the stand-in, as
// kill(-pid) of Node's child does: it is for the program's group. The stand-in
// itself sends SIGCONT to the supervisor.
void PassOn(pid_t program, int number) {
  // No process is signalling that group any more: see WaitForSenders of launch.
  setpgid(0, INT_MAX);
  siginfo_t info;
  bool group = TakePending(number, &info) == number &&
               (info.si_code != SI_USER || info.si_pid != getppid());
  if (!group || getpgid(program) != program ||
      SignalGroupOf(program, number) != 0)
    SignalChild(program, number);
}

void TellStops(pid_t program) {
  siginfo_t info;
  for (;;) {
    info.si_pid = 0;
    if (waitid(P_PID, (id_t)program, &info, WSTOPPED | WCONTINUED | WNOHANG) !=
            0 ||
        info.si_pid == 0)
      return;
    // The supervisor itself stops what it kills.
    if (GivenOrder() == kOrderKill) continue;
    if (info.si_code == CLD_STOPPED) {
      TellNode(kStopped, (long long[]){info.si_status});
    } else {
      TellNode(kContinued, NULL);
    }
  }
}
#endif
