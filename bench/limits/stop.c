// stop COUNT: ends a process group of COUNT processes by kill(-pgid, SIGKILL),
// waits for all of them as their subreaper, and prints the milliseconds.
// stop COUNT hold: makes the group below itself, prints a line, and waits.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void Fill(int count) {
  for (int i = 1; i < count; i++) {
    pid_t member = fork();
    // There is no room for so many: nobody is left of this group then.
    if (member < 0) kill(0, SIGKILL);
    if (member == 0)
      for (;;) pause();
  }
}

int main(int argc, char** argv) {
  int count = argc > 1 ? atoi(argv[1]) : 0;
  if (argc > 2) {
    setpgid(0, 0);
    Fill(count);
    puts("ready");
    fflush(stdout);
    for (;;) pause();
  }
  int ready[2];
  if (pipe(ready) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return 1;
  pid_t leader = fork();
  if (leader < 0) return 1;
  if (leader == 0) {
    setpgid(0, 0);
    Fill(count);
    if (write(ready[1], "", 1) != 1) _exit(1);
    for (;;) pause();
  }
  close(ready[1]);
  char byte;
  if (read(ready[0], &byte, 1) != 1) return 1;
  double began = Now();
  kill(-leader, SIGKILL);
  while (wait(NULL) > 0) continue;
  printf("%f\n", Now() - began);
  return 0;
}
