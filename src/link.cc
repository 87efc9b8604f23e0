// The line to the launcher that waits for this process:
// src/launcher/PROTOCOL.md.
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "call.h"
#include "fd.h"
#include "register.h"
#include "result.h"

namespace sess {
namespace {

#ifdef __linux__
// The layout of struct ucred, which libc declares only with _GNU_SOURCE.
struct Peer {
  int32_t pid;
  uint32_t uid;
  uint32_t gid;
};

// The number of our pid namespace, in digits, or "0": PidNamespace() of the
// launcher's stat.c.
const char* OwnNamespace(char (&text)[32]) {
  const char before[] = "pid:[";
  ssize_t size = readlink("/proc/self/ns/pid", text, sizeof text - 1);
  text[size < 0 ? 0 : size] = '\0';
  char* end = strchr(text, ']');
  if (strncmp(text, before, sizeof before - 1) != 0 || end == nullptr) {
    return "0";
  }
  *end = '\0';
  return text + sizeof before - 1;
}

// Connects to the launcher with this pid: a descriptor, -ECONNREFUSED when
// there is no launcher, or another -errno. Later reads and writes on the
// descriptor wait at most `ms`.
int Connect(int pid, int ms) {
  Fd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return -errno;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  char space[32];
  int size = snprintf(address.sun_path + 1, sizeof address.sun_path - 1,
                      "setsid-launcher-%s-%d", OwnNamespace(space), pid);
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 +
                                       static_cast<size_t>(size));
  // The socket does not block yet: another process may have taken that name,
  // and may never accept.
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) {
    return -errno;
  }
  // The kernel tells which process listens at that name.
  Peer peer = {};
  socklen_t room = sizeof peer;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &room) != 0) {
    return -errno;
  }
  if (peer.pid != pid) return -ECONNREFUSED;
  const timeval limit = {ms / 1000, ms % 1000 * 1000L};
  int off = 0;
  if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) ||
      setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) ||
      ioctl(fd.get(), FIONBIO, &off) != 0) {
    return -errno;
  }
  return fd.release();
}
#else
int Connect(int, int) { return -ECONNREFUSED; }
#endif

napi_value ConnectLauncher(napi_env env, napi_callback_info info) {
  Args args(env, info);
  return ToJs(env, Connect(args.Int(0), args.Int(1)));
}

constexpr Export kCalls[] = {{"connectLauncher", ConnectLauncher}};

}  // namespace

const Subject kLink(kCalls);

}  // namespace sess
