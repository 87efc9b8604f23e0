// With --report two processes wait for a daemon. If another process kills one
// of them, the other one cleans up:
//
//   Node -- guard -- launcher -- program
//
// The kernel can't end the program with the launcher: the program itself would
// have to clear PR_SET_PDEATHSIG when it is ready, and it may be any program.
// When the launcher is killed, the guard is the next subreaper: it becomes the
// parent of all processes below the launcher, and ends them. When the guard is
// killed, the launcher gets SIGTERM by PR_SET_PDEATHSIG and ends the start as
// for Ctrl-C.
#ifdef __linux__
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fds.h"
#include "launch.h"

static const Word kReports[] = {REPORT_WORDS(PROTOCOL_ROW)};

// What the launcher has reported and the guard has not passed on yet. The
// verdict is the last line, and it waits here until the launcher has ended. So
// when Node reads "ready", the daemon has got its final parent.
static char lines[4096];
static size_t length;

static bool Holds(const char* word) {
  size_t size = strlen(word);
  return length > size && memcmp(lines, word, size) == 0;
}

static void Pass(size_t size) {
  // Node may be gone. Then no process reads this.
  (void)!write(self.report, lines, size);
  length -= size;
  memmove(lines, lines + size, length);
}

static void ReadLines(int from) {
  ssize_t size = read(from, lines + length, sizeof lines - length);
  if (size > 0) length += (size_t)size;
  // The guard passes on `started` at once: Node writes the pidfile by it.
  char* end = memchr(lines, '\n', length);
  if (end != NULL && Holds(kReports[kStarted].word))
    Pass((size_t)(end + 1 - lines));
}

static bool HasEnded(pid_t launcher) {
  siginfo_t info = {0};
  return waitid(P_PID, (id_t)launcher, &info, WEXITED | WNOHANG | WNOWAIT) !=
             0 ||
         info.si_pid == launcher;
}

static void HandleSignals(pid_t launcher) {
  for (int number = 1; number <= kLastSignal; number++) {
    if (TakePending(number, NULL) != number) continue;
    if (number == SIGHUP || number == SIGINT || number == SIGQUIT ||
        number == SIGTERM)
      SignalChild(launcher, number);
  }
}

static _Noreturn void Conclude(pid_t launcher, int from) {
  ReadLines(from);
  int status = 0;
  waitpid(launcher, &status, 0);
  if (length > 0) {
    Pass(length);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
  }
  // The launcher was killed, and all that was below it is now below the guard.
  pid_t left[64];
  size_t count = EndEverything(0, left, sizeof left / sizeof *left);
  for (size_t i = 0; i < count; i++) Report(kLeft, (long long[]){left[i]});
  int number = WIFSIGNALED(status) ? WTERMSIG(status) : SIGKILL;
  Report(kCancelled, (long long[]){number});
  _exit(1);
}

static _Noreturn void Guard(pid_t launcher, int from) {
  int signals = AboveStdio(OpenSignals(EVERY_SIGNAL));
  int keep[] = {self.report, from, signals};
  CloseAllBut(keep, sizeof keep / sizeof *keep);
  struct pollfd events[] = {
      {signals, POLLIN, 0}, {from, POLLIN, 0}, {self.report, 0, 0}};
  // Without a signalfd the guard looks every 100 ms.
  int pause = signals < 0 ? 100 : -1;
  while (!HasEnded(launcher)) {
    poll(events, sizeof events / sizeof *events, pause);
    if (events[1].revents != 0) ReadLines(from);
    // Only the launcher writes to this pipe, so its end means the launcher's
    // end.
    if ((events[1].revents & POLLHUP) != 0) events[1].fd = -1;
    if (events[2].revents != 0) {
      // No process reads the report any more: Node is gone.
      events[2].fd = -1;
      SignalChild(launcher, SIGTERM);
    }
    HandleSignals(launcher);
  }
  Conclude(launcher, from);
}

void StartGuarded(void) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0 || !BothAboveStdio(fds) ||
      prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
    Finish(kEndFailed, errno);
  pid_t guard = getpid();
  pid_t launcher = fork();
  if (launcher < 0) Finish(kEndFailed, errno);
  if (launcher > 0) {
    close(fds[1]);
    Guard(launcher, fds[0]);
  }
  close(fds[0]);
  // Node reads end of file there when both guard and launcher have ended.
  self.direct = self.report;
  self.report = fds[1];
  if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0) Finish(kEndFailed, errno);
  if (getppid() != guard) _exit(1);
}
#endif
