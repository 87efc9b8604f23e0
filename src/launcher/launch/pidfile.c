// The pidfile of a daemon that could not remove it itself: it was killed, and it
// is not ready.
#ifdef __linux__
// O_PATH, F_OFD_SETLK
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../text.h"
#include "launch.h"

static struct {
  int folder;
  char name[NAME_MAX + 1];
} file = {.folder = -1};

static void Forget(void) {
  if (file.folder >= 0) close(file.folder);
  file.folder = -1;
}

// The folder is opened now, while the program is who it was when it named the
// file: what is swapped in the path later leads nowhere else. A program of
// another user than we are could make us remove what it may not.
void RememberPidFile(const char* path, uid_t writer) {
  const char* slash = strrchr(path, '/');
  if (writer != geteuid() || slash == NULL || *path != '/' ||
      strlen(slash + 1) > NAME_MAX || slash[1] == '\0')
    return;
  char folder[PATH_MAX] = "/";
  size_t length = (size_t)(slash - path);
  if (length >= sizeof folder) return;
  if (length > 0) memcpy(folder, path, length);
  if (length > 0) folder[length] = '\0';
  Forget();
  file.folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  strcpy(file.name, slash + 1);
}

// Nobody else has it locked, by either kind of lock.
static bool IsFree(int fd) {
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  return fcntl(fd, F_OFD_SETLK, &whole) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

// Empty, or naming the program.
static bool IsOurs(int fd, pid_t program) {
  char text[32];
  ssize_t size = pread(fd, text, sizeof text - 1, 0);
  if (size <= 0) return size == 0;
  text[size] = '\0';
  text[strcspn(text, "\n")] = '\0';
  long long pid;
  return ParseNumber(text, 1, INT_MAX, &pid) && pid == program;
}

static bool IsInPlace(const struct stat* ours) {
  struct stat there;
  return fstatat(file.folder, file.name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         there.st_dev == ours->st_dev && there.st_ino == ours->st_ino;
}

void RemovePidFile(pid_t program) {
  if (file.folder < 0) return;
  int fd = openat(file.folder, file.name,
                  O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat ours;
  if (fd >= 0 && fstat(fd, &ours) == 0 && S_ISREG(ours.st_mode) &&
      ours.st_uid == geteuid() && IsOurs(fd, program) && IsFree(fd) &&
      IsInPlace(&ours) && unlinkat(file.folder, file.name, 0) != 0) {
    // A folder that is not ours to change: an empty file names no daemon.
    (void)!ftruncate(fd, 0);
  }
  if (fd >= 0) close(fd);
  Forget();
}
#endif
