// `sess run --wait` after the start: the launcher and the program behave as one
// process. When a signal ends or stops the program, the launcher ends or stops
// by the same signal. The launcher passes on the signals that it gets. It
// blocks all signals and takes them one by one.
#ifdef __linux__

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../signal.h"
#include "../waker.h"
#include "run.h"

enum { kAnyState = WSTOPPED | WCONTINUED | WEXITED };
static struct {
  pid_t child;
  enum place place;
  int asked;  // the stop signal that we have passed on as SIGSTOP
} self;

// The launcher reaps the child only at its own end, so the number stays the
// child's. If there is a group of that number, it is the child's too.
static void Send(int number, bool group) {
  if (!group || SignalGroupOf(self.child, number) != 0)
    SignalChild(self.child, number);
}

static _Noreturn void End(const siginfo_t* info) {
  bool exited = info->si_code == CLD_EXITED;
  int value = info->si_status;
  if (self.place == kGroup)
    TakeTerminalBack(self.child, exited ? kKeepModes : kRestoreModes);
  waitpid(self.child, NULL, 0);
  if (exited) _exit(value);
  DieBy(value);
}

static void Continue(void) {
  self.asked = 0;
  if (self.place == kGroup) LendTerminal(self.child);
  Send(SIGCONT, true);
}

// We stop by the child's signal: to the shell this process is the job.
static void StopOurselves(int number) {
  struct sigaction action = {0}, before;
  action.sa_handler = SIG_DFL;
  sigaction(number, &action, &before);
  SignalSelf(number);
  UnblockOnce(number);
  sigaction(number, &before, NULL);
}

static void Stopped(int number) {
  bool wants_terminal = number == SIGTTIN || number == SIGTTOU;
  if (self.place == kGroup && wants_terminal && LendTerminal(self.child)) {
    Send(SIGCONT, true);
    return;
  }
  if (self.place == kGroup) TakeTerminalBack(self.child, kRestoreModes);
  if (self.asked != 0) number = self.asked;
  self.asked = 0;
  // A stop signal would discard this SIGCONT, which is meant for the launcher
  // and the child.
  if (PendingSignals() & OneSignal(SIGCONT)) return;
  StopWithChild(self.child, StopOurselves, number);
  if (PendingSignals() & OneSignal(SIGCONT)) return;
  // If no shell could continue the launcher, the kernel has ignored the stop
  // signal (POSIX XSH 2.4.3). Then both go on, unless the program has stopped
  // for the terminal: it would only stop again.
  if (!wants_terminal) Continue();
}

static void LookAtChild(int states) {
  siginfo_t info;
  for (;;) {
    info.si_pid = 0;
    int news = states;
    if (waitid(P_PID, (id_t)self.child, &info, news | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid != self.child)
      return;
    if (info.si_code != CLD_STOPPED && info.si_code != CLD_CONTINUED)
      End(&info);
    news = WSTOPPED | WCONTINUED;
    waitid(P_PID, (id_t)self.child, &(siginfo_t){0}, news | WNOHANG);
    if (info.si_code == CLD_STOPPED) Stopped(info.si_status);
  }
}

// The terminal signals the whole job, so its signals go to the program's whole
// group. A signal that a process sends to the launcher goes to the program
// alone.
static void PassOn(int number, bool from_kernel) {
  bool stop = number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
  if (number == SIGCONT) {
    Continue();
  } else if (stop && self.place != kGroup) {
    // The program's group is orphaned, so the kernel would ignore this signal
    // there.
    self.asked = number;
    Send(SIGSTOP, true);
  } else {
    Send(number, from_kernel);
  }
}

void AwaitStart(pid_t child, enum place place, int fd) {
  enum { kLook = 20 };
  struct pollfd start = {fd, POLLIN, 0};
  self.child = child;
  self.place = place;
  while (poll(&start, 1, kLook) == 0) {
    LookAtChild(WSTOPPED | WCONTINUED);
    if (TakePending(SIGCONT, NULL) == SIGCONT) Continue();
  }
}

_Noreturn void WaitAsOne(void) {
  LookAtChild(kAnyState);
  for (;;) {
    siginfo_t info;
    int number = WaitForSignal(&info);
    if (number < 0) continue;
    // A SIGCHLD of the kernel tells of the child. One that a process has sent
    // is passed on.
    if (number == SIGCHLD && info.si_code > 0) {
      LookAtChild(kAnyState);
    } else {
      PassOn(number, info.si_code == SI_KERNEL);
    }
  }
}

#endif
