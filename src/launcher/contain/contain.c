// The step `contain` of exec: the process that Node has started becomes the
// stand-in, and the program goes on two generations below it.
#ifdef __linux__
#define _GNU_SOURCE
#include "contain.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../fds.h"
#include "../launcher.h"

static struct {
  SignalSet inherited;
  int link[2];
  int above;  // a pidfd of the stand-in, for the supervisor
} self;

// Keeps errno.
static int Undo(void) {
  int error = errno;
  RemoveCgroup();
  BlockSignals(self.inherited, NULL);
  errno = error;
  return -1;
}

// The supervisor forks the program, and comes back as the program.
static int BecomeProgram(int channel, enum place place, int leash) {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return -1;
  pid_t supervisor = getpid();
  pid_t program = ForkIntoCgroup();
  if (program < 0) return Undo();
  if (program > 0) {
    if (place == kOwnSession) setsid();
    close(self.link[0]);
    // If somebody has stopped it, the end of the stand-in continues it.
    prctl(PR_SET_PDEATHSIG, SIGCONT, 0, 0, 0);
    Supervise(&(struct supervision){program, self.link[1], channel, leash,
                                    self.above});
  }
  // If the supervisor is killed, the program ends too.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return -1;
  if (getppid() != supervisor) SignalSelf(SIGKILL);
  return BlockSignals(self.inherited, NULL);
}

int Contain(int channel, int node, int number) {
  enum place place = (enum place)number;
  fcntl(channel, F_SETFD, FD_CLOEXEC);
  int leash = AboveStdio((int)syscall(SYS_pidfd_open, node, 0));
  self.above = AboveStdio((int)syscall(SYS_pidfd_open, getpid(), 0));
  // A sandbox may allow to open a pidfd, and no signal by it.
  if (leash < 0 || self.above < 0 || SignalByPidfd(self.above, 0) != 0)
    return -1;
  // Node has ended, and another process may have its number.
  if (getppid() != node) SignalSelf(SIGKILL);
  // The kernel queues a blocked signal even if its disposition is to ignore it.
  if (BlockSignals(EVERY_SIGNAL, &self.inherited) != 0) return -1;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, self.link) != 0 ||
      !BothAboveStdio(self.link))
    return Undo();
  if ((place == kOwnGroup && setpgid(0, 0) != 0) ||
      (place == kBoth && setsid() < 0))
    return Undo();
  OpenCgroup();
  pid_t supervisor = fork();
  if (supervisor < 0) return Undo();
  if (supervisor == 0) return BecomeProgram(channel, place, leash);
  close(self.link[1]);
  if (place == kOwnSession) setsid();
  StandIn(supervisor, self.link[0], channel);
}
#endif
