// The processes below this one. A subreaper keeps them all below it: what
// loses its parent becomes its child (PR_SET_CHILD_SUBREAPER(2const)).
#ifdef __linux__
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../stat.h"
#include "../text.h"
#include "contain.h"

static bool Add(struct members* members, const struct member* member) {
  if (members->count == members->room) {
    size_t room = members->room == 0 ? 64 : members->room * 2;
    struct member* list = realloc(members->list, room * sizeof *list);
    if (list == NULL) return false;
    members->list = list;
    members->room = room;
  }
  members->list[members->count++] = *member;
  return true;
}

static int ByPid(const void* a, const void* b) {
  pid_t left = ((const struct member*)a)->pid;
  pid_t right = ((const struct member*)b)->pid;
  return (left > right) - (left < right);
}

// False: it has ended. A zombie counts if other threads of it live.
static bool ReadMember(pid_t pid, struct member* member) {
  struct stat_line line;
  if (!ReadStatLine(pid, &line)) return false;
  if (!IsLiveState(pid, line.state)) return false;
  *member = (struct member){pid, line.parent, line.start};
  return true;
}

// One file lists the children of a thread (CONFIG_PROC_CHILDREN). False when
// the kernel has no such file, or the thread has ended.
static bool AddChildrenOfThread(struct members* found, pid_t pid,
                                const char* thread) {
  char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, thread);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  size_t kept = 0;
  for (;;) {
    ssize_t size = read(fd, text + kept, sizeof text - 1 - kept);
    if (size <= 0) break;
    text[kept + (size_t)size] = '\0';
    char* at = text;
    for (char* end; (end = strchr(at, ' ')) != NULL; at = end + 1) {
      *end = '\0';
      long long child;
      if (ParseNumber(at, 1, INT_MAX, &child))
        Add(found, &(struct member){(pid_t)child, pid, 0});
    }
    // The last number of a read may be cut off.
    kept = strlen(at);
    memmove(text, at, kept);
  }
  close(fd);
  return true;
}

static bool AddChildren(struct members* found, pid_t pid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
  DIR* threads = opendir(path);
  if (threads == NULL) return false;
  bool any = false;
  for (struct dirent* entry; (entry = readdir(threads)) != NULL;)
    if (entry->d_name[0] != '.')
      any = AddChildrenOfThread(found, pid, entry->d_name) || any;
  closedir(threads);
  return any;
}

static bool AddProcess(pid_t pid, void* data) {
  struct stat_line line;
  if (ReadStatLine(pid, &line))
    Add(data, &(struct member){pid, line.parent, line.start});
  return false;
}

// Without those files: all processes there are, and of them the ones whose
// parents lead here.
static void AddFromTable(struct members* found) {
  struct members all = {0};
  EachProcess(AddProcess, &all);
  for (size_t i = 0; i <= found->count; i++) {
    pid_t parent = i == 0 ? getpid() : found->list[i - 1].pid;
    for (size_t j = 0; j < all.count; j++)
      if (all.list[j].parent == parent && all.list[j].pid != parent)
        Add(found, &all.list[j]);
  }
  free(all.list);
}

bool FindMembers(struct members* members) {
  struct members found = {0};
  if (AddChildren(&found, getpid())) {
    for (size_t i = 0; i < found.count; i++)
      AddChildren(&found, found.list[i].pid);
  } else {
    AddFromTable(&found);
  }
  if (found.count > 0)
    qsort(found.list, found.count, sizeof *found.list, ByPid);
  members->count = 0;
  bool complete = true;
  for (size_t i = 0; i < found.count; i++) {
    struct member member;
    bool again = i > 0 && found.list[i].pid == found.list[i - 1].pid;
    if (again || !ReadMember(found.list[i].pid, &member)) continue;
    // Read anew it is another's child: its number may be another one's.
    if (member.parent == found.list[i].parent || member.parent == getpid())
      complete = Add(members, &member) && complete;
  }
  free(found.list);
  return complete;
}

static bool Same(const struct member* a, const struct member* b) {
  return a->pid == b->pid && a->start == b->start;
}

static size_t PlaceOf(const struct members* seen, pid_t pid) {
  size_t low = 0, high = seen->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (seen->list[middle].pid < pid) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

bool IsKnown(const struct members* seen, const struct member* member) {
  size_t at = PlaceOf(seen, member->pid);
  return at < seen->count && Same(&seen->list[at], member);
}

bool Remember(struct members* seen, const struct member* member) {
  size_t at = PlaceOf(seen, member->pid);
  if (at < seen->count && seen->list[at].pid == member->pid) {
    seen->list[at] = *member;
    return true;
  }
  if (!Add(seen, member)) return false;
  memmove(seen->list + at + 1, seen->list + at,
          (seen->count - 1 - at) * sizeof *seen->list);
  seen->list[at] = *member;
  return true;
}

int SignalMember(const struct member* member, int number) {
  int pidfd = (int)syscall(SYS_pidfd_open, member->pid, 0);
  if (pidfd < 0) return -1;
  struct member now;
  int result = -1;
  // Another process that has got the number meanwhile started later, or has
  // its parent elsewhere.
  if (ReadMember(member->pid, &now) && Same(&now, member) &&
      (now.parent == member->parent || now.parent == getpid())) {
    result = SignalByPidfd(pidfd, number);
  } else {
    errno = ESRCH;
  }
  int error = errno;
  close(pidfd);
  errno = error;
  return result;
}

size_t KillMembers(void) {
  enum { kMostLooks = 50 };
  struct members stopped = {0}, now = {0};
  // What is stopped starts no other process. When a look shows no new one, all
  // are stopped.
  bool more = true;
  for (int look = 0; more && look < kMostLooks; look++) {
    more = false;
    FindMembers(&now);
    for (size_t i = 0; i < now.count; i++) {
      if (IsKnown(&stopped, &now.list[i])) continue;
      more = SignalMember(&now.list[i], SIGSTOP) == 0 || more;
      Remember(&stopped, &now.list[i]);
    }
  }
  size_t killed = 0;
  for (size_t i = 0; i < now.count; i++)
    killed += SignalMember(&now.list[i], SIGKILL) == 0;
  free(stopped.list);
  free(now.list);
  return killed;
}
#endif
