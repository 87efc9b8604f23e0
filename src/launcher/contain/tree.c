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
#include <sys/wait.h>
#include <unistd.h>

#include "../stat.h"
#include "../text.h"
#include "contain.h"

static int ByPid(const void* a, const void* b) {
  pid_t left = ((const struct member*)a)->pid;
  pid_t right = ((const struct member*)b)->pid;
  return (left > right) - (left < right);
}

static struct member MemberOf(pid_t pid, const struct stat_line* line) {
  return (struct member){pid, line->parent, line->start};
}

// Whether it is a child of ours that has not ended. While it is, no other
// process gets its number. It works without /proc.
static bool IsOwnChild(pid_t pid) {
  siginfo_t info;
  info.si_pid = 0;
  return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

// Where /proc shows nothing of a child of ours, the kernel's answer to waitid()
// names it. Its own children become ours when it has ended.
static struct member OwnChild(pid_t pid) {
  return (struct member){pid, getpid(), 0};
}

// Without /proc there is no list: this asks for each number. A million take a
// second. So it begins with the lowest, and with those that the kernel gives
// out after our own. While all are killed, it goes further each time.
static void AddOwnChildren(struct members* found) {
  enum { kLowest = 32768, kMostPids = 4194304 };  // PID_MAX_LIMIT
  static pid_t reach;
  bool further = GivenOrder() == kOrderKill && reach > 0 && reach < kMostPids;
  reach = further ? reach * 4 : kLowest;
  pid_t own = getpid() < kLowest ? kLowest : getpid();
  for (pid_t pid = 2; pid < own + reach && pid < kMostPids; pid++) {
    if (pid == kLowest) pid = own;
    if (!IsOwnChild(pid)) continue;
    struct member child = OwnChild(pid);
    AddMember(found, &child);
  }
}

// One file lists the children of a thread (CONFIG_PROC_CHILDREN). False when
// the kernel has no such file, or the thread has ended.
static bool AddChildrenOfThread(struct members* found, pid_t pid,
                                const char* thread) {
  char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, thread);
  int fd = HasProc() ? open(path, O_RDONLY | O_CLOEXEC) : -1;
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
        AddMember(found, &(struct member){(pid_t)child, pid, 0});
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
    AddMember(data, &(struct member){pid, line.parent, line.start});
  return false;
}

// Without those files: all processes there are, and of them the ones whose
// parents lead here.
static void AddFromTable(struct members* found) {
  struct members all = {0};
  if (!EachProcess(AddProcess, &all)) AddOwnChildren(found);
  for (size_t i = 0; i <= found->count; i++) {
    pid_t parent = i == 0 ? getpid() : found->list[i - 1].pid;
    for (size_t j = 0; j < all.count; j++) {
      if (all.list[j].parent == parent && all.list[j].pid != parent)
        AddMember(found, &all.list[j]);
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
    if (!ReadStatLine(seen.pid, &line)) {
      // With hidepid, /proc hides also what has made itself not dumpable.
      if (!IsOwnChild(seen.pid)) continue;
      struct member child = OwnChild(seen.pid);
      complete = AddMember(members, &child) && complete;
      continue;
    }
    if (!IsLiveState(seen.pid, line.state) ||
        (line.parent != seen.parent && line.parent != getpid()))
      continue;
    struct member member = MemberOf(seen.pid, &line);
    complete = AddMember(members, &member) && complete;
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

int SignalMember(const struct member* member, int number) {
  if (member->start == 0) {
    if (IsOwnChild(member->pid)) return SignalChild(member->pid, number);
    errno = ESRCH;
    return -1;
  }
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

// A later child of ours may have the number of one that /proc did not show.
static bool IsKilled(const struct members* killed,
                     const struct member* member) {
  return member->start != 0 && IsKnown(killed, member);
}

void KillMembers(struct members* killed,
                 void (*tell)(const struct member* member, int error)) {
  enum { kMostLooks = 50 };
  struct members stopped = {0}, now = {0};
  // What is stopped starts no other process. When a look shows no new one, all
  // are stopped, or killed by an earlier pass. Without /proc another look would
  // show no more of them: first these have to end.
  bool more = true;
  for (int look = 0; more && look < kMostLooks; look++) {
    more = false;
    FindMembers(&now);
    for (size_t i = 0; i < now.count; i++) {
      const struct member* member = &now.list[i];
      if (IsKilled(killed, member) || IsKnown(&stopped, member)) continue;
      bool sent = SignalMember(member, SIGSTOP) == 0;
      more = (sent && HasProc()) || more;
      Remember(&stopped, member);
    }
  }
  for (size_t i = 0; i < now.count; i++) {
    const struct member* member = &now.list[i];
    if (IsKilled(killed, member)) continue;
    int error = SignalMember(member, SIGKILL) == 0 ? 0 : errno;
    if (tell != NULL && !IsKnown(killed, member)) tell(member, error);
    if (error == 0) Remember(killed, member);
  }
  free(stopped.list);
  free(now.list);
}
#endif
