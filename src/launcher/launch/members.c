// The processes that there are, as /proc shows them.
#ifdef __linux__
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../stat.h"
#include "../text.h"
#include "launch.h"

static bool IsLive(pid_t pid) {
  char state = StateOf(pid);
  return state != '\0' && IsLiveState(pid, state);
}

struct group {
  pid_t id;
  Presence found;
};

static bool SeeMember(pid_t pid, void* data) {
  struct group* group = data;
  if (getpgid(pid) != group->id || !IsLive(pid)) return false;
  group->found = kSomebody;
  return true;
}

// kill(-group, 0) would count zombies.
Presence GroupLives(pid_t id) {
  struct group group = {id, kNobody};
  return EachProcess(SeeMember, &group) ? group.found : kUnknown;
}

struct children {
  pid_t* list;
  size_t count, room;
};

static bool SeeChild(pid_t pid, void* data) {
  struct children* found = data;
  char text[1024];
  const char* fields = ReadStat(pid, text, sizeof text);
  // The state, a blank, and the parent.
  if (fields != NULL && strtol(fields + 1, NULL, 10) == getpid())
    found->list[found->count++] = pid;
  return found->count == found->room;
}

// One file lists all children, if the kernel has it (CONFIG_PROC_CHILDREN). If
// `text` is too small for all, the caller finds the rest when these have ended.
int Children(pid_t* list, size_t room) {
  struct children found = {list, 0, room};
  char path[48], text[4096];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  if (ReadFile(path, text, sizeof text) < 0)
    return EachProcess(SeeChild, &found) ? (int)found.count : -1;
  // The last number may be cut off.
  char* end = strrchr(text, ' ');
  if (end == NULL) return 0;
  *end = '\0';
  for (char *rest, *pid = strtok_r(text, " ", &rest);
       pid != NULL && found.count < room; pid = strtok_r(NULL, " ", &rest)) {
    long long number;
    if (ParseNumber(pid, 2, INT_MAX, &number))
      list[found.count++] = (pid_t)number;
  }
  return (int)found.count;
}
#endif
