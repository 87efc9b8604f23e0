// What a process does before it becomes the program that is launched.
#ifdef __linux__
// setgroups
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fds.h"
#include "../search.h"
#include "../text.h"
#include "launch.h"

// NGROUPS_MAX of Linux.
enum { kMaxGroups = 65536 };

static _Noreturn void Fail(int failure, int error) {
  while (write(failure, &error, sizeof error) < 0 && errno == EINTR) {
  }
  _exit(127);
}

// "UID:GID:GROUP:GROUP…". The count of numbers, or -1 for anything else.
static int ParseIds(const char* cred, gid_t* ids, int room) {
  char* text = strdup(cred);
  if (text == NULL) return -1;
  int count = 0;
  for (char *rest, *id = strtok_r(text, ":", &rest); id != NULL;
       id = strtok_r(NULL, ":", &rest)) {
    long long number;
    if (count == room || !ParseNumber(id, 0, UINT_MAX - 1LL, &number)) {
      count = -1;
      break;
    }
    ids[count++] = (gid_t)number;
  }
  free(text);
  return count;
}

// Becomes that user: the groups, the group and the user, in that order. Then it
// tries the way back, because setuid(2) drops the saved ID only for a
// privileged caller. False with errno; ENOTRECOVERABLE: it could regain its
// privileges.
static bool TakeIdentity(const char* cred) {
  static gid_t ids[kMaxGroups + 2];
  int count = ParseIds(cred, ids, kMaxGroups + 2);
  if (count < 2) {
    errno = EINVAL;
    return false;
  }
  uid_t uid = ids[0];
  if (setgroups((size_t)count - 2, ids + 2) != 0 || setgid(ids[1]) != 0 ||
      setuid(uid) != 0)
    return false;
  if (uid != 0 && (setuid(0) == 0 || seteuid(0) == 0)) {
    errno = ENOTRECOVERABLE;
    return false;
  }
  return true;
}

// Gives the pipe for "ready" the number that the program knows.
static bool PlaceReady(int ready, int number) {
  if (number == ready) return fcntl(ready, F_SETFD, 0) == 0;
  return dup2(ready, number) >= 0;
}

// kApart: a session of its own, without the caller's other descriptors.
// kTogether: the launcher's group. There the kernel kills the program when the
// launcher ends, because the caller waits for the launcher.
static bool FindPlace(const struct options* options, int ready, int failure,
                      pid_t parent) {
  if (self.phase == kApart) {
    int keep[] = {0, 1, 2, ready, failure, options->keep};
    CloseAllBut(keep, sizeof keep / sizeof *keep);
    return setsid() >= 0;
  }
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return false;
  if (getppid() != parent) _exit(0);
  return true;
}

// A daemon begins only when its caller knows of it. If the launcher is gone
// before, it never begins.
static void WaitAtGate(int gate) {
  const int ready = 0;
  char word;
  // If the launcher is gone, the read below ends.
  (void)!write(gate, &ready, sizeof ready);
  ssize_t size;
  while ((size = read(gate, &word, sizeof word)) < 0 && errno == EINTR) {
  }
  if (size != sizeof word) _exit(127);
}

_Noreturn void RunProgram(const struct options* options, int ready, int failure,
                          pid_t parent) {
  if (!FindPlace(options, ready, failure, parent)) Fail(failure, -errno);
  if (ready >= 0) {
    int number = options->ready_fd;
    if (number == failure) failure = fcntl(failure, F_DUPFD_CLOEXEC, 3);
    if (failure < 0 || !PlaceReady(ready, number)) Fail(failure, -errno);
  }
  if (options->umask >= 0) umask((mode_t)options->umask);
  if (options->cred != NULL && !TakeIdentity(options->cred))
    Fail(failure, -errno);
  if (self.phase == kApart) WaitAtGate(failure);
  if (BlockSignals(self.inherited, NULL) != 0) Fail(failure, -errno);
  Search(options->program[0], options->program);
  Fail(failure, errno);
}
#endif
