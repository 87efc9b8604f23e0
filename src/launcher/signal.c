#define _GNU_SOURCE
#include "signal.h"

#include <errno.h>
#include <unistd.h>

int SignalSelf(int number) { return kill(getpid(), number); }

#ifdef __linux__
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>

enum { kSetSize = sizeof(SignalSet) };

static int Send(pid_t pid, pid_t target, int number) {
  // A failed fork gives -1, and kill(-1) signals every process of the user.
  if (pid <= 1) {
    errno = EINVAL;
    return -1;
  }
  return kill(target, number);
}

int SignalChild(pid_t child, int number) { return Send(child, child, number); }

int SignalGroupOf(pid_t child, int number) {
  return Send(child, -child, number);
}

int SignalByPidfd(int pidfd, int number) {
  return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

int SignalParent(pid_t parent, int number) {
  if (getppid() != parent) {
    errno = ESRCH;
    return -1;
  }
  return Send(parent, parent, number);
}

int BlockSignals(SignalSet set, SignalSet* before) {
  return (int)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, before, kSetSize);
}

void UnblockOnce(int number) {
  SignalSet set = EVERY_SIGNAL & ~OneSignal(number), before;
  if (BlockSignals(set, &before) == 0) BlockSignals(before, NULL);
}

SignalSet PendingSignals(void) {
  SignalSet set = 0;
  syscall(SYS_rt_sigpending, &set, kSetSize);
  return set;
}

int TakePending(int number, siginfo_t* info) {
  const struct timespec none = {0, 0};
  SignalSet one = OneSignal(number);
  return (int)syscall(SYS_rt_sigtimedwait, &one, info, &none, kSetSize);
}

int WaitForSignal(siginfo_t* info) {
  SignalSet every = EVERY_SIGNAL;
  return (int)syscall(SYS_rt_sigtimedwait, &every, info, NULL, kSetSize);
}

int OpenSignals(SignalSet set) {
  return (int)syscall(SYS_signalfd4, -1, &set, kSetSize,
                      SFD_CLOEXEC | SFD_NONBLOCK);
}

void SetDefault(int number) {
  // The kernel's struct sigaction: SIG_DFL, and no flags.
  const uint64_t none[4] = {0};
  syscall(SYS_rt_sigaction, number, none, NULL, kSetSize);
}

_Noreturn void DieBy(int number) {
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  SetDefault(number);
  SignalSelf(number);
  UnblockOnce(number);
  _exit(128 + number);
}
#endif
