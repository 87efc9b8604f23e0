// `sess run`, as setsid(1): a program in a session or process group of its own,
// with all else as its caller had it.
#ifdef __linux__

#define _GNU_SOURCE
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fds.h"
#include "../search.h"
#include "../signal.h"

bool ParseRun(char** words, struct run* run) {
  bool session = false, group = false, terminal = false;
  *run = (struct run){0};
  for (; *words != NULL; words++) {
    // Options end at the first operand (POSIX XBD 12.2): the rest is CMD's.
    if ((*words)[0] != '-' || (*words)[1] == '\0') break;
    if (strcmp(*words, "--") == 0) {
      words++;
      break;
    }
    if (strcmp(*words, "--session") == 0) {
      session = true;
    } else if (strcmp(*words, "--group") == 0) {
      group = true;
    } else if (strcmp(*words, "--ctty") == 0) {
      terminal = true;
    } else if (strcmp(*words, "--wait") == 0) {
      run->wait = true;
    } else {
      return false;
    }
  }
  run->place = terminal ? kTerminal : group && !session ? kGroup : kSession;
  run->program = words;
  return *words != NULL;
}

// What the child writes to the pipe when its start fails. A successful exec
// closes the pipe.
struct failure {
  enum { kStarting, kTakingTerminal, kExecuting } step;
  int error;
};

static int StartFailed(const struct failure* failure, const char* file) {
  int error = failure->error;
  if (failure->step == kTakingTerminal) {
    if (error == ENOTTY || error == EBADF) {
      dprintf(2, "sess: stdin is not a terminal, and --ctty needs one there\n");
    } else if (error == EPERM) {
      dprintf(2,
              "sess: the terminal on stdin belongs to another session; only "
              "root may take it\n");
    } else {
      dprintf(2, "sess: the terminal on stdin can't be taken: %s\n",
              strerror(error));
    }
    return 1;
  }
  if (failure->step != kExecuting) {
    dprintf(2, "sess: '%s' was not started: %s\n", file, strerror(error));
    return 1;
  }
  char why[PATH_MAX + 64];
  WhyNotRun(file, error, why, sizeof why);
  dprintf(2, "sess: %s\n", why);
  return error == ENOENT ? 127 : 126;
}

struct inherited {
  SignalSet mask;
  struct sigaction on_child;
  pid_t parent, group;
  bool foreground;
};

static _Noreturn void BecomeProgram(const struct run* run,
                                    const struct inherited* inherited,
                                    int pipe) {
  struct failure failure = {kStarting, 0};
  if (run->wait) {
    // The launcher can't pass on SIGKILL. So the kernel kills the child when
    // the launcher ends.
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != inherited->parent) _exit(1);
  }
  if (run->place == kGroup) {
    setpgid(0, 0);
    if (inherited->foreground) TakeTerminal(inherited->group);
  } else if (setsid() < 0) {
    goto failed;
  }
  failure.step = kTakingTerminal;
  // With 1 the kernel takes the terminal from another session, if this process
  // is root (ioctl_tty(2)).
  if (run->place == kTerminal && ioctl(STDIN_FILENO, TIOCSCTTY, 1) != 0)
    goto failed;
  failure.step = kExecuting;
  sigaction(SIGCHLD, &inherited->on_child, NULL);
  BlockSignals(inherited->mask, NULL);
  Search(run->program[0], run->program);
failed:
  failure.error = errno;
  while (write(pipe, &failure, sizeof failure) < 0 && errno == EINTR) {
  }
  _exit(127);
}

int Run(const struct run* run) {
  const char* file = run->program[0];
  struct failure failure = {kStarting, 0};
  struct inherited inherited = {.parent = getpid(), .group = getpgrp()};
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    failure.error = errno;
    return StartFailed(&failure, file);
  }
  int reader = AboveStdio(ends[0]), writer = AboveStdio(ends[1]);
  BlockSignals(EVERY_SIGNAL, &inherited.mask);
  // If SIGCHLD is ignored, an ended child is gone at once, and the launcher
  // can't wait for it (POSIX wait()).
  const struct sigaction by_default = {.sa_handler = SIG_DFL};
  sigaction(SIGCHLD, &by_default, &inherited.on_child);
  if (run->place == kGroup && run->wait) {
    OpenTerminal();
    inherited.foreground = HasStdinTerminal();
  }
  pid_t child = fork();
  if (child == 0) BecomeProgram(run, &inherited, writer);
  failure.error = errno;
  if (child < 0) return StartFailed(&failure, file);
  if (run->place == kGroup) setpgid(child, child);
  // The launcher must not hold the caller's pipes open: only the program
  // decides when they close.
  int keep[] = {STDERR_FILENO, reader, TerminalDescriptor()};
  CloseAllBut(keep, sizeof keep / sizeof *keep);
  if (run->wait) AwaitStart(child, run->place, reader);
  ssize_t size;
  while ((size = read(reader, &failure, sizeof failure)) < 0 &&
         errno == EINTR) {
  }
  close(reader);
  if (size == sizeof failure) {
    if (run->place == kGroup) TakeTerminalBack(child, kRestoreModes);
    waitpid(child, NULL, 0);
    return StartFailed(&failure, file);
  }
  if (!run->wait) return 0;
  close(STDERR_FILENO);
  WaitAsOne();
}

#endif
