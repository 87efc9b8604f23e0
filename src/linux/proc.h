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

// The digits at `text`; too many wrap around. strtol of a new glibc has a
// version that an old one lacks.
inline int64_t NumberAt(const char* text) {
  uint64_t value = 0;
  for (; *text >= '0' && *text <= '9'; text++) {
    value = value * 10 + static_cast<uint64_t>(*text - '0');
  }
  return static_cast<int64_t>(value);
}

// Whether `pid` is the number of a process. /proc can't tell: it opens under
// the number of any thread, although it does not list that. So this sends
// signal 0 to thread `pid` of process `pid`. The kernel refuses it with ESRCH
// when `pid` is no process.
bool IsProcess(pid_t pid);

// Whether a process is in session or group `id`, or is process `id`: 1 or 0. Or
// -errno when the kernel doesn't tell (a security module, a sandbox): then the
// process may be a member.
int InScope(pid_t pid, Scope scope, pid_t id);

// stat(2) by its system call number: glibc's function needs glibc 2.33, and its
// statx needs 2.28. Older container profiles refuse statx, and none refuses
// this call.
int Stat(const char* path, struct stat* result);

// 0 when /proc shows the pid namespace of this process; -ENOENT when it shows
// another one, as after unshare(CLONE_NEWPID), or is not there; another -errno.
int CheckProc();

// The same for a file that was read there, by the device of the file. Each
// mounted /proc has a device of its own, so it is checked once.
int CheckProcOn(dev_t device);

// "/proc/PID/stat". snprintf takes as long as a system call.
class StatPath {
 public:
  // `pid` is more than 0; another one gives the path of no process.
  explicit StatPath(pid_t pid);
  const char* File() const { return text_; }
  // Cuts the text: it is the folder's from now on.
  const char* Folder() {
    *slash_ = '\0';
    return text_;
  }

 private:
  char text_[24] = "/proc/";
  char* slash_;
};

// Opens /proc/PID/stat: a descriptor, -ESRCH where the process is gone or
// hidden, or another -errno. A read fails once the process is reaped.
int OpenStat(const StatPath& path);
inline int OpenStat(pid_t pid) { return OpenStat(StatPath(pid)); }

// Calls `see` with each number that /proc lists, until `see` returns other than
// 0. Returns that value or 0, or -errno when the table can't be read.
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
