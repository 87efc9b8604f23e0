// The child of spawn(), between libuv's exec and the program's:
//
//   launcher exec [STEP…] -- FILE ARGV0 [ARG…]
//
// ExecMain does the steps in the given order: STEP_WORDS of ../protocol.h. When
// a step fails, it writes two ints to the status descriptor: the step's index
// and errno. The index of the program itself is the count of steps. The kernel
// closes that descriptor when the program starts, and so Node learns of the
// success (FD_CLOEXEC, as libuv does for its own fork).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../launcher.h"
#include "../search.h"
#include "../signal.h"
#include "../socket.h"
#include "../text.h"

#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

static volatile sig_atomic_t status_fd = -1;

typedef enum { STEP_WORDS(PROTOCOL_NAME) } StepWord;
static const Word kSteps[] = {STEP_WORDS(PROTOCOL_ROW)};
enum { kStepWords = sizeof kSteps / sizeof *kSteps };

static void ReturnForeground(void);

static _Noreturn void Fail(int index) {
  ReturnForeground();
  int report[2] = {index, errno};
  if (write(status_fd, report, sizeof report) < 0) _exit(126);
  _exit(127);
}

// A Ctrl-Z may stop this process before the program has started. Then Node
// would wait for the report, and only Node could continue this process. So the
// handler first closes the status descriptor, which tells Node of a success.
// The program soon starts, and exec restores the default action (POSIX exec).
static void ReportAndStop(int sig) {
  int error = errno;
  close(status_fd);
  status_fd = -1;
  SignalSelf(sig);
  errno = error;
}

static void StopWithReport(void) {
  struct sigaction action = {0};
  action.sa_handler = ReportAndStop;
  action.sa_flags = (int)(SA_RESETHAND | SA_NODEFER | SA_RESTART);
  sigaction(SIGTSTP, &action, NULL);
}

static void CloseOnExec(int fd) { fcntl(fd, F_SETFD, FD_CLOEXEC); }

// The group that had the terminal before. `fd` is -1 as long as this process
// has not taken the terminal.
static struct {
  int fd;
  pid_t holder;
} taken = {-1, 0};

// tcsetpgrp stops a background process that doesn't block or ignore SIGTTOU
// (POSIX XBD 11.1.4).
static int SetForeground(int fd, pid_t group) {
  sigset_t one, before;
  sigemptyset(&one);
  sigaddset(&one, SIGTTOU);
  sigprocmask(SIG_BLOCK, &one, &before);
  int result = tcsetpgrp(fd, group);
  int error = errno;
  // This restores SIGTTOU alone: musl's `before` lacks signals 32 to 34.
  if (!sigismember(&before, SIGTTOU)) sigprocmask(SIG_UNBLOCK, &one, NULL);
  errno = error;
  return result;
}

// Takes the terminal from group `holder` only; 0: from any group. A parent in
// the background has no terminal to give, and a shell exits when its background
// job takes the terminal. The shell may still take it between tcgetpgrp and
// tcsetpgrp: the kernel has no call that does both.
static int TakeForeground(int fd, pid_t holder) {
  pid_t now = tcgetpgrp(fd);
  if (now < 0) return -1;
  if (holder != 0 && now != holder) {
    errno = EPERM;
    return -1;
  }
  if (SetForeground(fd, getpgrp()) != 0) return -1;
  taken.fd = fd;
  taken.holder = now;
  return 0;
}

// No program starts, so the terminal goes back to its former group. It stays
// where it is if another group has it by now.
static void ReturnForeground(void) {
  int error = errno;
  if (taken.fd >= 0 && tcgetpgrp(taken.fd) == getpgrp()) {
    SetForeground(taken.fd, taken.holder);
  }
  errno = error;
}

#ifdef __linux__
// The kernel sends the signal when the thread that forked ends. That works when
// this is the main thread. If the parent has ended before prctl, the kernel
// sends nothing: then getppid() has changed (PR_SET_PDEATHSIG(2const)).
static int DieWith(pid_t parent, int sig) {
  if (prctl(PR_SET_PDEATHSIG, sig) != 0) return -1;
  if (getppid() != parent) SignalSelf(sig);
  return 0;
}

// Hands our pidfd to the watcher (watch.c), for parents whose thread may end
// before them.
static int DieWithWatcher(int fd, pid_t parent, int sig) {
  CloseOnExec(fd);
  int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
  if (pidfd < 0) return -1;
  int result = SendDescriptor(fd, sig, pidfd);
  int error = errno;
  close(pidfd);
  // A watcher that has seen the parent end has shut its side, and takes no more
  // registrations.
  if (result != 0 && getppid() != parent) SignalSelf(sig);
  errno = error;
  return result;
}
#endif

static void TakeStatus(int fd) {
  status_fd = fd;
  CloseOnExec(fd);
  StopWithReport();
}

static int Die(const Message* step) {
#ifdef __linux__
  int sig = (int)step->values[0];
  pid_t parent = (pid_t)step->values[1];
  return step->count == 3 ? DieWithWatcher((int)step->values[2], parent, sig)
                          : DieWith(parent, sig);
#else
  (void)step;
  errno = ENOSYS;
  return -1;
#endif
}

// 0, or -1 with errno.
static int Do(const Message* step) {
  int number = step->count > 0 ? (int)step->values[0] : 0;
  switch ((StepWord)step->word) {
    case kStepStatus:
      TakeStatus(number);
      return 0;
    case kStepDeath:
      return Die(step);
    case kStepContain:
#ifdef __linux__
      if (step->count != 3) break;
      return Contain(number, (int)step->values[1], (int)step->values[2]);
#else
      errno = ENOSYS;
      return -1;
#endif
    case kStepSession:
      return setsid() < 0 ? -1 : 0;
    case kStepGroup:
      return setpgid(0, number);
    case kStepSteal:  // From another session where we may.
      return ioctl(number, TIOCSCTTY, 1);
    case kStepTerminal:
      return ioctl(number, TIOCSCTTY, 0);
    case kStepForeground:
      return TakeForeground(number, (pid_t)step->values[1]);
    case kStepUmask:
      umask((mode_t)number);
      return 0;
    case kStepIgnore:
      return signal(number, SIG_IGN) == SIG_ERR ? -1 : 0;
  }
  errno = EINVAL;
  return -1;
}

int ExecMain(int argc, char** argv) {
  int at = 0;
  for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
    Message step;
    if (!Decode(kSteps, kStepWords, '=', argv[at], &step)) {
      errno = EINVAL;
      Fail(at);
    }
    if (Do(&step) != 0) Fail(at);
  }
  errno = EINVAL;
  if (argc - at >= 3) Search(argv[at + 1], argv + at + 2);
  Fail(at);
}
