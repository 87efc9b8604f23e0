#include "proc.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

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

int CheckProcOn(dev_t device) {
  static std::atomic<dev_t> checked;
  if (checked.load(std::memory_order_relaxed) == device) return 0;
  int result = CheckProc();
  struct stat root;
  if (result == 0 && Stat("/proc", &root) == 0 && root.st_dev == device) {
    checked.store(device, std::memory_order_relaxed);
  }
  return result;
}

StatPath::StatPath(pid_t pid) {
  char digits[10];
  int count = 0;
  for (pid_t rest = pid; rest > 0; rest /= 10) {
    digits[count++] = static_cast<char>('0' + rest % 10);
  }
  slash_ = text_ + strlen("/proc/");
  if (count == 0) *slash_++ = '-';
  while (count > 0) *slash_++ = digits[--count];
  constexpr char kStat[] = "/stat";
  memcpy(slash_, kStat, sizeof kStat);
}

int OpenStat(const StatPath& path) {
  int fd = open(path.File(), O_RDONLY | O_CLOEXEC);
  if (fd >= 0) return fd;
  return errno == ENOENT ? -ESRCH : -errno;
}

}  // namespace sess
