// What the readers of /proc share.
#ifndef SETSID_LINUX_PROC_H_
#define SETSID_LINUX_PROC_H_

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>

#include "../process_table.h"

namespace sess {

// The digits at `text`. strtol of a new glibc has a version that an old one
// lacks.
inline int64_t NumberAt(const char* text) {
  int64_t value = 0;
  for (; *text >= '0' && *text <= '9'; text++) {
    value = value * 10 + (*text - '0');
  }
  return value;
}

// Whether the number is a process's. /proc opens under the number of any
// thread, unlisted; signal 0 for thread `pid` of process `pid` is refused with
// ESRCH where that is no process.
bool IsProcess(pid_t pid);

// Whether a process is in session or group `id`, or is process `id`: 1 or 0, or
// -errno where the kernel doesn't tell (a security module, a sandbox). Such a
// process may be one.
int InScope(pid_t pid, Scope scope, pid_t id);

// As stat(2), by number: glibc's function is of 2.33, and its statx of 2.28.
// Older container profiles refuse statx, and none refuses this one.
int Stat(const char* path, struct stat* result);

// 0 where /proc is there, and shows the pids that this process knows; -ENOENT
// where it is that of another pid namespace, as after unshare(CLONE_NEWPID).
int CheckProc();

// /proc/PID/stat, opened: a descriptor, -ESRCH where the process is gone or
// hidden, or another -errno. To read it fails once the process was reaped.
int OpenStat(pid_t pid);

// Calls `see` with each number that /proc lists, until it gives other than 0.
// That result, or -errno where the table can't be read.
template <typename See>
int EachProcess(See see) {
  int result = CheckProc();
  if (result != 0) return result;
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return -errno;
  while (result == 0) {
    errno = 0;
    const dirent* entry = readdir(proc);
    if (entry == nullptr) {
      result = -errno;
      break;
    }
    if (*entry->d_name < '1' || *entry->d_name > '9') continue;
    result = see(static_cast<pid_t>(NumberAt(entry->d_name)));
  }
  closedir(proc);
  return result;
}

}  // namespace sess

#endif  // SETSID_LINUX_PROC_H_
