#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher.h"

static const struct {
  const char* word;
  int (*run)(int argc, char** argv);
} kParts[] = {
    {"exec", ExecMain},   {"watch", WatchMain}, {"launch", LaunchMain},
    {"state", StateMain}, {"front", FrontMain},
};

int main(int argc, char** argv) {
  if (argc > 2 && strcmp(argv[1], "as") == 0) {
    int error = TakeState(argv[2]);
    if (error != 0) return error;
    argc -= 2;
    argv += 2;
  }
  for (size_t i = 0; argc > 1 && i < sizeof kParts / sizeof *kParts; i++) {
    if (strcmp(argv[1], kParts[i].word) == 0)
      return kParts[i].run(argc - 2, argv + 2);
  }
  dprintf(STDERR_FILENO, "This program is a part of the npm package setsid.\n");
  return 2;
}
