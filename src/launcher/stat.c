// Files of /proc.
#ifdef __linux__
#define _GNU_SOURCE
#include "stat.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

bool HasProc(void) {
  static bool shows;
  if (shows) return true;
  char self[16];
  ssize_t size = readlink("/proc/self", self, sizeof self - 1);
  if (size <= 0) return false;
  self[size] = '\0';
  long long pid;
  return shows = ParseNumber(self, 1, INT_MAX, &pid) && pid == getpid();
}

ssize_t ReadFile(const char* path, char* text, size_t room) {
  int fd = HasProc() ? open(path, O_RDONLY | O_CLOEXEC) : -1;
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

bool ReadStatLine(pid_t pid, struct stat_line* line) {
  // The fields of proc_pid_stat(5): the state is field 3.
  enum { kState = 3, kParent = 4, kThreads = 20, kStart = 22 };
  char text[1024];
  const char* field = ReadStat(pid, text, sizeof text);
  *line = (struct stat_line){0};
  for (int i = kState; field != NULL && i <= kStart; i++) {
    if (i == kState) line->state = *field;
    if (i == kParent) line->parent = (pid_t)strtol(field, NULL, 10);
    if (i == kThreads) line->threads = strtol(field, NULL, 10);
    if (i == kStart) line->start = strtoull(field, NULL, 10);
    field = strchr(field, ' ');
    if (field != NULL) field++;
  }
  return line->state != '\0';
}

bool IsLiveState(pid_t pid, char state) {
  if (state == 'X') return false;
  if (state != 'Z') return true;
  // The task folder has two links of its own, and one for each thread.
  char path[32];
  struct stat task;
  snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
  return lstat(path, &task) == 0 && task.st_nlink > 3;
}

char StateOf(pid_t pid) {
  struct stat_line line;
  if (!ReadStatLine(pid, &line)) return '\0';
  return line.state;
}

const char* PidNamespace(void) {
  // "pid:[4026531836]"
  static const char before[] = "pid:[";
  static char text[32];
  ssize_t size = readlink("/proc/self/ns/pid", text, sizeof text - 1);
  text[size < 0 ? 0 : size] = '\0';
  char* end = strchr(text, ']');
  if (strncmp(text, before, sizeof before - 1) != 0 || end == NULL) return "0";
  *end = '\0';
  return text + sizeof before - 1;
}

uint64_t StartTicks(pid_t pid) {
  struct stat_line line;
  return ReadStatLine(pid, &line) ? line.start : 0;
}

bool EachProcess(bool (*see)(pid_t pid, void* data), void* data) {
  DIR* table = HasProc() ? opendir("/proc") : NULL;
  if (table == NULL) return false;
  for (struct dirent* entry; (entry = readdir(table)) != NULL;) {
    long long pid;
    if (!ParseNumber(entry->d_name, 1, INT_MAX, &pid)) continue;
    if (see((pid_t)pid, data)) break;
  }
  closedir(table);
  return true;
}
#endif
