// The limit of tables and calls, and the processes that they are read with.
//   inspect crowd N                N processes in 40 sessions; prints one line
//                                  when they are there, ends them at end of file
//   inspect ids|session|rows ARG   answers each line of input with the
//                                  nanoseconds that one pass took
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void crowd(int count) {
  int leaders[40];
  int ready[2];
  // We reap the members too, so that none is left when we have ended.
  if (pipe(ready) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) exit(1);
  for (int session = 0; session < 40; session++) {
    int size = count / 40;
    leaders[session] = fork();
    // The sessions that are there end with us.
    if (leaders[session] < 0) exit(1);
    if (leaders[session] != 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    for (int i = 1; i < size; i++) {
      pid_t member = fork();
      // There is no room for so many.
      if (member < 0) _exit(write(ready[1], "x", 1) == 1);
      if (member != 0) continue;
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) pause();
    }
    if (write(ready[1], "", 1) != 1) _exit(1);
    for (;;) pause();
  }
  char byte;
  for (int i = 0; i < 40; i++)
    if (read(ready[0], &byte, 1) != 1 || byte != 0) exit(1);
  printf("%d\n", leaders[0]);
  fflush(stdout);
  while (getchar() != EOF) continue;
  for (int i = 0; i < 40; i++) killpg(leaders[i], SIGKILL);
  while (wait(NULL) > 0) continue;
}

static long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000L + t.tv_nsec;
}

static volatile long sink;

static void each(void (*use)(int pid, int arg), int arg) {
  DIR* proc = opendir("/proc");
  struct dirent* entry;
  while ((entry = readdir(proc)) != NULL) {
    int pid = atoi(entry->d_name);
    if (pid > 0) use(pid, arg);
  }
  closedir(proc);
}

static void ids(int pid, int arg) {
  (void)arg;
  sink += getsid(pid) + getpgid(pid);
}

static void session(int pid, int sid) { sink += getsid(pid) == sid; }

// One row: what ps shows of a process, its owner and its line of numbers.
static void row(int pid, int arg) {
  (void)arg;
  char text[1024];
  struct stat owner;
  snprintf(text, sizeof text, "/proc/%d", pid);
  if (stat(text, &owner) != 0) return;
  strcat(text, "/stat");
  int fd = open(text, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return;
  text[length] = '\0';
  char* at = strrchr(text, ')');
  char state;
  int ppid, pgrp, sid, tty, tpgid;
  unsigned long long start;
  sscanf(at + 2,
         "%c %d %d %d %d %d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
         "%*d %llu",
         &state, &ppid, &pgrp, &sid, &tty, &tpgid, &start);
  sink += ppid + (long)start + owner.st_uid;
}

static void one(int pid) {
  for (int i = 0; i < 100000; i++) sink += getsid(pid);
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  int arg = atoi(argv[2]);
  const char* what = argv[1];
  if (strcmp(what, "crowd") == 0) {
    crowd(arg);
    return 0;
  }
  while (getchar() != EOF) {
    long start = now();
    if (strcmp(what, "ids") == 0) each(ids, 0);
    if (strcmp(what, "session") == 0) each(session, arg);
    if (strcmp(what, "rows") == 0) each(row, 0);
    if (strcmp(what, "getsid") == 0) one(arg);
    printf("%ld\n", now() - start);
    fflush(stdout);
  }
  return 0;
}
