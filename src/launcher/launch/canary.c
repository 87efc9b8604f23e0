// Tells which signals were sent to the launcher alone, and which to the whole
// group. The program has got the latter itself.
#ifdef __linux__

#define _GNU_SOURCE
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fds.h"
#include "../waker.h"
#include "launch.h"

enum { kCanaryPatience = 50 };

// The canary is a member of the launcher's group that blocks every signal. A
// signal that is pending for it was sent to the whole group, and so to the
// program too. Any other signal was sent to the launcher's pid alone, and the
// launcher must pass it on.
static struct {
  pid_t pid;
  int fd;
  bool credit[kLastSignal +
              1];  // a second one for the group, seen while taking the first
} canary = {.pid = -1, .fd = -1};

static _Noreturn void Sing(int fd) {
  CloseAllBut(&fd, 1);
  for (unsigned char number; read(fd, &number, 1) == 1;) {
    unsigned char pending = TakePending(number, NULL) == number;
    if (write(fd, &pending, 1) != 1) break;
  }
  // The launcher is gone.
  _exit(0);
}

int StartCanary(void) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return -1;
  pid_t pid = fork();
  if (pid == 0) Sing(pair[1]);
  close(pair[1]);
  canary.fd = AboveStdio(pair[0]);
  if (pid > 0) canary.pid = pid;
  if (pid < 0 || canary.fd < 0) EndCanary();
  return canary.fd;
}

bool IsCanary(pid_t pid) { return pid > 0 && pid == canary.pid; }

void EndCanary(void) {
  if (canary.pid > 0 && SignalChild(canary.pid, SIGKILL) == 0)
    waitpid(canary.pid, NULL, 0);
  if (canary.fd >= 0) close(canary.fd);
  canary.pid = canary.fd = -1;
}

// The kernel hands out a signal to a group under the read lock of its task
// list. setpgid takes the write lock before it checks its arguments. So a
// process that was already signalling a group has finished when setpgid
// returns. No group has the number INT_MAX, so the launcher never leaves its
// group. The number of its own group may be 0 in a container, and setpgid(0, 0)
// might make it leave.
void WaitForSenders(void) { setpgid(0, INT_MAX); }

// The canary's answer: 1 or 0, or -1 when none comes in time.
static int Ask(int number, int patience) {
  unsigned char byte = (unsigned char)number;
  if (send(canary.fd, &byte, 1, MSG_NOSIGNAL) != 1) return -1;
  struct pollfd answer = {canary.fd, POLLIN, 0};
  if (poll(&answer, 1, patience) != 1) return -1;
  return recv(canary.fd, &byte, 1, 0) == 1 ? byte : -1;
}

// Whether `number` went to the whole group. Takes the signal from the canary.
bool TakeFromCanary(int number, bool* known) {
  *known = canary.pid > 0;
  if (!*known) return false;
  if (canary.credit[number]) {
    canary.credit[number] = false;
    return true;
  }
  WaitForSenders();
  int answer = Ask(number, kCanaryPatience);
  if (answer >= 0) return answer == 1;
  // A SIGSTOP to the group has stopped the canary. If the signal that continued
  // the launcher had gone to the whole group, the canary would run too.
  unsigned char late = 0;
  if (SignalChild(canary.pid, SIGCONT) != 0 ||
      poll(&(struct pollfd){canary.fd, POLLIN, 0}, 1, 1000) != 1 ||
      recv(canary.fd, &late, 1, 0) != 1) {
    *known = false;
    return false;
  }
  if (number == SIGCONT) return false;
  Ask(SIGCONT, 1000);
  return late == 1;
}

bool TakeSignal(int number) {
  bool known;
  bool group = TakeFromCanary(number, &known);
  siginfo_t info;
  if (TakePending(number, &info) != number) return false;
  // The waker has sent this to a launcher that had stopped with its program.
  if (number == SIGCONT && IsWaker(info.si_pid)) return false;
  // Without a canary, the sender decides: the terminal signals whole groups.
  if (!known) return info.si_code != SI_KERNEL;
  // The group may have got the signal again between the two steps above. Then
  // it has merged with the one just taken, or it is still pending here.
  bool again = TakeFromCanary(number, &known);
  if (again)
    canary.credit[number] = (PendingSignals() & OneSignal(number)) != 0;
  return !group;
}

#endif
