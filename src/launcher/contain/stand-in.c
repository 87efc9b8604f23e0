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
#include "../socket.h"
#include "contain.h"

static struct {
  pid_t supervisor;
  int link;
  int channel;
} self;

// Somebody has killed the supervisor, and the kernel has killed the program.
// The rest has come to this process, which is a subreaper too.
static _Noreturn void EndTheRest(void) {
  // Looks, each after a longer pause: up to some 5 s in all.
  enum { kLooks = 100 };
  bool empty = false;
  struct members killed = {0};
  OrderKill();
  for (int look = 0; !empty && look < kLooks; look++) {
    if (look > 0) poll(NULL, 0, look);
    KillCgroup();
    KillMembers(&killed, NULL);
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    // ECHILD: nobody is left.
    empty = waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED | WNOHANG | WNOWAIT) != 0;
  }
  RemoveCgroup();
  if (empty) {
    // The supervisor may have been killed in the middle of a line.
    (void)!send(self.channel, "\n", 1, MSG_NOSIGNAL);
    OpenLines(self.channel);
    TellNode(kEmpty, NULL);
    FinishLines();
  }
  DieBy(SIGKILL);
}

// The supervisor must never stop: Node's end would end nobody. It is our child
// and not reaped, so its number is its own.
static void ContinueSupervisor(void) {
  siginfo_t info;
  info.si_pid = 0;
  if (waitid(P_PID, (id_t)self.supervisor, &info, WSTOPPED | WNOHANG) == 0 &&
      info.si_pid != 0)
    SignalChild(self.supervisor, SIGCONT);
}

static void ReapSupervisor(void) {
  siginfo_t info;
  do {
    ContinueSupervisor();
    info.si_code = 0;
  } while (waitid(P_PID, (id_t)self.supervisor, &info,
                  WSTOPPED | WEXITED | WNOWAIT) == 0 &&
           info.si_code == CLD_STOPPED);
  waitpid(self.supervisor, NULL, 0);
}

static void HearSupervisor(void) {
  struct ending ending;
  ssize_t size = TakeBytes(self.link, &ending, sizeof ending, 0);
  if (size < 0 && errno == EINTR) return;
  if (size != sizeof ending) EndTheRest();
  // Where nothing else is left, the supervisor ends first: where Node is pid 1
  // of a container, it would become a zombie that nobody reaps.
  if (ending.last) ReapSupervisor();
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
    // The supervisor itself has continued us.
    if (number == SIGCONT && info.si_pid == self.supervisor) continue;
    send(self.link, &number, sizeof number, MSG_NOSIGNAL);
  }
}

_Noreturn void StandIn(pid_t supervisor, int link, int channel) {
  self.supervisor = supervisor;
  self.link = link;
  self.channel = channel;
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  // It must hold neither the caller's pipes nor its folder.
  int keep[] = {link, channel, -1, -1};
  CgroupDescriptors(keep + 2);
  CloseAllBut(keep, sizeof keep / sizeof *keep);
  if (chdir("/") != 0) EndTheRest();
  int signals = OpenSignals(EVERY_SIGNAL);
  for (;;) {
    struct pollfd events[] = {{link, POLLIN, 0}, {signals, POLLIN, 0}};
    poll(events, 2, signals < 0 ? 100 : -1);
    PassOnSignals();
    ContinueSupervisor();
    if (events[0].revents != 0) HearSupervisor();
  }
}
#endif
