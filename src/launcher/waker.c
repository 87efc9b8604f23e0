#ifdef __linux__
#define _GNU_SOURCE
#include "waker.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fds.h"
#include "signal.h"
#include "stat.h"

enum { kFirstLook = 20, kLastLook = 500 };
static pid_t waker = -1;
static pid_t last_waker = -1;
// The waker has the other end. If another process kills the waker, the kernel
// sends SIGCONT to the launcher.
static int its_end = -1;

bool IsWaker(pid_t pid) { return pid > 0 && pid == last_waker; }

static bool IsStopped(pid_t child) {
  char state = StateOf(child);
  return state == 'T' || state == 't';
}

static _Noreturn void WakeAsItWakes(pid_t parent, pid_t child, int end) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  setpgid(0, 0);
  CloseAllBut(&end, 1);
  int pause = kFirstLook;
  while (getppid() == parent) {
    poll(NULL, 0, pause);
    if (pause < kLastLook) pause *= 2;
    // While the launcher is stopped, no process reaps the program. So this is
    // the program's state, and not that of a later process with its number.
    // Without /proc the state is unknown.
    //
    // The waker repeats this, as it may be faster than the launcher's stop: a
    // pending stop signal discards the SIGCONT. When the launcher runs, it ends
    // the waker.
    if (StateOf(child) != '\0' && !IsStopped(child))
      SignalParent(parent, SIGCONT);
  }
  _exit(0);
}

static void StartWaker(pid_t child) {
  pid_t parent = getpid();
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) == 0) {
    its_end = AboveStdio(ends[0]);
    // The kernel sends SIGCONT instead of SIGIO (F_SETSIG in fcntl(2)).
    fcntl(its_end, F_SETOWN, parent);
    fcntl(its_end, F_SETSIG, SIGCONT);
    fcntl(its_end, F_SETFL, O_ASYNC);
  }
  pid_t pid = fork();
  if (pid == 0) WakeAsItWakes(parent, child, ends[1]);
  if (pid > 0) waker = last_waker = pid;
  if (ends[1] >= 0) close(ends[1]);
}

// Ends the waker. True when another process had killed it already: a dying
// waker closes its end of the pipe before it can be reaped.
static bool EndWaker(void) {
  struct pollfd end = {its_end, 0, 0};
  bool killed = its_end >= 0 && poll(&end, 1, 0) == 1;
  // This comes first: otherwise the end of the waker would send SIGCONT to the
  // launcher.
  if (its_end >= 0) close(its_end);
  its_end = -1;
  if (waker > 0 && SignalChild(waker, SIGKILL) == 0) waitpid(waker, NULL, 0);
  waker = -1;
  return killed;
}

// Whether only the end of the waker's pipe has continued the launcher.
static bool WokeForNobody(void) {
  siginfo_t info;
  if (TakePending(SIGCONT, &info) != SIGCONT) return false;
  if (info.si_code >= POLL_IN && info.si_code <= POLL_HUP) return true;
  SignalSelf(SIGCONT);
  return false;
}

void StopWithChild(pid_t child, void (*stop)(int number), int number) {
  do {
    StartWaker(child);
    stop(number);
  } while (EndWaker() && WokeForNobody() && IsStopped(child));
}
#endif
