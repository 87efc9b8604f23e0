// The process that Node knows as the child. It ends as the program ends.
#ifdef __linux__
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fds.h"
#include "../launcher.h"
#include "contain.h"

static struct {
  pid_t supervisor;
  int link;
} self;

// Somebody has killed the supervisor, and the kernel has killed the program.
// The rest has come to this process, which is a subreaper too.
static _Noreturn void EndTheRest(void) {
  for (;;) {
    KillMembers();
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    if (waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED | WNOHANG | WNOWAIT) != 0)
      break;
    poll(NULL, 0, 1);
  }
  DieBy(SIGKILL);
}

static void HearSupervisor(void) {
  struct ending ending;
  ssize_t size = recv(self.link, &ending, sizeof ending, 0);
  if (size < 0 && errno == EINTR) return;
  if (size != sizeof ending) EndTheRest();
  // Where nothing else is left, the supervisor ends first: where Node is pid 1
  // of a container, it would become a zombie that nobody reaps.
  if (ending.last) waitpid(self.supervisor, NULL, 0);
  if (ending.signal != 0) DieBy(ending.signal);
  _exit(ending.code);
}

static void PassOnSignals(void) {
  SignalSet pending = PendingSignals();
  for (int number = 1; number <= kLastSignal; number++) {
    siginfo_t info;
    if ((pending & OneSignal(number)) == 0 ||
        TakePending(number, &info) != number)
      continue;
    // A SIGCHLD of the kernel tells of the supervisor.
    if (number == SIGCHLD && info.si_code > 0) continue;
    send(self.link, &number, sizeof number, MSG_NOSIGNAL);
  }
}

_Noreturn void StandIn(pid_t supervisor, int link) {
  self.supervisor = supervisor;
  self.link = link;
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  // It must hold neither the caller's pipes nor its folder.
  CloseAllBut(&link, 1);
  if (chdir("/") != 0) EndTheRest();
  int signals = OpenSignals(EVERY_SIGNAL);
  for (;;) {
    struct pollfd events[] = {{link, POLLIN, 0}, {signals, POLLIN, 0}};
    poll(events, 2, signals < 0 ? 100 : -1);
    PassOnSignals();
    if (events[0].revents != 0) HearSupervisor();
  }
}
#endif
