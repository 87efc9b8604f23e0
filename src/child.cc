// Children of spawn(): what its launcher reports, and who watches them.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "call.h"
#include "register.h"

namespace sess {
namespace {

// Another thread may fork at this moment. Its child must not get a copy.
int ClosedOnExec(int type, int fds[2]) {
#ifdef SOCK_CLOEXEC
  return OrErrno(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds));
#else
  int result = OrErrno(socketpair(AF_UNIX, type, 0, fds));
  if (result < 0) return result;
  fcntl(fds[0], F_SETFD, FD_CLOEXEC);
  fcntl(fds[1], F_SETFD, FD_CLOEXEC);
  return 0;
#endif
}

// If JavaScript does not get the pair, no other code would close it.
napi_value BothToJs(napi_env env, int result, const int fds[2]) {
  if (result < 0) return ToJs(env, result);
  uint32_t numbers[] = {static_cast<uint32_t>(fds[0]),
                        static_cast<uint32_t>(fds[1])};
  napi_value pair = ToJs(env, numbers, 2);
  if (pair != nullptr) return pair;
  close(fds[0]);
  close(fds[1]);
  return nullptr;
}

// [one end, the other], or -errno. With true it is a stream; otherwise the ends
// keep the borders of messages.
napi_value SocketPair(napi_env env, napi_callback_info info) {
  Args args(env, info);
  int fds[2];
  int type = args.Bool(0) ? SOCK_STREAM : SOCK_SEQPACKET;
  return BothToJs(env, ClosedOnExec(type, fds), fds);
}

// [read end, write end]; or -errno. A pipe costs half as much as a pair of
// sockets.
napi_value Pipe(napi_env env, napi_callback_info) {
  int fds[2];
#ifdef __linux__
  int result = OrErrno(pipe2(fds, O_CLOEXEC));
#else
  int result = OrErrno(pipe(fds));
  if (result == 0) fcntl(fds[0], F_SETFD, FD_CLOEXEC);
  if (result == 0) fcntl(fds[1], F_SETFD, FD_CLOEXEC);
#endif
  return BothToJs(env, result, fds);
}

// Reaps one child. Only for a launcher that has reported a failure and is about
// to end. The thread whose event loop started the launcher must make this call.
napi_value Reap(napi_env env, napi_callback_info info) {
  Args args(env, info);
  pid_t pid = args.Int(0);
  if (pid <= 0) return ToJs(env, -EINVAL);
  int result;
  do {
    result = OrErrno(waitpid(pid, nullptr, 0));
  } while (result == -EINTR);
  return ToJs(env, result);
}

// One watcher (launcher/watch.c) serves the workers of the process: this is the
// socket that leads to it.
std::atomic<int> watcher_socket{-1};

// -1 when there is no watcher, or it has ended and its end is closed.
napi_value WatcherSocket(napi_env env, napi_callback_info) {
  struct pollfd socket = {watcher_socket.load(), 0, 0};
  // poll passes over a negative descriptor.
  bool ended = poll(&socket, 1, 0) > 0;
  return ToJs(env, ended ? -1 : socket.fd);
}

// Makes `fd` the socket to the watcher. Returns the number of that socket from
// now on, or -errno. A later watcher takes over the first one's number by
// dup3(). Another thread may be handing this number to a child at this moment,
// so it must never be free. Two threads may start a watcher at the same time.
// The watcher whose socket is replaced here ends when it has no children left.
napi_value SetWatcherSocket(napi_env env, napi_callback_info info) {
  Args args(env, info);
  int fd = args.Int(0);
  int before = -1;
  if (watcher_socket.compare_exchange_strong(before, fd)) {
    return ToJs(env, fd);
  }
#ifdef __linux__
  int result = OrErrno(dup3(fd, before, O_CLOEXEC));
#else
  int result = -ENOSYS;
#endif
  close(fd);
  return ToJs(env, result);
}

constexpr Export kCalls[] = {
    {"socketPair", SocketPair},
    {"pipe", Pipe},
    {"reap", Reap},
    {"watcherSocket", WatcherSocket},
    {"setWatcherSocket", SetWatcherSocket},
};

}  // namespace

const Subject kChild(kCalls);

}  // namespace sess
