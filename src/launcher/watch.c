// Ends children when their parent ends, for parents whose threads come and go:
//
//   launcher watch PARENT SOCKET
//
// PR_SET_PDEATHSIG fires when the thread that forked ends, so a child of a
// worker would die with the worker. This process holds a pidfd of the parent
// and one of each child that registers, so that it can't signal a recycled
// number.
#include "launcher.h"

#ifdef __linux__
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "signal.h"
#include "socket.h"
#include "text.h"

enum { kParent, kSocket, kChildren };

// polled[i] is the pidfd of a child from kChildren on, signals[i] its signal.
static struct pollfd* polled;
static int* signals;
static size_t count = kChildren;
static size_t capacity;

static int Reserve(void) {
  if (count < capacity) return 0;
  size_t more = capacity == 0 ? 16 : capacity * 2;
  struct pollfd* fds = realloc(polled, more * sizeof *fds);
  if (fds == NULL) return -1;
  polled = fds;
  int* list = realloc(signals, more * sizeof *list);
  if (list == NULL) return -1;
  signals = list;
  capacity = more;
  return 0;
}

// Takes one registration. 1, 0 when the last sender is gone, -1 when there is
// none to take.
static int Take(int socket) {
  int sig, pidfd;
  int result = TakeDescriptor(socket, &sig, &pidfd);
  if (pidfd < 0) return result;
  if (Reserve() != 0) {
    close(pidfd);
    return result;
  }
  polled[count] = (struct pollfd){pidfd, POLLIN, 0};
  signals[count++] = sig;
  return result;
}

static void SignalAll(void) {
  for (size_t i = kChildren; i < count; i++) {
    SignalByPidfd(polled[i].fd, signals[i]);
  }
}

int WatchMain(int argc, char** argv) {
  if (argc < 2) return 2;
  // The watcher lives as long as its parent and children do. So it blocks all
  // signals: a terminal or a service manager may signal every process.
  if (BlockSignals(EVERY_SIGNAL, NULL) != 0) return 1;

  long long parent, socket_number;
  if (!ParseNumber(argv[0], 1, INT_MAX, &parent) ||
      !ParseNumber(argv[1], 0, INT_MAX, &socket_number))
    return 2;
  int socket = (int)socket_number;
  if (Reserve() != 0) return 1;
  int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)parent, 0);
  // If the parent is gone, another process may have its number.
  int gone = getppid() != parent;
  if (pidfd < 0 && !gone) return 1;
  polled[kParent] = (struct pollfd){pidfd, POLLIN, 0};
  polled[kSocket] = (struct pollfd){socket, POLLIN, 0};

  while (!gone) {
    if (poll(polled, count, -1) < 0 && errno != EINTR) return 1;
    gone = polled[kParent].revents != 0;
    for (size_t i = count; i-- > kChildren;) {
      if (polled[i].revents == 0) continue;
      close(polled[i].fd);
      polled[i] = polled[--count];
      signals[i] = signals[count];
    }
    if (polled[kSocket].revents != 0 && Take(socket) == 0) {
      // No child can register any more.
      polled[kSocket].fd = -1;
      close(socket);
    }
    if (polled[kSocket].fd < 0 && count == kChildren) return 0;
  }
  // From here on a registration fails, and its sender ends itself. The watcher
  // still reads the registrations that came before.
  shutdown(socket, SHUT_RD);
  while (Take(socket) > 0) {
  }
  SignalAll();
  return 0;
}
#else
int WatchMain(int argc, char** argv) {
  (void)argc;
  (void)argv;
  return 2;
}
#endif
