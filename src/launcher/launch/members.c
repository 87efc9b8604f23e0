// Who is there, as /proc shows it.
#ifdef __linux__
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../text.h"
#include "launch.h"

static ssize_t ReadFile(const char* path, char* text, size_t room) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? -1 : read(fd, text, room - 1);
  if (fd >= 0) close(fd);
  if (size >= 0) text[size] = '\0';
  return size;
}

// The fields after the name, which may hold anything: from the state on.
static const char* ReadStat(pid_t pid, char* text, size_t room) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  if (ReadFile(path, text, room) <= 0) return NULL;
  const char* name_end = strrchr(text, ')');
  return name_end == NULL || name_end[1] == '\0' ? NULL : name_end + 2;
}

char StateOf(pid_t pid) {
  char text[1024];
  const char* fields = ReadStat(pid, text, sizeof text);
  return fields == NULL ? '\0' : *fields;
}

uint64_t StartTicks(pid_t pid) {
  // Field 22 of proc_pid_stat(5); the state is field 3.
  enum { kState = 3, kStart = 22 };
  char text[1024];
  const char* field = ReadStat(pid, text, sizeof text);
  for (int i = kState; field != NULL && i < kStart; i++) {
    field = strchr(field, ' ');
    if (field != NULL) field++;
  }
  return field == NULL ? 0 : strtoull(field, NULL, 10);
}

static bool IsLive(pid_t pid) {
  char state = StateOf(pid);
  if (state == '\0' || state == 'X') return false;
  if (state != 'Z') return true;
  // A zombie's other threads may live: a folder for each, and its own two links.
  char path[32];
  struct stat task;
  snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
  return lstat(path, &task) == 0 && task.st_nlink > 3;
}

// Calls `see` for every process until it gives true. False when the table can't
// be read.
static bool EachProcess(bool (*see)(pid_t pid, void* data), void* data) {
  DIR* table = opendir("/proc");
  if (table == NULL) return false;
  for (struct dirent* entry; (entry = readdir(table)) != NULL;) {
    long long pid;
    if (!ParseNumber(entry->d_name, 1, INT_MAX, &pid)) continue;
    if (see((pid_t)pid, data)) break;
  }
  closedir(table);
  return true;
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
  if (fields != NULL && atoi(fields + 1) == getpid())
    found->list[found->count++] = pid;
  return found->count == found->room;
}

// One file tells of all where the kernel has it (CONFIG_PROC_CHILDREN), as far
// as it fits; those that don't are found when these have ended.
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
