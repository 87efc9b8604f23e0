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

#include "fd.h"
#include "register.h"
#include "result.h"
#include "text.h"

namespace sess {
namespace {

// A null-terminated array of strings for execve.
class Strings {
 public:
  Strings(Napi::Env env, Napi::Value value) {
    if (!value.IsArray()) return;
    Napi::Array array = value.As<Napi::Array>();
    items_ =
        static_cast<char**>(std::calloc(array.Length() + 1, sizeof *items_));
    for (uint32_t i = 0; items_ != nullptr && i < array.Length(); i++) {
      items_[i] = Text(env, array.Get(i)).release();
    }
  }
  ~Strings() {
    for (char** item = items_; item != nullptr && *item != nullptr; item++) {
      std::free(*item);
    }
    std::free(items_);
  }
  Strings(const Strings&) = delete;
  Strings& operator=(const Strings&) = delete;
  char** get() const { return items_; }

 private:
  char** items_ = nullptr;
};

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
Napi::Value Execve(const Napi::CallbackInfo& info) {
  Text path(info.Env(), info[0]);
  Strings argv(info.Env(), info[1]);
  Strings env(info.Env(), info[2]);
  if (path.get() == nullptr || argv.get() == nullptr || env.get() == nullptr ||
      !info[3].IsArray()) {
    return ToJs(info.Env(), -EINVAL);
  }
  Napi::Array fds = info[3].As<Napi::Array>();
  for (uint32_t i = 0; i < fds.Length(); i++) {
    int fd = fds.Get(i).ToNumber().Int32Value();
    // Node marks all that it has inherited close-on-exec, and makes pipes
    // non-blocking, for everyone who shares them.
    Fcntl(fd, F_SETFD, 0);
    int flags = fd <= 2 ? Fcntl(fd, F_GETFL, 0) : -1;
    if (flags >= 0) Fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  }
  // Ignored signals stay ignored over exec, and Node ignores these two.
  signal(SIGPIPE, SIG_DFL);
  signal(SIGXFSZ, SIG_DFL);
  execve(path.get(), argv.get(), env.get());
  int result = -errno;
  signal(SIGPIPE, SIG_IGN);
  for (uint32_t i = 0; i < fds.Length(); i++) {
    int fd = fds.Get(i).ToNumber().Int32Value();
    if (fd > 2) Fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  return ToJs(info.Env(), result);
}

// Who made the pair of sockets that `fd` is an end of; -errno.
Napi::Value PeerPid(const Napi::CallbackInfo& info) {
#ifdef __linux__
  struct {
    int32_t pid;
    uint32_t uid;
    uint32_t gid;
  } peer;
  socklen_t size = sizeof peer;
  int result =
      getsockopt(IntArg(info, 0), SOL_SOCKET, SO_PEERCRED, &peer, &size);
  return ToJs(info.Env(), result == 0 ? peer.pid : -errno);
#else
  return ToJs(info.Env(), -ENOSYS);
#endif
}

// PR_SET_PDEATHSIG; 0 clears it.
Napi::Value ParentDeathSignal(const Napi::CallbackInfo& info) {
#ifdef __linux__
  return ToJs(info.Env(), OrErrno(prctl(PR_SET_PDEATHSIG, IntArg(info, 0))));
#else
  return ToJs(info.Env(), -ENOSYS);
#endif
}

// (address, text): one datagram, as sd_notify(3). "@name" is abstract.
Napi::Value Notify(const Napi::CallbackInfo& info) {
  Text name(info.Env(), info[0]);
  Text text(info.Env(), info[1]);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (name.get() == nullptr || text.get() == nullptr || name.size() == 0 ||
      name.size() >= sizeof address.sun_path) {
    return ToJs(info.Env(), -EINVAL);
  }
  memcpy(address.sun_path, name.get(), name.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  auto length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  Fd fd(socket(AF_UNIX, SOCK_DGRAM, 0));
  if (fd.get() < 0) return ToJs(info.Env(), -errno);
  Fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  ssize_t sent = sendto(fd.get(), text.get(), text.size(), 0,
                        reinterpret_cast<sockaddr*>(&address), length);
  return ToJs(info.Env(), sent < 0 ? -errno : 0);
}

}  // namespace

void RegisterReplace(Napi::Object exports) {
  Export<Execve>(exports, "execve");
  Export<PeerPid>(exports, "peerPid");
  Export<ParentDeathSignal>(exports, "parentDeathSignal");
  Export<Notify>(exports, "notify");
}

}  // namespace sess
