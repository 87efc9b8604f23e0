// The terminal of `sess run --group`. The launcher gives it to the program's
// group only while the launcher's own group has it, and checks that each time.
// If a background process takes the terminal, the shell reads end of file.
//
// The launcher blocks all signals here. SIGTTOU is among them, so that
// tcsetpgrp and tcsetattr don't stop it (POSIX XBD 11.1.4).
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
  // Shells do the same. kKeepModes: a program that ends well may have changed
  // the modes for good (stty).
  if (modes == kRestoreModes && self.has_ours)
    tcsetattr(self.fd, TCSANOW, &self.ours);
}

#endif
