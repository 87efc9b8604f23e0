// The command `sess` as bin/sess calls it:
//
//   launcher front STATE ROOT [WORD [ARG]…]
//
// STATE is what `launcher state` has printed, and ROOT is the package's folder.
// This file does `run`, `launch` and `--version`. Node does the rest and
// answers wrong words, since it has the help and the errors. Node can't do
// `run` and `launch`: at its own start it raises the soft limit of descriptors,
// gives ignored signals their default, and makes inherited descriptors close at
// exec.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../buffer.h"
#include "../launcher.h"
#include "../text.h"
#include "run.h"

// "--started-with=IGNORED,SOFT[,FD]…" of "IGNORED,SOFT[,ENTRY]…": what Node
// changes at its own start. FD is a descriptor above 2 that the caller has left
// open, for the command whose program is to have it. NULL where nothing is
// known.
static char* StartedWith(const char* state, const char* command) {
  const char* limit = strchr(state, ',');
  if (limit == NULL) return NULL;
  size_t length = (size_t)(limit + 1 - state) + strcspn(limit + 1, ",");
  static const char kOption[] = "--started-with=";
  struct buffer text = {0};
  bool whole = Append(&text, kOption, sizeof kOption - 1) &&
               Append(&text, state, length);
  DIR* fds = strcmp(command, "run") == 0 ? opendir("/proc/self/fd") : NULL;
  struct dirent* entry;
  while (fds != NULL && (entry = readdir(fds)) != NULL) {
    long long fd;
    const char* name = entry->d_name;
    if (!ParseNumber(name, 3, INT_MAX, &fd) || fd == dirfd(fds)) continue;
    whole = whole && Append(&text, ",", 1) && Append(&text, name, strlen(name));
  }
  if (fds != NULL) closedir(fds);
  if (whole) return text.bytes;
  free(text.bytes);
  return NULL;
}

static int StartNode(const char* state, const char* root, int argc,
                     char** argv) {
  char script[PATH_MAX];
  snprintf(script, sizeof script, "%s/dist/cli.js", root);
  char** line = calloc((size_t)argc + 4, sizeof *line);
  if (line == NULL) return 1;
  int count = 0;
  line[count++] = "node";
  line[count++] = script;
  char* started = StartedWith(state, argc > 0 ? argv[0] : "");
  if (started != NULL) line[count++] = started;
  memcpy(line + count, argv, ((size_t)argc + 1) * sizeof *line);
  execvp(line[0], line);
  int error = errno;
  free(started);
  free(line);
  if (error == ENOENT) {
    dprintf(2, "sess: there is no program 'node' in the folders of PATH\n");
  } else {
    dprintf(2, "sess: 'node' can't be run: %s\n", strerror(error));
  }
  return error == ENOENT ? 127 : 126;
}

#ifdef __linux__

// LaunchMain reads its own options up to the first "--". `sess launch` gives it
// none, so the line begins with "--".
static int Launch(char** words) {
  if (strcmp(*words, "--") == 0) words++;
  int count = 0;
  while (words[count] != NULL) count++;
  char** line = calloc((size_t)count + 2, sizeof *line);
  if (line == NULL) return 1;
  line[0] = "--";
  memcpy(line + 1, words, ((size_t)count + 1) * sizeof *line);
  return LaunchMain(count + 1, line);
}

// True where `words` name a program: no options but the "--" before it.
static bool IsLaunch(char** words) {
  if (*words == NULL) return false;
  if (strcmp(*words, "--") == 0) return words[1] != NULL;
  return (*words)[0] != '-' || (*words)[1] == '\0';
}

static bool PrintVersion(const char* root) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/package.json", root);
  char* text = ReadWhole(AT_FDCWD, path);
  char* version = text == NULL ? NULL : RestOfLine(text, "  \"version\": \"");
  bool told =
      version != NULL && dprintf(STDOUT_FILENO, "%.*s\n",
                                 (int)strcspn(version, "\""), version) > 0;
  free(text);
  return told;
}

int FrontMain(int argc, char** argv) {
  if (argc < 2 || !RestoreState(argv[0])) return 2;
  const char* root = argv[1];
  char** words = argv + 2;
  const char* word = argc > 2 ? words[0] : "";
  struct run run;
  if (strcmp(word, "run") == 0 && ParseRun(words + 1, &run)) return Run(&run);
  if (strcmp(word, "launch") == 0 && IsLaunch(words + 1))
    return Launch(words + 1);
  if (strcmp(word, "--version") == 0 && PrintVersion(root)) return 0;
  return StartNode(argv[0], root, argc - 2, words);
}

#else

// This platform has no launch part and no run part: Node does all.
int FrontMain(int argc, char** argv) {
  if (argc < 2) return 2;
  return StartNode(argv[0], argv[1], argc - 2, argv + 2);
}

int TakeState(const char* state) {
  (void)state;
  return 0;
}

int StateMain(int argc, char** argv) {
  (void)argv;
  return argc == 1 ? 0 : 2;
}

#endif
