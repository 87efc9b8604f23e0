// Which signals were sent to the launcher's process alone, and which to the
// whole group, in which the program has got them itself.
#ifdef __linux__

// NSIG, struct timespec, POLLIN
#define _GNU_SOURCE

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launch.h"

enum { kCanaryPatience = 50 };

// The canary: a member of our group that blocks every signal. What is pending
// for it was sent to the whole group, and so to the program too; what is not,
// was meant for our pid alone and must be passed on.
static struct {
  pid_t pid;
  int fd;
  bool credit[NSIG];  // a second one for the group, seen while taking the first
} canary = {.pid = -1, .fd = -1};

static _Noreturn void Sing(int fd) {
  CloseAllBut(&fd, 1);
  const struct timespec none = {0, 0};
  for (unsigned char number; read(fd, &number, 1) == 1;) {
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, number);
    unsigned char pending = sigtimedwait(&one, NULL, &none) == number;
    if (write(fd, &pending, 1) != 1) break;
  }
  // The launcher is gone.
  _exit(0);
}

int StartCanary(void) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return -1;
  canary.pid = fork();
  if (canary.pid == 0) Sing(pair[1]);
  close(pair[1]);
  canary.fd = fcntl(pair[0], F_DUPFD_CLOEXEC, 3);
  close(pair[0]);
  return canary.fd;
}

void EndCanary(void) {
  if (canary.pid <= 0) return;
  kill(canary.pid, SIGKILL);
  waitpid(canary.pid, NULL, 0);
  close(canary.fd);
  canary.pid = canary.fd = -1;
}

// Signals to a group are handed out under the lock for readers of the task
// list; setpgid takes it for writing before it looks at anything. So whoever
// was signalling when this is called has finished when it returns. No group has
// this number: with our own, which may be 0 in a container, we might leave it.
void WaitForSenders(void) { setpgid(0, INT_MAX); }

// The canary's answer: 1, 0, or -1 for none.
static int Ask(int number, int patience) {
  unsigned char byte = (unsigned char)number;
  if (send(canary.fd, &byte, 1, MSG_NOSIGNAL) != 1) return -1;
  struct pollfd answer = {canary.fd, POLLIN, 0};
  if (poll(&answer, 1, patience) != 1) return -1;
  return recv(canary.fd, &byte, 1, 0) == 1 ? byte : -1;
}

// Whether `number` went to the whole group. Takes it from the canary.
bool TakeFromCanary(int number, bool* known) {
  *known = true;
  if (canary.credit[number]) {
    canary.credit[number] = false;
    return true;
  }
  WaitForSenders();
  int answer = Ask(number, kCanaryPatience);
  if (answer >= 0) return answer == 1;
  // Stopped by a SIGSTOP to the group. Had the signal that woke us gone to all,
  // it would be awake.
  unsigned char late = 0;
  if (kill(canary.pid, SIGCONT) != 0 ||
      poll(&(struct pollfd){canary.fd, POLLIN, 0}, 1, 1000) != 1 ||
      recv(canary.fd, &late, 1, 0) != 1) {
    *known = false;
    return false;
  }
  if (number == SIGCONT) return false;
  Ask(SIGCONT, 1000);
  return late == 1;
}

bool IsPending(int number) {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, number) == 1;
}

bool TakeSignal(int number) {
  const struct timespec none = {0, 0};
  bool known;
  bool group = TakeFromCanary(number, &known);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, number);
  siginfo_t info;
  if (sigtimedwait(&one, &info, &none) != number) return false;
  // Without a canary, the sender decides: the terminal signals whole groups.
  if (!known) return info.si_code != SI_KERNEL;
  // Another one for the group may have come between those two steps. Either
  // it merged with the one just taken, or it is still pending here.
  bool again = TakeFromCanary(number, &known);
  if (again) canary.credit[number] = IsPending(number);
  return !group;
}

#endif
