// Removes the pidfile of a daemon that was killed before it was ready, and so
// could not remove the file itself. lib/daemon/lock.ts has the rules.
#ifdef __linux__
// O_PATH, F_OFD_SETLK
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../text.h"
#include "launch.h"

static struct {
  int folder;
  char name[NAME_MAX + 1], lock[NAME_MAX + 1], fresh[NAME_MAX + 1];
} file = {.folder = -1};

enum { kCautiously = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };

static void Forget(void) {
  if (file.folder >= 0) close(file.folder);
  file.folder = -1;
}

static bool SetNames(const char* name) {
  const int room = sizeof file.name;
  return snprintf(file.name, sizeof file.name, "%s", name) > 0 &&
         snprintf(file.lock, sizeof file.lock, "%s.lock", name) < room &&
         snprintf(file.fresh, sizeof file.fresh, "%s.new", name) < room;
}

// The launcher opens the folder now, while the program still has the user with
// which it named the file. A later change of the path then leads nowhere else.
// The launcher accepts no file from a program of another user: that program
// could make it remove a file that the program itself may not remove.
void RememberPidFile(const char* path, uid_t writer) {
  const char* slash = strrchr(path, '/');
  char folder[PATH_MAX] = "/";
  if (writer != geteuid() || *path != '/' ||
      (size_t)(slash - path) >= sizeof folder)
    return;
  Forget();
  if (!SetNames(slash + 1)) return;
  if (slash > path) {
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = '\0';
  }
  file.folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

// A regular file of our own user: a descriptor, or -1 with errno.
static int OpenOwn(const char* name, int access, struct stat* found) {
  int fd = openat(file.folder, name, access | kCautiously);
  if (fd < 0) return -1;
  if (fstat(fd, found) == 0 && S_ISREG(found->st_mode) &&
      found->st_uid == geteuid())
    return fd;
  close(fd);
  errno = EPERM;
  return -1;
}

static bool IsInPlace(const char* name, const struct stat* ours) {
  struct stat there;
  return fstatat(file.folder, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         there.st_dev == ours->st_dev && there.st_ino == ours->st_ino;
}

static void RemoveIfNaming(pid_t program) {
  struct stat ours;
  int fd = OpenOwn(file.name, O_RDONLY, &ours);
  if (fd < 0) return;
  char text[32];
  ssize_t size = pread(fd, text, sizeof text - 1, 0);
  close(fd);
  text[size < 0 ? 0 : size] = '\0';
  text[strcspn(text, "\n")] = '\0';
  long long pid;
  if (ParseNumber(text, 1, INT_MAX, &pid) && pid == program &&
      IsInPlace(file.name, &ours))
    unlinkat(file.folder, file.name, 0);
}

void RemovePidFile(pid_t program) {
  if (file.folder < 0) return;
  struct stat ours;
  int lock = OpenOwn(file.lock, O_RDWR, &ours);
  if (lock < 0 && errno != ENOENT) return;
  // The lock is on both bytes: then no daemon has the pidfile for life, and no
  // process is taking or removing it now.
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  if (lock < 0) {
    RemoveIfNaming(program);
  } else if (fcntl(lock, F_OFD_SETLK, &whole) == 0 &&
             IsInPlace(file.lock, &ours)) {
    RemoveIfNaming(program);
    unlinkat(file.folder, file.fresh, 0);
    unlinkat(file.folder, file.lock, 0);
  }
  if (lock >= 0) close(lock);
  Forget();
}
#endif
