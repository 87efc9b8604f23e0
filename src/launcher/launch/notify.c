// sd_notify(3): READY=1 on a line of its own.
#ifdef __linux__
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../fds.h"
#include "../socket.h"
#include "launch.h"

int OpenNotify(void) {
  int fd =
      AboveStdio(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd < 0) return -1;
  // bind() without a name: the kernel makes up an abstract one (unix(7)).
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  socklen_t length = offsetof(struct sockaddr_un, sun_path);
  int on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
      bind(fd, (struct sockaddr*)&address, length) != 0) {
    return -1;
  }
  length = sizeof address;
  if (getsockname(fd, (struct sockaddr*)&address, &length) != 0) return -1;
  char name[sizeof address.sun_path + 1] = "@";
  size_t size = length - offsetof(struct sockaddr_un, sun_path);
  memcpy(name + 1, address.sun_path + 1, size - 1);
  return setenv("NOTIFY_SOCKET", name, 1) == 0 ? fd : -1;
}

// Whether the sender is in the program's session. It may be reaped already, as
// systemd-notify mostly is. Then the kernel still tells its user, and that user
// could send the same by any process of the session.
static bool IsOurs(const struct sender* sender) {
  if (sender->pid <= 0) return false;
  pid_t session = getsid(sender->pid);
  if (session >= 0) return session == self.child;
  return errno == ESRCH && (sender->uid == self.user || sender->uid == 0);
}

static bool HasReady(char* text) {
  char* rest = NULL;
  for (char* line = strtok_r(text, "\n", &rest); line != NULL;
       line = strtok_r(NULL, "\n", &rest)) {
    if (strcmp(line, "READY=1") == 0) return true;
  }
  return false;
}

// A datagram: false when there is none.
static bool ReadOne(void) {
  char text[4096];
  struct sender sender;
  bool whole;
  if (TakeText(self.notify, text, sizeof text, &sender, &whole) < 0)
    return errno == EINTR;
  if (IsOurs(&sender) && HasReady(text)) Ready(0);
  return true;
}

// Reads all messages now: a sender may soon be reaped.
void ReadNotify(void) {
  while (ReadOne()) {
  }
}
#endif
