// Descriptors and the working folder, where node:fs has no call for it.

// Node's build asks for 64-bit file offsets everywhere. With them fcntl() gets
// a symbol of glibc 2.28, and the addon would not load on an older one.
#undef _FILE_OFFSET_BITS

#include <fcntl.h>
#include <unistd.h>

#include "call.h"
#include "register.h"

namespace sess {
namespace {

// A second descriptor of the same open file, above the standard three.
napi_value Dup(napi_env env, napi_callback_info info) {
  Args args(env, info);
  int fd = OrErrno(fcntl(args.Int(0), F_DUPFD_CLOEXEC, 3));
  return ToJs(env, fd);
}

// After EINTR the descriptor is closed too, on Linux and macOS (close(2)).
napi_value Close(napi_env env, napi_callback_info info) {
  Args args(env, info);
  return ToJs(env, OrErrno(close(args.Int(0))));
}

// On Linux EBUSY means a race with an open() in another thread (dup2(2)).
napi_value Dup2(napi_env env, napi_callback_info info) {
  Args args(env, info);
  int from = args.Int(0), to = args.Int(1), fd;
  do {
    fd = OrErrno(dup2(from, to));
  } while (fd == -EINTR || fd == -EBUSY);
  // dup2() clears close-on-exec, unless both are the same (POSIX dup2).
  if (fd >= 0) fcntl(fd, F_SETFD, args.Int(2) == 0 ? 0 : FD_CLOEXEC);
  return ToJs(env, fd);
}

// The working folder as a descriptor. It leads back to the folder even when the
// path is gone or unreadable.
napi_value OpenCwd(napi_env env, napi_callback_info) {
#ifdef O_PATH
  int flags = O_PATH;
#else
  int flags = O_RDONLY;
#endif
  int fd = OrErrno(open(".", flags | O_DIRECTORY | O_CLOEXEC));
  return ToJs(env, fd);
}

napi_value Fchdir(napi_env env, napi_callback_info info) {
  Args args(env, info);
  return ToJs(env, OrErrno(fchdir(args.Int(0))));
}

constexpr Export kCalls[] = {
    {"dup", Dup},         {"close", Close},   {"dup2", Dup2},
    {"openCwd", OpenCwd}, {"fchdir", Fchdir},
};

}  // namespace

const Subject kStdio(kCalls);

}  // namespace sess
