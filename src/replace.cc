// What daemonize() needs of the kernel: it sets the parent death signal, and it
// sends messages to systemd.
#include <fcntl.h>
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
#include "register.h"
#include "text.h"

namespace sess {
namespace {

// fcntl() is fcntl64@GLIBC_2.28 where off_t has 64 bits.
int Fcntl(int fd, int command, int value) {
#ifdef __linux__
  return static_cast<int>(syscall(SYS_fcntl, fd, command, value));
#else
  return fcntl(fd, command, value);
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

constexpr Export kCalls[] = {
    {"parentDeathSignal", ParentDeathSignal},
    {"notify", Notify},
};

}  // namespace

const Subject kReplace(kCalls);

}  // namespace sess
