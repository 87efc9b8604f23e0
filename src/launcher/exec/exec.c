// The child of spawn(), between libuv's exec and the program's:
//
//   launcher exec [STEP…] -- FILE ARGV0 [ARG…]
//
// The steps are done in the order in which they are given. It tells of a failed
// one by writing two ints, the step's letter and errno, to the status
// descriptor. That closes by itself when the program starts, which is how Node
// learns of success (FD_CLOEXEC, as libuv does for its own fork).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../launcher.h"
#include "../search.h"
#include "../signal.h"

#ifdef __linux__
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#endif

static volatile sig_atomic_t status_fd = -1;

static _Noreturn void Fail(char step) {
  int report[2] = {step, errno};
  if (write(status_fd, report, sizeof report) < 0) _exit(126);
  _exit(127);
}

// A Ctrl-Z before the program has started would stop us with Node waiting for
// the report, and Node is who could continue us. So it is told that all is
// well, as it soon is. exec puts the default back (POSIX exec).
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

// tcsetpgrp stops a background process that doesn't block or ignore SIGTTOU
// (POSIX XBD 11.1.4).
static int TakeForeground(int fd) {
  sigset_t one, before;
  sigemptyset(&one);
  sigaddset(&one, SIGTTOU);
  sigprocmask(SIG_BLOCK, &one, &before);
  int result = tcsetpgrp(fd, getpgrp());
  int error = errno;
  sigprocmask(SIG_SETMASK, &before, NULL);
  errno = error;
  return result;
}

#ifdef __linux__
// The kernel sends the signal when the thread that forked ends, which is good
// enough when that is the main thread. A parent that ended before prctl sends
// nothing more: then getppid has changed (PR_SET_PDEATHSIG(2const)).
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
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  memset(&control, 0, sizeof control);
  struct iovec data = {&sig, sizeof sig};
  struct msghdr message = {0};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &pidfd, sizeof pidfd);
  ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
  int error = errno;
  close(pidfd);
  // A watcher that has seen the parent end takes no more (it shut its side).
  if (sent < 0 && getppid() != parent) SignalSelf(sig);
  errno = error;
  return sent < 0 ? -1 : 0;
}
#endif

// One step, such as "g812": a letter and its numbers.
static void Step(const char* step) {
  char* rest;
  int number = (int)strtol(step + 1, &rest, 10);
  int failed = 0;
  switch (*step) {
    case 'p':  // The status pipe.
      status_fd = number;
      CloseOnExec(status_fd);
      StopWithReport();
      break;
#ifdef __linux__
    case 'd': {  // Signal, parent[, the watcher's socket].
      pid_t parent = (pid_t)strtol(rest + 1, &rest, 10);
      failed = *rest == ',' ? DieWithWatcher((int)strtol(rest + 1, NULL, 10),
                                             parent, number)
                            : DieWith(parent, number);
      break;
    }
#endif
    case 'g':
      failed = setpgid(0, number) != 0;
      break;
    case 't':  // Steals it from another session where we may.
      failed = ioctl(number, TIOCSCTTY, 1) != 0;
      break;
    case 'c':
      failed = ioctl(number, TIOCSCTTY, 0) != 0;
      break;
    case 'f':
      failed = TakeForeground(number) != 0;
      break;
    case 'u':
      umask((mode_t)number);
      break;
    case 'i':
      failed = signal(number, SIG_IGN) == SIG_ERR;
      break;
    default:
      errno = EINVAL;
      failed = 1;
  }
  if (failed) Fail(*step);
}

int ExecMain(int argc, char** argv) {
  int at = 0;
  while (at < argc && strcmp(argv[at], "--") != 0) Step(argv[at++]);
  if (argc - at < 3) {
    errno = EINVAL;
    Fail('x');
  }
  Search(argv[at + 1], argv + at + 2);
  Fail('x');
}
