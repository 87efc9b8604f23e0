#define _GNU_SOURCE
#include "search.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char** environ;

static void Exec(const char* path, char** argv) {
  execve(path, argv, environ);
  if (errno != ENOEXEC) return;
  size_t argc = 0;
  while (argv[argc] != NULL) argc++;
  char** shell = calloc(argc + 2, sizeof *shell);
  if (shell == NULL) return;
  shell[0] = "/bin/sh";
  shell[1] = (char*)path;
  for (size_t i = 1; i < argc; i++) shell[i + 1] = argv[i];
  execve(shell[0], shell, environ);
  free(shell);
}

// The environment, and so the PATH, is the one of the program to be started.
void Search(const char* file, char** argv) {
  if (*file == '\0') {
    errno = ENOENT;
    return;
  }
  if (strchr(file, '/') != NULL) {
    Exec(file, argv);
    return;
  }
  if (strlen(file) > NAME_MAX) {
    errno = ENAMETOOLONG;
    return;
  }
  const char* folder = getenv("PATH");
  if (folder == NULL) folder = "/bin:/usr/bin";
  bool denied = false;
  errno = ENOENT;
  for (;;) {
    const char* end = strchr(folder, ':');
    size_t size = end != NULL ? (size_t)(end - folder) : strlen(folder);
    char path[PATH_MAX + NAME_MAX + 2];
    if (size < PATH_MAX) {
      // An empty entry is the working directory.
      snprintf(path, sizeof path, "%.*s%s%s", (int)size, folder,
               size > 0 ? "/" : "", file);
      Exec(path, argv);
      switch (errno) {
        case EACCES:
          denied = true;
          break;
        case ENOENT:
        case ENOTDIR:
        case ENODEV:
        case ESTALE:
        case ETIMEDOUT:
          break;
        default:
          return;
      }
    }
    if (end == NULL) break;
    folder = end + 1;
  }
  if (denied) errno = EACCES;
}

void WhyNotRun(const char* file, int error, char* text, size_t room) {
  struct stat info;
  bool there = strchr(file, '/') != NULL && stat(file, &info) == 0;
  if (error == ENOENT && !there) {
    snprintf(text, room, "there is no program '%s'", file);
    return;
  }
  const char* why = error == ENOENT ? "its interpreter is missing"
                    : there && S_ISDIR(info.st_mode) ? "it is a folder"
                                                     : strerror(error);
  snprintf(text, room, "'%s' can't be run: %s", file, why);
}
