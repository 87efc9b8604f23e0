// A process that is meant, and no other: pidfd_open(2). The calls are raw, as
// glibc has wrappers only since 2.36.
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "call.h"
#include "register.h"

namespace sess {
namespace {

// The same on every architecture since Linux 5.1 (unistd.h of asm-generic).
#ifdef __linux__
constexpr long kSendSignal = 424;
constexpr long kOpen = 434;
#endif

// A descriptor, closed on exec. -ENOSYS before Linux 5.3.
napi_value PidfdOpen(napi_env env, napi_callback_info info) {
  Args args(env, info);
#ifdef __linux__
  int fd = static_cast<int>(syscall(kOpen, args.Int(0), 0));
  return ToJs(env, OrErrno(fd));
#else
  return ToJs(env, -ENOSYS);
#endif
}

// flags: 0 the process, 4 its process group (Linux 6.9; -EINVAL before).
napi_value PidfdSignal(napi_env env, napi_callback_info info) {
  Args args(env, info);
#ifdef __linux__
  int result = static_cast<int>(
      syscall(kSendSignal, args.Int(0), args.Int(1), nullptr, args.Int(2)));
  return ToJs(env, OrErrno(result));
#else
  return ToJs(env, -ENOSYS);
#endif
}

}  // namespace

napi_status RegisterPidfd(napi_env env, napi_value exports) {
  constexpr Export kCalls[] = {
      {"pidfdOpen", PidfdOpen},
      {"pidfdSignal", PidfdSignal},
  };
  return AddTo(env, exports, kCalls);
}

}  // namespace sess
