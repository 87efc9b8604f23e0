// What a process does before it becomes the program that is launched.
#ifdef __linux__

// setgroups
#define _GNU_SOURCE

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launch.h"

// NGROUPS_MAX of Linux.
enum { kMaxGroups = 65536 };

void CloseAllBut(const int* keep, size_t count) {
  DIR* fds = opendir("/proc/self/fd");
  if (fds == NULL) return;
  for (struct dirent* entry; (entry = readdir(fds)) != NULL;) {
    int fd = atoi(entry->d_name);
    bool kept = !isdigit((unsigned char)entry->d_name[0]) || fd == dirfd(fds);
    for (size_t i = 0; i < count; i++) kept = kept || fd == keep[i];
    if (!kept) close(fd);
  }
  closedir(fds);
}

int AboveStdio(int fd) {
  if (fd < 0 || fd > 2) return fd;
  int above = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  close(fd);
  return above;
}

// initgroups, setgid, setuid, in that order, and then the way back is tried:
// setuid(2) leaves no saved ID only for a privileged caller.
bool TakeIdentity(const char* cred) {
  char* end;
  uid_t uid = (uid_t)strtoul(cred, &end, 10);
  if (*end++ != ':') return false;
  gid_t gid = (gid_t)strtoul(end, &end, 10);
  static gid_t groups[kMaxGroups];
  size_t count = 0;
  while (*end != '\0' && count < kMaxGroups) {
    groups[count++] = (gid_t)strtoul(end + 1, &end, 10);
  }
  if (*end != '\0') {
    errno = E2BIG;
    return false;
  }
  if (setgroups(count, groups) != 0 || setgid(gid) != 0 || setuid(uid) != 0)
    return false;
  if (uid != 0 && (setuid(0) == 0 || seteuid(0) == 0)) {
    errno = ENOTRECOVERABLE;
    return false;
  }
  return true;
}

// musl's execvp leaves scripts without "#!" alone; POSIX has it run them.
void Execute(char** program) {
  execvp(program[0], program);
  if (errno != ENOEXEC || strchr(program[0], '/') == NULL) return;
  size_t count = 0;
  while (program[count] != NULL) count++;
  char** shell = malloc((count + 2) * sizeof *shell);
  if (shell == NULL) return;
  shell[0] = (char*)"/bin/sh";
  memcpy(shell + 1, program, (count + 1) * sizeof *shell);
  execv(shell[0], shell);
}

#endif
