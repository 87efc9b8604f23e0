// pidfd_open(2) and pidfd_send_signal(2), which libc has since glibc 2.36 only.
// Each gives -ENOSYS where the platform has none.
#ifndef SETSID_PIDFD_CALLS_H_
#define SETSID_PIDFD_CALLS_H_

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "fd.h"
#include "result.h"

namespace sess {

// PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9; -EINVAL before.
constexpr int kToGroup = 4;

#ifdef __linux__
// The same numbers on every architecture since Linux 5.1 (unistd.h of
// asm-generic).
constexpr long kPidfdSendSignal = 424;
constexpr long kPidfdOpen = 434;

// A descriptor, closed on exec, or -errno. -ENOSYS before Linux 5.3.
inline int OpenPidfd(pid_t pid) {
  return static_cast<int>(OrErrno(syscall(kPidfdOpen, pid, 0)));
}

// 0 or -errno. `flags`: 0, to the process, or kToGroup.
inline int SendByPidfd(int pidfd, int signal, int flags) {
  long result = syscall(kPidfdSendSignal, pidfd, signal, nullptr, flags);
  return static_cast<int>(OrErrno(result));
}
#else
inline int OpenPidfd(pid_t) { return -ENOSYS; }
inline int SendByPidfd(int, int, int) { return -ENOSYS; }
#endif

// Whether the kernel, or a sandbox, lets this process use pidfds. Where it does
// not, EPERM tells nothing about another process. The first call tries it with
// this process itself.
inline bool PidfdsWork() {
  static int answer = 0;  // 1 yes, 2 no; both threads would write the same
  int known = __atomic_load_n(&answer, __ATOMIC_RELAXED);
  if (known != 0) return known == 1;
  Fd self(OpenPidfd(getpid()));
  if (self.get() == -EMFILE || self.get() == -ENFILE) return false;
  bool works = self.get() >= 0 && SendByPidfd(self.get(), 0, 0) == 0;
  __atomic_store_n(&answer, works ? 1 : 2, __ATOMIC_RELAXED);
  return works;
}

// Whether the process of a pidfd has ended.
inline bool HasExited(int pidfd) {
  pollfd exit = {pidfd, POLLIN, 0};
  return poll(&exit, 1, 0) == 1;
}

// Whether a process has ended, even if /proc hides it. False: it lives, or the
// kernel does not tell.
inline bool HasEnded(pid_t pid) {
  Fd pidfd(PidfdsWork() ? OpenPidfd(pid) : -ENOSYS);
  return pidfd.get() < 0 ? pidfd.get() == -ESRCH : HasExited(pidfd.get());
}

}  // namespace sess

#endif  // SETSID_PIDFD_CALLS_H_
