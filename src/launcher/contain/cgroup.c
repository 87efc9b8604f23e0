// A cgroup of version 2 for a contained child, where one can be made: below our
// own, if this user may write there. The kernel then kills all of it at once,
// and it outlives both the stand-in and the supervisor (cgroups(7)).
#ifdef __linux__
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../buffer.h"
#include "../fds.h"
#include "../stat.h"
#include "../text.h"
#include "contain.h"

#ifndef SYS_clone3
#define SYS_clone3 435
#endif
// CLONE_INTO_CGROUP, Linux 5.7.
#define INTO_CGROUP 0x200000000ULL
static const char kPrefix[] = "setsid-";

static struct {
  int parent, fd;
  // setsid-PID-NAMESPACE: who has another pid namespace may share our cgroup.
  char name[64];
} self = {.parent = -1, .fd = -1};

// The folder of our own cgroup, or -1. Version 2 is often mounted beside
// version 1, so the place is read and not guessed. A mount that shows a part
// of the tree alone has that part as its root.
static int OpenOwn(void) {
  char *mounts = ReadWhole(AT_FDCWD, "/proc/self/mountinfo"),
       *cgroups = ReadWhole(AT_FDCWD, "/proc/self/cgroup"), path[PATH_MAX];
  const char* own = cgroups == NULL ? NULL : RestOfLine(cgroups, "0::");
  int fd = -1;
  char* rest = NULL;
  for (char* line = mounts; own != NULL && fd < 0 && line != NULL;
       line = rest) {
    rest = strchr(line, '\n');
    if (rest != NULL) *rest++ = '\0';
    // The fourth field and the fifth, and the one behind a single hyphen
    // (proc_pid_mountinfo(5)).
    char *root = NULL, *point = NULL, *type = NULL, *state = NULL;
    char* field = strtok_r(line, " ", &state);
    for (int n = 1; field != NULL && type == NULL; n++) {
      bool last = n > 6 && strcmp(field, "-") == 0;
      if (n == 4) root = field;
      if (n == 5) point = field;
      field = strtok_r(NULL, " ", &state);
      if (last) type = field;
    }
    if (type == NULL || strcmp(type, "cgroup2") != 0) continue;
    size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    // Blanks in a path are written as \040: such a mount is left out.
    if (strncmp(own, root, length) != 0 ||
        (own[length] != '/' && own[length] != '\0') ||
        strchr(point, '\\') != NULL)
      continue;
    int size = snprintf(path, sizeof path, "%s%s", point, own + length);
    if (size < (int)sizeof path)
      fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  free(mounts);
  free(cgroups);
  return AboveStdio(fd);
}

// The pid in a name that a stand-in of our pid namespace has made; else 0.
static pid_t StandInOf(const char* name) {
  const char* space = strrchr(name, '-');
  long long pid;
  char number[16];
  size_t before = sizeof kPrefix - 1;
  if (strncmp(name, kPrefix, before) != 0 || space < name + before ||
      strcmp(space + 1, PidNamespace()) != 0)
    return 0;
  int size = snprintf(number, sizeof number, "%.*s",
                      (int)(space - name - (ptrdiff_t)before), name + before);
  if (size >= (int)sizeof number || !ParseNumber(number, 1, INT_MAX, &pid))
    return 0;
  return (pid_t)pid;
}

// Removes the empty cgroups of stand-ins that were killed with their
// supervisors. The kernel refuses where somebody is in one.
static void Sweep(int parent) {
  enum { kMost = 64 };
  int seen = 0, copy = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* folder = copy < 0 ? NULL : fdopendir(copy);
  if (folder == NULL) return;
  for (struct dirent* entry; (entry = readdir(folder)) != NULL;) {
    pid_t pid = StandInOf(entry->d_name);
    if (pid == 0) continue;
    if (seen++ == kMost) break;
    if (getsid(pid) < 0 && errno == ESRCH) RemoveEmpty(parent, entry->d_name);
  }
  closedir(folder);
}

void OpenCgroup(void) {
  self.parent = OpenOwn();
  if (self.parent < 0) return;
  Sweep(self.parent);
  snprintf(self.name, sizeof self.name, "%s%d-%s", kPrefix, (int)getpid(),
           PidNamespace());
  bool made = mkdirat(self.parent, self.name, 0755) == 0;
  // A stand-in that had our number before us has left it empty: both it and
  // its supervisor were killed, or the supervisor lives. A living one may still
  // remove the name, and then the child is in no cgroup.
  if (!made && errno == EEXIST) {
    RemoveEmpty(self.parent, self.name);
    made = mkdirat(self.parent, self.name, 0755) == 0;
  }
  if (made) {
    self.fd = AboveStdio(
        openat(self.parent, self.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (self.fd >= 0) return;
    unlinkat(self.parent, self.name, AT_REMOVEDIR);
  }
  close(self.parent);
  self.parent = -1;
}

uint64_t CgroupId(void) {
  struct stat found;
  // The inode of a cgroup is its number, and the kernel counts on.
  return self.fd >= 0 && fstat(self.fd, &found) == 0 ? found.st_ino : 0;
}

void CgroupDescriptors(int fds[2]) {
  fds[0] = self.parent;
  fds[1] = self.fd;
}

static bool Write(const char* name, const char* text) {
  int fd = self.fd < 0
               ? -1
               : openat(self.fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  bool written = write(fd, text, strlen(text)) > 0;
  close(fd);
  return written;
}

pid_t ForkIntoCgroup(void) {
  if (self.fd < 0) return fork();
  // struct clone_args up to `cgroup`.
  struct {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack,
        stack_size, tls, set_tid, set_tid_size, cgroup;
  } args = {.flags = INTO_CGROUP,
            .exit_signal = SIGCHLD,
            .cgroup = (uint64_t)self.fd};
  // This process has one thread, so what libc does in fork() has no work.
  long pid = syscall(SYS_clone3, &args, sizeof args);
  if (pid >= 0 || errno == EAGAIN || errno == ENOMEM) return (pid_t)pid;
  // An old kernel, or a sandbox. Without the right to join, the child stays
  // outside. An empty cgroup would then say that nothing is left.
  pid_t child = fork();
  if (child == 0 && !Write("cgroup.procs", "0")) RemoveCgroup();
  return child;
}

bool KillCgroup(void) { return Write("cgroup.kill", "1"); }

bool KillAndTell(pid_t program, void (*tell)(pid_t pid)) {
  struct members list = {0};
  if (self.fd >= 0) ListCgroup(self.fd, &list);
  bool killed = KillCgroup(), with_program = false;
  for (size_t i = 0; killed && i < list.count; i++) {
    with_program = with_program || list.list[i].pid == program;
    tell(list.list[i].pid);
  }
  free(list.list);
  return with_program;
}

void RemoveCgroup(void) {
  if (self.parent >= 0) RemoveEmpty(self.parent, self.name);
}
#endif
