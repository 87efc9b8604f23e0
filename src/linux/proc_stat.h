// The few fields of /proc/PID/stat that tell one process from another.
#ifndef SETSID_LINUX_PROC_STAT_H_
#define SETSID_LINUX_PROC_STAT_H_

#include <sys/types.h>

#include <cstdint>

namespace sess {

struct ProcStat {
  uint8_t state = '?';
  bool live = true;  // no zombie, or one that lives by its other threads
  double start = 0;  // in ticks since boot
};

// The digits at `text`. strtol of a new glibc has a version that an old one
// lacks.
inline int64_t NumberAt(const char* text) {
  int64_t value = 0;
  for (; *text >= '0' && *text <= '9'; text++)
    value = value * 10 + (*text - '0');
  return value;
}

// 0, -ESRCH where it is gone or hidden, or another -errno.
int ReadProcStat(pid_t pid, ProcStat* stat);

// Whether `pid` is that of a process, and not of a single thread.
bool IsProcess(pid_t pid);

// 0, or -errno: there is no /proc, or it is that of another pid namespace.
int CheckProcFolder();

}  // namespace sess

#endif  // SETSID_LINUX_PROC_STAT_H_
