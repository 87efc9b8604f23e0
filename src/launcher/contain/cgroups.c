// A cgroup, and what the contained processes have made below it: a container,
// or a contained child of their own.
#ifdef __linux__
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../buffer.h"
#include "../text.h"
#include "contain.h"

// A deeper tree is left alone: each level takes two descriptors.
enum { kDeepest = 64 };

static int Open(int parent, const char* name) {
  return openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

// For a walk through the cgroups in this one; NULL: it goes no deeper.
static DIR* OpenFolder(int fd, int depth) {
  int copy = depth < kDeepest ? Open(fd, ".") : -1;
  DIR* folder = copy < 0 ? NULL : fdopendir(copy);
  if (folder == NULL && copy >= 0) close(copy);
  return folder;
}

static const char* NextBelow(DIR* folder) {
  while (folder != NULL) {
    struct dirent* entry = readdir(folder);
    if (entry == NULL) break;
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
      return entry->d_name;
  }
  return NULL;
}

static void CloseFolder(DIR* folder) {
  if (folder != NULL) closedir(folder);
}

static void ListFrom(int fd, int depth, struct members* list) {
  char *text = ReadWhole(fd, "cgroup.procs"), *rest = NULL;
  for (char* line = text == NULL ? NULL : strtok_r(text, "\n", &rest);
       line != NULL; line = strtok_r(NULL, "\n", &rest)) {
    long long pid;
    if (ParseNumber(line, 1, INT_MAX, &pid))
      AddMember(list, &(struct member){(pid_t)pid, 0, 0});
  }
  free(text);
  DIR* folder = OpenFolder(fd, depth);
  for (const char* name; (name = NextBelow(folder)) != NULL;) {
    int below = Open(fd, name);
    if (below < 0) continue;
    ListFrom(below, depth + 1, list);
    close(below);
  }
  CloseFolder(folder);
}

void ListCgroup(int fd, struct members* list) { ListFrom(fd, 0, list); }

static void RemoveBelow(int fd, int depth) {
  DIR* folder = OpenFolder(fd, depth);
  for (const char* name; (name = NextBelow(folder)) != NULL;) {
    int below = Open(fd, name);
    if (below < 0) continue;
    RemoveBelow(below, depth + 1);
    close(below);
    unlinkat(fd, name, AT_REMOVEDIR);
  }
  CloseFolder(folder);
}

static bool IsPopulated(int fd) {
  char* events = ReadWhole(fd, "cgroup.events");
  const char* answer = events == NULL ? NULL : RestOfLine(events, "populated ");
  bool populated = answer == NULL || strcmp(answer, "0") != 0;
  free(events);
  return populated;
}

void RemoveEmpty(int parent, const char* name) {
  // The kernel refuses where somebody is in it, and where another is below it.
  if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno != EBUSY) return;
  int fd = Open(parent, name);
  if (fd < 0) return;
  if (!IsPopulated(fd)) RemoveBelow(fd, 0);
  close(fd);
  unlinkat(parent, name, AT_REMOVEDIR);
}
#endif
