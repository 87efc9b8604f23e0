// Descriptors and the working folder, where node:fs has no call for it.

// For 64-bit file offsets, which Node's build asks for everywhere, glibc 2.28
// gave fcntl() another name, and the addon would not load on an older one.
#undef _FILE_OFFSET_BITS

#include <fcntl.h>
#include <unistd.h>

#include "register.h"
#include "result.h"

namespace sess {
namespace {

// A second descriptor of the same open file, above the standard three.
Napi::Value Dup(const Napi::CallbackInfo& info) {
  int fd = OrErrno(fcntl(IntArg(info, 0), F_DUPFD_CLOEXEC, 3));
  return ToJs(info.Env(), fd);
}

// EINTR has closed it too on Linux and macOS (close(2)).
Napi::Value Close(const Napi::CallbackInfo& info) {
  return ToJs(info.Env(), OrErrno(close(IntArg(info, 0))));
}

// EBUSY is Linux's for a race with an open() in another thread (dup2(2)).
Napi::Value Dup2(const Napi::CallbackInfo& info) {
  int from = IntArg(info, 0), to = IntArg(info, 1), fd;
  do {
    fd = OrErrno(dup2(from, to));
  } while (fd == -EINTR || fd == -EBUSY);
  // dup2() clears close-on-exec, unless both are the same (POSIX dup2).
  if (fd >= 0) fcntl(fd, F_SETFD, IntArg(info, 2) == 0 ? 0 : FD_CLOEXEC);
  return ToJs(info.Env(), fd);
}

// The working folder as a descriptor: the way back to it even where its path is
// gone or can't be read.
Napi::Value OpenCwd(const Napi::CallbackInfo& info) {
#ifdef O_PATH
  int flags = O_PATH;
#else
  int flags = O_RDONLY;
#endif
  int fd = OrErrno(open(".", flags | O_DIRECTORY | O_CLOEXEC));
  return ToJs(info.Env(), fd);
}

Napi::Value Fchdir(const Napi::CallbackInfo& info) {
  return ToJs(info.Env(), OrErrno(fchdir(IntArg(info, 0))));
}

}  // namespace

void RegisterStdio(Napi::Object exports) {
  Export<Dup>(exports, "dup");
  Export<Close>(exports, "close");
  Export<Dup2>(exports, "dup2");
  Export<OpenCwd>(exports, "openCwd");
  Export<Fchdir>(exports, "fchdir");
}

}  // namespace sess
