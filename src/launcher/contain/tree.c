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

static struct member MemberOf(pid_t pid, const struct stat_line* line) {
  return (struct member){pid, line->parent, line->start};
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

static bool AddChildren(struct members* found, pid_t pid, long threads) {
  char path[32];
  if (threads == 1) {
    snprintf(path, sizeof path, "%d", (int)pid);
    return AddChildrenOfThread(found, pid, path);
  }
  snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
  DIR* tasks = opendir(path);
  if (tasks == NULL) return false;
  bool any = false;
  for (struct dirent* entry; (entry = readdir(tasks)) != NULL;) {
    if (entry->d_name[0] != '.')
      any = AddChildrenOfThread(found, pid, entry->d_name) || any;
  }
  closedir(tasks);
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
    for (size_t j = 0; j < all.count; j++) {
      if (all.list[j].parent == parent && all.list[j].pid != parent)
        Add(found, &all.list[j]);
    }
  }
  free(all.list);
}

// One after the other, each with its children. What is read anew as another's
// child has moved, or its number is another one's.
static bool Visit(struct members* found, struct members* members, bool lists) {
  bool complete = true;
  for (size_t i = 0; i < found->count; i++) {
    struct member seen = found->list[i];
    struct stat_line line;
    if (!ReadStatLine(seen.pid, &line) || !IsLiveState(seen.pid, line.state) ||
        (line.parent != seen.parent && line.parent != getpid()))
      continue;
    struct member member = MemberOf(seen.pid, &line);
    complete = Add(members, &member) && complete;
    if (lists) AddChildren(found, seen.pid, line.threads);
  }
  return complete;
}

bool FindMembers(struct members* members) {
  struct members found = {0};
  members->count = 0;
  bool lists = AddChildren(&found, getpid(), 1);
  if (!lists) AddFromTable(&found);
  bool complete = Visit(&found, members, lists);
  free(found.list);
  if (members->count == 0) return complete;
  qsort(members->list, members->count, sizeof *members->list, ByPid);
  size_t kept = 1;
  for (size_t i = 1; i < members->count; i++) {
    if (members->list[i].pid != members->list[kept - 1].pid)
      members->list[kept++] = members->list[i];
  }
  members->count = kept;
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
  struct stat_line now;
  int result = -1;
  // Another process that has got the number meanwhile started later, or has
  // its parent elsewhere.
  if (ReadStatLine(member->pid, &now) && now.start == member->start &&
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

void KillMembers(struct members* killed) {
  enum { kMostLooks = 50 };
  struct members stopped = {0}, now = {0};
  // What is stopped starts no other process. When a look shows no new one, all
  // are stopped, or killed by an earlier pass.
  bool more = true;
  for (int look = 0; more && look < kMostLooks; look++) {
    more = false;
    FindMembers(&now);
    for (size_t i = 0; i < now.count; i++) {
      if (IsKnown(killed, &now.list[i]) || IsKnown(&stopped, &now.list[i]))
        continue;
      more = SignalMember(&now.list[i], SIGSTOP) == 0 || more;
      Remember(&stopped, &now.list[i]);
    }
  }
  for (size_t i = 0; i < now.count; i++) {
    if (!IsKnown(killed, &now.list[i]) &&
        SignalMember(&now.list[i], SIGKILL) == 0)
      Remember(killed, &now.list[i]);
  }
  free(stopped.list);
  free(now.list);
}
#endif
