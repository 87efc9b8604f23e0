#include "proc.h"

#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sess {

bool IsProcess(pid_t pid) {
  if (syscall(SYS_tgkill, pid, pid, 0) == 0) return true;
  return errno != ESRCH && errno != EINVAL;
}

int InScope(pid_t pid, Scope scope, pid_t id) {
  if (scope == Scope::kAll) return 1;
  if (scope == Scope::kProcess) return pid == id && IsProcess(pid) ? 1 : 0;
  pid_t theirs = scope == Scope::kSession ? getsid(pid) : getpgid(pid);
  if (theirs < 0) return errno == ESRCH ? 0 : -errno;
  return theirs == id ? 1 : 0;
}

int Stat(const char* path, struct stat* result) {
#ifdef SYS_newfstatat
  return static_cast<int>(syscall(SYS_newfstatat, AT_FDCWD, path, result, 0));
#else
  return fstatat(AT_FDCWD, path, result, 0);
#endif
}

int CheckProc() {
  char target[16];
  ssize_t length = readlink("/proc/self", target, sizeof target - 1);
  if (length < 0) return -errno;
  target[length] = '\0';
  return NumberAt(target) == getpid() ? 0 : -ENOENT;
}

int OpenStat(pid_t pid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) return fd;
  return errno == ENOENT ? -ESRCH : -errno;
}

}  // namespace sess
