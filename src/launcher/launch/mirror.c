// A program that stops, and its launcher, which stops as it does: the shell of
// both waits for us, and has to see its job stopped.
#ifdef __linux__
#define _GNU_SOURCE
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fds.h"
#include "launch.h"

// The waker: a process in a group of its own, which no stop of the job reaches.
// fg and bg continue the whole group. Whoever continues the program by its own
// pid (kill -CONT, cpulimit) or kills it would leave us stopped, and our caller
// waiting for ever: a stopped process hears nothing. There is no event for
// anybody but the parent, so the waker looks, less and less often.
enum { kFirstLook = 20, kLastLook = 500 };
static pid_t waker = -1;
static pid_t last_waker = -1;

bool IsWaker(pid_t pid) { return pid > 0 && pid == last_waker; }

static _Noreturn void WakeAsItWakes(pid_t launcher) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  setpgid(0, 0);
  CloseAllBut(NULL, 0);
  int pause = kFirstLook;
  while (getppid() == launcher) {
    Doze(pause);
    if (pause < kLastLook) pause *= 2;
    // As long as the launcher is stopped, nobody reaps the program: this is its
    // state, and no stranger's.
    char state = StateOf(self.child);
    // Without /proc nothing can be told.
    if (state == '\0') break;
    // Again and again, as we may be faster than the launcher stops. It ends us
    // when it runs.
    if (state != 'T' && state != 't') SignalParent(launcher, SIGCONT);
  }
  _exit(0);
}

static void StartWaker(void) {
  pid_t launcher = getpid();
  pid_t pid = fork();
  if (pid == 0) WakeAsItWakes(launcher);
  // Without one only fg, bg and a SIGCONT to us continue us.
  if (pid > 0) waker = last_waker = pid;
}

static void EndWaker(void) {
  if (waker > 0 && SignalChild(waker, SIGKILL) == 0) waitpid(waker, NULL, 0);
  waker = -1;
}

void MirrorStop(int number) {
  // A stop signal discards a pending SIGCONT, and that one may be for us.
  if ((PendingSignals() & OneSignal(SIGCONT)) != 0) return;
  SetDefault(number);
  if (number != SIGSTOP) {
    SignalSelf(number);
    WaitForSenders();
    // Whoever continued the group in the meantime has continued the program.
    siginfo_t info;
    if (!ChildIs(WSTOPPED, &info)) {
      TakePending(number, NULL);
      return;
    }
  }
  waitid(P_PID, (id_t)self.child, &(siginfo_t){0}, WSTOPPED | WNOHANG);
  StartWaker();
  if (number == SIGSTOP) {
    SignalSelf(SIGSTOP);
  } else {
    UnblockOnce(number);
  }
  EndWaker();
}
#endif
