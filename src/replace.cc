// What daemonize() needs of the kernel: to become the launcher without a new
// pid, to know it again, and to tell systemd.
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "call.h"
#include "fd.h"
#include "list.h"
#include "register.h"
#include "text.h"

namespace sess {
namespace {

// A null-terminated array of strings for execve.
class Strings {
 public:
  Strings(napi_env env, napi_value array) {
    uint32_t length;
    if (napi_get_array_length(env, array, &length) != napi_ok) return;
    items_ = static_cast<char**>(std::calloc(length + 1, sizeof *items_));
    for (uint32_t i = 0; items_ != nullptr && i < length; i++) {
      napi_value item;
      if (napi_get_element(env, array, i, &item) == napi_ok) {
        items_[i] = Text(env, item).release();
      }
      if (items_[i] != nullptr) continue;
      // The list would end here.
      Free();
    }
  }
  ~Strings() { Free(); }
  Strings(const Strings&) = delete;
  Strings& operator=(const Strings&) = delete;
  // Null where it is no array, or not all of it are strings.
  char** get() const { return items_; }

 private:
  void Free() {
    for (char** item = items_; item != nullptr && *item != nullptr; item++) {
      std::free(*item);
    }
    std::free(items_);
    items_ = nullptr;
  }

  char** items_ = nullptr;
};

// False where it is no array of numbers, or memory is short.
bool ReadInts(napi_env env, napi_value array, List<int>* list) {
  uint32_t length;
  if (napi_get_array_length(env, array, &length) != napi_ok) return false;
  for (uint32_t i = 0; i < length; i++) {
    napi_value item;
    int* place = list->Add();
    if (place == nullptr || napi_get_element(env, array, i, &item) != napi_ok ||
        napi_get_value_int32(env, item, place) != napi_ok) {
      return false;
    }
  }
  return true;
}

// fcntl() is fcntl64@GLIBC_2.28 where off_t has 64 bits.
int Fcntl(int fd, int command, int value) {
#ifdef __linux__
  return static_cast<int>(syscall(SYS_fcntl, fd, command, value));
#else
  return fcntl(fd, command, value);
#endif
}

// (path, argv, env, fds): execve(2) with `fds` left open; -errno if it fails.
// Other threads end in the kernel, and what is not in `fds` is closed.
napi_value Execve(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Text path(env, args[0]);
  Strings argv(env, args[1]);
  Strings environment(env, args[2]);
  List<int> fds;
  if (path.get() == nullptr || argv.get() == nullptr ||
      environment.get() == nullptr || !ReadInts(env, args[3], &fds)) {
    return ToJs(env, -EINVAL);
  }
  for (size_t i = 0; i < fds.size(); i++) {
    // Node marks all that it has inherited close-on-exec, and makes pipes
    // non-blocking, for everyone who shares them.
    Fcntl(fds[i], F_SETFD, 0);
    int flags = fds[i] <= 2 ? Fcntl(fds[i], F_GETFL, 0) : -1;
    if (flags >= 0) Fcntl(fds[i], F_SETFL, flags & ~O_NONBLOCK);
  }
  // Ignored signals stay ignored over exec, and Node ignores these two.
  signal(SIGPIPE, SIG_DFL);
  signal(SIGXFSZ, SIG_DFL);
  execve(path.get(), argv.get(), environment.get());
  int result = -errno;
  signal(SIGPIPE, SIG_IGN);
  for (size_t i = 0; i < fds.size(); i++) {
    if (fds[i] > 2) Fcntl(fds[i], F_SETFD, FD_CLOEXEC);
  }
  return ToJs(env, result);
}

// Who made the pair of sockets that `fd` is an end of; -errno.
napi_value PeerPid(napi_env env, napi_callback_info info) {
  Args args(env, info);
#ifdef __linux__
  struct {
    int32_t pid;
    uint32_t uid;
    uint32_t gid;
  } peer;
  socklen_t size = sizeof peer;
  int result = getsockopt(args.Int(0), SOL_SOCKET, SO_PEERCRED, &peer, &size);
  return ToJs(env, result == 0 ? peer.pid : -errno);
#else
  return ToJs(env, -ENOSYS);
#endif
}

// PR_SET_PDEATHSIG; 0 clears it.
napi_value ParentDeathSignal(napi_env env, napi_callback_info info) {
  Args args(env, info);
#ifdef __linux__
  return ToJs(env, OrErrno(prctl(PR_SET_PDEATHSIG, args.Int(0))));
#else
  return ToJs(env, -ENOSYS);
#endif
}

// (address, text): one datagram, as sd_notify(3). "@name" is abstract.
napi_value Notify(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Text name(env, args[0]);
  Text text(env, args[1]);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (name.get() == nullptr || text.get() == nullptr || name.size() == 0 ||
      name.size() >= sizeof address.sun_path) {
    return ToJs(env, -EINVAL);
  }
  memcpy(address.sun_path, name.get(), name.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  auto length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  Fd fd(socket(AF_UNIX, SOCK_DGRAM, 0));
  if (fd.get() < 0) return ToJs(env, -errno);
  Fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  ssize_t sent = sendto(fd.get(), text.get(), text.size(), 0,
                        reinterpret_cast<sockaddr*>(&address), length);
  return ToJs(env, sent < 0 ? -errno : 0);
}

}  // namespace

napi_status RegisterReplace(napi_env env, napi_value exports) {
  constexpr Export kCalls[] = {
      {"execve", Execve},
      {"peerPid", PeerPid},
      {"parentDeathSignal", ParentDeathSignal},
      {"notify", Notify},
  };
  return AddTo(env, exports, kCalls);
}

}  // namespace sess
