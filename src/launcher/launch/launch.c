// The launch part. The caller waits for the launcher, and the program runs
// below it until it has become a daemon. ../PROTOCOL.md has the words that they
// exchange.
//
//   launch [--OPTION=VALUE]... -- FILE [ARG]...
//
// Without --report launcher and program are in one process group and behave as
// one. When the program ends or stops, the launcher ends or stops in the same
// way. The launcher passes on a signal that was sent to its pid. With --mark
// the program has to become a daemon, within --timeout; without it the program
// may become one. With --report the program starts in a session of its own, and
// the launcher reports in lines on FD.

#ifdef __linux__
#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../fds.h"
#include "../launcher.h"

struct launch self = {.name = "sess",
                      .child = -1,
                      .signals = -1,
                      .listener = -1,
                      .link = -1,
                      .report = -1,
                      .direct = -1,
                      .gate = -1,
                      .ready = -1,
                      .notify = -1,
                      .deadline = kNoTime,
                      .up_for = kNoTime,
                      .up = kNoTime,
                      .grace = 5000};

int64_t Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t After(int64_t ms) { return ms > 0 ? Now() + ms : kNoTime; }

void Doze(int ms) { poll(NULL, 0, ms); }

static void OpenPipe(int fds[2]) {
  if (pipe2(fds, O_CLOEXEC) != 0 || !BothAboveStdio(fds))
    Finish(kEndFailed, errno);
}

// Ctrl-Z stops the child also before its exec, and the shell has to see that.
static void AwaitBeginning(int fd) {
  enum { kLook = 20 };
  struct pollfd beginning = {fd, POLLIN, 0};
  while (poll(&beginning, 1, kLook) == 0) LookAtStop();
}

// Reads what the child says before its exec: an errno when exec has failed, a
// negative errno when a step before has failed, 0 when it waits at the gate.
// End of file: the program has begun, or the child has ended.
static void HearBeginning(int fd) {
  int error = 0;
  ssize_t size;
  AwaitBeginning(fd);
  do {
    size = read(fd, &error, sizeof error);
  } while (size < 0 && errno == EINTR);
  bool waits = size == sizeof error && error == 0;
  self.gate = waits ? fd : -1;
  if (!waits) close(fd);
  if (size != sizeof error || waits) return;
  if (error > 0) Finish(kEndNoExec, error);
  Finish(kEndFailed, -error);
}

void LetBegin(void) {
  if (self.gate >= 0) {
    int gate = self.gate;
    send(gate, "", 1, MSG_NOSIGNAL);
    HearBeginning(gate);
  }
  self.deadline = After(self.limit);
  if (self.up_for != kNoTime) self.up = Now() + self.up_for;
}

static void OpenWays(const struct options* options, int ready[2]) {
  if (options->ready_fd >= 0) {
    OpenPipe(ready);
    self.ready = ready[0];
  }
  if (options->notify && (self.notify = OpenNotify()) < 0)
    Finish(kEndFailed, errno);
  if ((self.listener = OpenLink()) < 0) Finish(kEndFailed, errno);
  // By this variable the program knows that this is its second run.
  if (options->restarted && setenv("SETSID_LAUNCHER", "restart", 1) != 0)
    Finish(kEndFailed, errno);
}

static void StartProgram(const struct options* options) {
  int ready[2] = {-1, -1}, failure[2];
  OpenWays(options, ready);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, failure) != 0 ||
      !BothAboveStdio(failure))
    Finish(kEndFailed, errno);
  // In kTogether the launcher adopts no orphans of the program: they go where
  // they would go without the launcher.
  bool adopts = self.phase == kApart || self.expected;
  if (adopts && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
    Finish(kEndFailed, errno);
  int canary = self.phase == kTogether ? StartCanary() : -1;

  pid_t parent = getpid();
  self.child = fork();
  if (self.child < 0) Finish(kEndFailed, errno);
  if (self.child == 0) RunProgram(options, ready[1], failure[1], parent);
  self.ticks = StartTicks(self.child);
  close(failure[1]);
  if (ready[1] >= 0) close(ready[1]);
  // The launcher must not hold the caller's pipes open: only the program
  // decides when they close.
  int keep[] = {2,           self.signals, self.listener,
                self.report, self.ready,   self.notify,
                self.direct, canary,       failure[0]};
  CloseAllBut(keep, sizeof keep / sizeof *keep);
  HearBeginning(failure[0]);
}

int LaunchMain(int argc, char** argv) {
  struct options options;
  if (!ParseOptions(argc, argv, &options)) return 2;
  self.file = options.program[0];
  self.expected = options.restarted;
  // This is the first number of --cred. TakeIdentity reads the rest.
  self.user =
      options.cred != NULL ? (uid_t)strtoul(options.cred, NULL, 10) : geteuid();
  if (self.report >= 0) {
    self.phase = kApart;
    if (fcntl(self.report, F_SETFD, FD_CLOEXEC) != 0) return 2;
  }
  // The kernel queues a blocked signal even if its disposition is to ignore it.
  // So the launcher changes no disposition, and the program inherits them all
  // as they were.
  if (BlockSignals(EVERY_SIGNAL, &self.inherited) != 0)
    Finish(kEndFailed, errno);
  if (self.report >= 0) StartGuarded();
  self.signals = AboveStdio(OpenSignals(EVERY_SIGNAL));
  if (self.signals < 0) Finish(kEndFailed, errno);
  self.up_for = options.up_for;
  StartProgram(&options);
  if (self.report >= 0) {
    ReportStarted();
  } else {
    LetBegin();
  }
  Wait();
}

#else

#include <stdio.h>

#include "../launcher.h"

int LaunchMain(int argc, char** argv) {
  (void)argc;
  (void)argv;
  fputs("sess: launch needs Linux\n", stderr);
  return 1;
}

#endif
