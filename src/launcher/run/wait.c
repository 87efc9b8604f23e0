// `sess run --wait` after the start: the two behave as one process. What ends
// or stops the program ends or stops us by the same signal, and what is sent to
// us is passed on. All signals are blocked and taken one by one.
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

static struct {
  pid_t child;
  enum place place;
  int asked;  // the stop signal that we have passed on as SIGSTOP
} self;

// The child is not reaped before we end, so its number stays its own. A group
// of that number is the child's, or there is none.
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
  // A stop signal would discard this, and it is for us and the child.
  if (PendingSignals() & OneSignal(SIGCONT)) return;
  StopWithChild(self.child, StopOurselves, number);
  if (PendingSignals() & OneSignal(SIGCONT)) return;
  // Where no shell could continue us the kernel has ignored the signal (POSIX
  // XSH 2.4.3), and both go on. A program without its terminal would stop
  // again.
  if (!wants_terminal) Continue();
}

static void LookAtChild(void) {
  siginfo_t info;
  for (;;) {
    info.si_pid = 0;
    int news = WSTOPPED | WCONTINUED | WEXITED;
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

// What the terminal sends is for all of the job, and so for the program's whole
// group; what a process sends to us is for the program.
static void PassOn(int number, bool from_kernel) {
  bool stop = number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
  if (number == SIGCONT) {
    Continue();
  } else if (stop && self.place != kGroup) {
    // The program's group is orphaned, so that the kernel would ignore it.
    self.asked = number;
    Send(SIGSTOP, true);
  } else {
    Send(number, from_kernel);
  }
}

_Noreturn void WaitAsOne(pid_t child, enum place place) {
  self.child = child;
  self.place = place;
  LookAtChild();
  for (;;) {
    siginfo_t info;
    int number = WaitForSignal(&info);
    if (number < 0) continue;
    // The kernel's SIGCHLD tells of a child; one that a process sent does not.
    if (number == SIGCHLD && info.si_code > 0) {
      LookAtChild();
    } else {
      PassOn(number, info.si_code == SI_KERNEL);
    }
  }
}

#endif
