// A process that is meant, and no other: pidfd_open(2). The calls are raw, as
// glibc has wrappers only since 2.36.
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "register.h"
#include "result.h"

namespace sess {
namespace {

// The same on every architecture since Linux 5.1 (unistd.h of asm-generic).
#ifdef __linux__
constexpr long kSendSignal = 424;
constexpr long kOpen = 434;
#endif

// A descriptor, closed on exec. -ENOSYS before Linux 5.3.
Napi::Value PidfdOpen(const Napi::CallbackInfo& info) {
#ifdef __linux__
  int fd = static_cast<int>(syscall(kOpen, IntArg(info, 0), 0));
  return ToJs(info.Env(), OrErrno(fd));
#else
  return ToJs(info.Env(), -ENOSYS);
#endif
}

// flags: 0 the process, 4 its process group (Linux 6.9; -EINVAL before).
Napi::Value PidfdSignal(const Napi::CallbackInfo& info) {
#ifdef __linux__
  int result = static_cast<int>(syscall(
      kSendSignal, IntArg(info, 0), IntArg(info, 1), nullptr, IntArg(info, 2)));
  return ToJs(info.Env(), OrErrno(result));
#else
  return ToJs(info.Env(), -ENOSYS);
#endif
}

}  // namespace

void RegisterPidfd(Napi::Object exports) {
  Export<PidfdOpen>(exports, "pidfdOpen");
  Export<PidfdSignal>(exports, "pidfdSignal");
}

}  // namespace sess
