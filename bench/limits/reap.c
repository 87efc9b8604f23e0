// reap COMMAND…: runs a table of the benchmark, and reaps at once what its
// processes leave, since an init may be slow at it and its zombies are read like
// all others. What still lives when the table has ended is ended then.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

// Our children's pids are ours until we wait for them.
static void EndChildren(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
  FILE* children = fopen(path, "r");
  if (children == NULL) exit(1);
  int pid;
  while (fscanf(children, "%d", &pid) == 1) kill(pid, SIGKILL);
  fclose(children);
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pid_t table = fork();
  if (table < 0) return 1;
  if (table == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(argv[1], argv + 1);
    _exit(127);
  }
  int status;
  pid_t ended;
  do ended = waitpid(-1, &status, 0);
  while (ended > 0 && ended != table);
  do EndChildren();
  while (waitpid(-1, NULL, 0) > 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
