// pidfd_open(2) and pidfd_send_signal(2), which libc has since glibc 2.36 only.
#ifndef SETSID_LINUX_PIDFD_CALLS_H_
#define SETSID_LINUX_PIDFD_CALLS_H_

#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../fd.h"

namespace sess {

// The same numbers on every architecture since Linux 5.1 (unistd.h of
// asm-generic).
constexpr long kPidfdSendSignal = 424;
constexpr long kPidfdOpen = 434;
constexpr int kToGroup = 4;  // PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9

// A descriptor or -errno.
inline int PidfdOpenRaw(pid_t pid) {
  long fd = syscall(kPidfdOpen, pid, 0);
  return fd < 0 ? -errno : static_cast<int>(fd);
}

// 0 or -errno.
inline int PidfdSend(int pidfd, int signal, int flags) {
  long result = syscall(kPidfdSendSignal, pidfd, signal, nullptr, flags);
  return result < 0 ? -errno : 0;
}

// Whether this kernel, or the sandbox, lets us use them: an EPERM of theirs
// says nothing of another process then. Asked once, of ourselves.
inline bool PidfdsWork() {
  static int answer = 0;  // 1 yes, 2 no; both threads would write the same
  int known = __atomic_load_n(&answer, __ATOMIC_RELAXED);
  if (known != 0) return known == 1;
  Fd self(PidfdOpenRaw(getpid()));
  if (self.get() == -EMFILE || self.get() == -ENFILE) return false;
  bool works = self.get() >= 0 && PidfdSend(self.get(), 0, 0) == 0;
  __atomic_store_n(&answer, works ? 1 : 2, __ATOMIC_RELAXED);
  return works;
}

// Whether the process of a pidfd has ended.
inline bool IsOver(int pidfd) {
  pollfd exit = {pidfd, POLLIN, 0};
  return poll(&exit, 1, 0) == 1;
}

// Whether a process has ended, also one that /proc hides. False: it can't be
// told.
inline bool HasEnded(pid_t pid) {
  Fd pidfd(PidfdsWork() ? PidfdOpenRaw(pid) : -ENOSYS);
  return pidfd.get() < 0 ? pidfd.get() == -ESRCH : IsOver(pidfd.get());
}

}  // namespace sess

#endif  // SETSID_LINUX_PIDFD_CALLS_H_
