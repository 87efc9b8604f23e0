// What the readers of /proc share.
#ifndef SETSID_LINUX_PROC_H_
#define SETSID_LINUX_PROC_H_

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

namespace sess {

// Whether the number is a process's. /proc opens under the number of any
// thread, unlisted; signal 0 for thread `pid` of process `pid` is refused with
// ESRCH where that is no process.
bool IsProcess(pid_t pid);

// As stat(2), by number: glibc's function is of 2.33, and its statx of 2.28.
// Older container profiles refuse statx, and nobody refuses this one.
int Stat(const char* path, struct stat* result);

}  // namespace sess

#endif  // SETSID_LINUX_PROC_H_
