#ifdef __linux__
#define _GNU_SOURCE
#include "fds.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "text.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

// The highest limit that Linux gives by default (fs.nr_open).
enum { kMostDescriptors = 1 << 20 };

static bool IsKept(int fd, const int* keep, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (fd == keep[i]) return true;
  return false;
}

// The smallest kept descriptor that is not below `from`, or -1.
static int NextKept(int from, const int* keep, size_t count) {
  int next = -1;
  for (size_t i = 0; i < count; i++)
    if (keep[i] >= from && (next < 0 || keep[i] < next)) next = keep[i];
  return next;
}

// close_range(2) is new in Linux 5.9. Older container filters refuse it.
static bool CloseRanges(const int* keep, size_t count) {
  for (int from = 0;;) {
    int kept = NextKept(from, keep, count);
    unsigned last = kept < 0 ? UINT_MAX : (unsigned)kept - 1;
    if (kept != from && syscall(SYS_close_range, from, last, 0) != 0)
      return false;
    if (kept < 0) return true;
    from = kept + 1;
  }
}

static bool CloseListed(const int* keep, size_t count) {
  DIR* fds = opendir("/proc/self/fd");
  if (fds == NULL) return false;
  errno = 0;
  for (struct dirent* entry; (entry = readdir(fds)) != NULL;) {
    long long fd;
    if (ParseNumber(entry->d_name, 0, INT_MAX, &fd) && fd != dirfd(fds) &&
        !IsKept((int)fd, keep, count))
      close((int)fd);
  }
  bool complete = errno == 0 || errno == EBADF;
  closedir(fds);
  return complete;
}

void CloseAllBut(const int* keep, size_t count) {
  if (CloseRanges(keep, count) || CloseListed(keep, count)) return;
  // There is no free descriptor, or no /proc. This loop misses a descriptor
  // above the limit: it was open before the limit was lowered.
  struct rlimit limit;
  int end = kMostDescriptors;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
      limit.rlim_cur < kMostDescriptors)
    end = (int)limit.rlim_cur;
  for (int fd = 0; fd < end; fd++)
    if (!IsKept(fd, keep, count)) close(fd);
}

int AboveStdio(int fd) {
  if (fd < 0 || fd > 2) return fd;
  int above = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  int error = errno;
  close(fd);
  errno = error;
  return above;
}

bool BothAboveStdio(int fds[2]) {
  return (fds[0] = AboveStdio(fds[0])) >= 0 &&
         (fds[1] = AboveStdio(fds[1])) >= 0;
}
#endif
