// Files of /proc.
#ifdef __linux__
#define _GNU_SOURCE
#include "stat.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

ssize_t ReadFile(const char* path, char* text, size_t room) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? -1 : read(fd, text, room - 1);
  if (fd >= 0) close(fd);
  if (size >= 0) text[size] = '\0';
  return size;
}

const char* ReadStat(pid_t pid, char* text, size_t room) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  if (ReadFile(path, text, room) <= 0) return NULL;
  const char* name_end = strrchr(text, ')');
  return name_end == NULL || name_end[1] == '\0' ? NULL : name_end + 2;
}

char StateOf(pid_t pid) {
  char text[1024];
  const char* fields = ReadStat(pid, text, sizeof text);
  if (fields == NULL) return '\0';
  return *fields;
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
#endif
