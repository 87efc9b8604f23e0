// The terminal of `sess run --group`: the program's group gets it only while
// our own group has it, and that is asked in the moment of use, every time: a
// background process that takes the terminal makes the shell read end of file.
//
// All signals are blocked here, SIGTTOU with them, so that tcsetpgrp and
// tcsetattr don't stop us (POSIX XBD 11.1.4).
#ifdef __linux__

#define _GNU_SOURCE
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "run.h"

static struct {
  int fd;
  bool is_stdin;
  bool has_ours, has_theirs;
  struct termios ours, theirs;  // the modes of our shell; of a stopped program
} self = {.fd = -1};

void OpenTerminal(void) {
  self.is_stdin = tcgetpgrp(STDIN_FILENO) > 0;
  self.fd = self.is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                          : open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
}

int TerminalDescriptor(void) { return self.fd; }

static bool IsOurs(void) {
  return self.fd >= 0 && tcgetpgrp(self.fd) == getpgrp();
}

bool HasStdinTerminal(void) {
  if (!self.is_stdin || !IsOurs()) return false;
  self.has_ours = tcgetattr(self.fd, &self.ours) == 0;
  return true;
}

void TakeTerminal(pid_t holder) {
  if (tcgetpgrp(self.fd) == holder) tcsetpgrp(self.fd, getpgrp());
}

bool LendTerminal(pid_t group) {
  if (!IsOurs()) return false;
  self.has_ours = tcgetattr(self.fd, &self.ours) == 0;
  if (self.has_theirs) tcsetattr(self.fd, TCSANOW, &self.theirs);
  self.has_theirs = false;
  return tcsetpgrp(self.fd, group) == 0;
}

void TakeTerminalBack(pid_t group, enum modes modes) {
  if (self.fd < 0 || tcgetpgrp(self.fd) != group) return;
  if (modes == kRestoreModes)
    self.has_theirs = tcgetattr(self.fd, &self.theirs) == 0;
  if (tcsetpgrp(self.fd, getpgrp()) != 0) return;
  // As shells do: what a program that ends well has changed (stty) stays.
  if (modes == kRestoreModes && self.has_ours)
    tcsetattr(self.fd, TCSANOW, &self.ours);
}

#endif
