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

#include "run.h"

static const uint64_t kAll = UINT64_MAX;

static struct {
  pid_t child;
  enum place place;
  int asked;  // the stop signal that we have passed on as SIGSTOP
} self;

// The child is not reaped before we end, so its number stays its own. A group
// of that number is the child's, or there is none.
static void Send(int number, bool group) {
  if (!group || kill(-self.child, number) != 0) kill(self.child, number);
}

// Dead as the program: 128 + number for pid 1, which the kernel spares
// (pid_namespaces(7)). The core is the program's, if there is one.
static _Noreturn void DieBy(int number) {
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  signal(number, SIG_DFL);
  kill(getpid(), number);
  SetMask(kAll & ~MaskOf(number));
  _exit(128 + number);
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

// The state of the child as proc_pid_stat(5) has it, or '\0'.
static char StateOfChild(void) {
  char path[32], text[512];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)self.child);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (size <= 0) return '\0';
  text[size] = '\0';
  const char* name_end = strrchr(text, ')');
  return name_end != NULL && name_end[1] == ' ' ? name_end[2] : '\0';
}

// Somebody may continue the program by its own pid, and no news of that wakes a
// stopped parent: a process is needed that looks. It goes on until we end it,
// since a stop signal on its way discards the SIGCONT.
static pid_t StartWaker(void) {
  pid_t parent = getpid();
  pid_t waker = fork();
  if (waker != 0) return waker;
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  while (getppid() == parent) {
    poll(NULL, 0, 100);
    char state = StateOfChild();
    if (state == '\0') break;
    if (state != 'T' && state != 't' && getppid() == parent)
      kill(parent, SIGCONT);
  }
  _exit(0);
}

// We stop by the child's signal: to the shell this process is the job.
static void StopOurselves(int number) {
  pid_t waker = StartWaker();
  struct sigaction action = {0}, before;
  action.sa_handler = SIG_DFL;
  sigaction(number, &action, &before);
  kill(getpid(), number);
  SetMask(kAll & ~MaskOf(number));
  SetMask(kAll);
  sigaction(number, &before, NULL);
  if (waker <= 0) return;
  kill(waker, SIGKILL);
  waitpid(waker, NULL, 0);
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
  if (PendingSignals() & MaskOf(SIGCONT)) return;
  StopOurselves(number);
  if (PendingSignals() & MaskOf(SIGCONT)) return;
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
    long number = syscall(SYS_rt_sigtimedwait, &kAll, &info, NULL, sizeof kAll);
    if (number < 0) continue;
    // The kernel's SIGCHLD tells of a child; one that somebody sent does not.
    if (number == SIGCHLD && info.si_code > 0)
      LookAtChild();
    else
      PassOn((int)number, info.si_code == SI_KERNEL);
  }
}

#endif
