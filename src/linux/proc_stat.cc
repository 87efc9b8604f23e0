#include "proc_stat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../fd.h"

namespace sess {

int ReadProcStat(pid_t pid, ProcStat* stat) {
  char text[1024];
  snprintf(text, sizeof text, "/proc/%d/stat", pid);
  Fd file(open(text, O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return errno == ENOENT ? -ESRCH : -errno;
  ssize_t length = read(file.get(), text, sizeof text - 1);
  if (length < 0) return -errno;
  text[length] = '\0';
  // The command may hold any byte: it ends at the last ')' (proc_pid_stat(5)).
  const char* at = strrchr(text, ')');
  if (at == nullptr || at[1] != ' ') return -EIO;
  at += 2;
  stat->state = static_cast<uint8_t>(*at);
  // From field 3 on; num_threads is field 20, starttime field 22.
  int64_t threads = 0;
  for (int field = 3; field < 22; field++) {
    if (field == 20) threads = NumberAt(at);
    at = strchr(at, ' ');
    if (at == nullptr) return -EIO;
    at++;
  }
  stat->start = static_cast<double>(NumberAt(at));
  bool over = stat->state == 'Z' || stat->state == 'X';
  stat->live = !over || threads > 1;
  return 0;
}

int CheckProcFolder() {
  char target[16];
  ssize_t length = readlink("/proc/self", target, sizeof target - 1);
  if (length < 0) return -errno;
  target[length] = '\0';
  return NumberAt(target) == getpid() ? 0 : -ENOENT;
}

}  // namespace sess
