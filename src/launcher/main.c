#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher.h"

int main(int argc, char** argv) {
  if (argc > 2 && strcmp(argv[1], "as") == 0) {
    int error = TakeState(argv[2]);
    if (error != 0) return error;
    argc -= 2;
    argv += 2;
  }
  if (argc > 1 && strcmp(argv[1], "exec") == 0) {
    return ExecMain(argc - 2, argv + 2);
  }
  if (argc > 1 && strcmp(argv[1], "watch") == 0) {
    return WatchMain(argc - 2, argv + 2);
  }
  if (argc > 1 && strcmp(argv[1], "launch") == 0) {
    return LaunchMain(argc - 2, argv + 2);
  }
  if (argc > 1 && strcmp(argv[1], "state") == 0) {
    return StateMain(argc - 2, argv + 2);
  }
  if (argc > 1 && strcmp(argv[1], "front") == 0) {
    return FrontMain(argc - 2, argv + 2);
  }
  dprintf(STDERR_FILENO, "This program is a part of the npm package setsid.\n");
  return 2;
}
