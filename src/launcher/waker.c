#ifdef __linux__
#define _GNU_SOURCE
#include "waker.h"

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

bool IsWaker(pid_t pid) { return pid > 0 && pid == last_waker; }

static _Noreturn void WakeAsItWakes(pid_t parent, pid_t child) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  setpgid(0, 0);
  CloseAllBut(NULL, 0);
  int pause = kFirstLook;
  while (getppid() == parent) {
    poll(NULL, 0, pause);
    if (pause < kLastLook) pause *= 2;
    // As long as its parent is stopped, nobody reaps the child: this is its
    // state, and no stranger's.
    char state = StateOf(child);
    // Without /proc nothing can be told.
    if (state == '\0') break;
    // Again and again, as we may be faster than our parent stops: a stop signal
    // on its way discards the SIGCONT. It ends us when it runs.
    if (state != 'T' && state != 't') SignalParent(parent, SIGCONT);
  }
  _exit(0);
}

void StartWaker(pid_t child) {
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid == 0) WakeAsItWakes(parent, child);
  if (pid > 0) waker = last_waker = pid;
}

void EndWaker(void) {
  if (waker > 0 && SignalChild(waker, SIGKILL) == 0) waitpid(waker, NULL, 0);
  waker = -1;
}
#endif
