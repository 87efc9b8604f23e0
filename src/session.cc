// Sessions and process groups: credentials(7), setpgid(2), setsid(2).
#include <signal.h>
#include <unistd.h>

#include "register.h"
#include "result.h"

namespace sess {
namespace {

Napi::Value Setsid(const Napi::CallbackInfo& info) {
  return ToJs(info.Env(), OrErrno(::setsid()));
}

Napi::Value Getsid(const Napi::CallbackInfo& info) {
  return ToJs(info.Env(), OrErrno(::getsid(IntArg(info, 0))));
}

Napi::Value Setpgid(const Napi::CallbackInfo& info) {
  return ToJs(info.Env(), OrErrno(::setpgid(IntArg(info, 0), IntArg(info, 1))));
}

Napi::Value Getpgid(const Napi::CallbackInfo& info) {
  return ToJs(info.Env(), OrErrno(::getpgid(IntArg(info, 0))));
}

Napi::Value Getpgrp(const Napi::CallbackInfo& info) {
  return ToJs(info.Env(), ::getpgrp());
}

// Groups 0 and 1 and negative ones are undefined in POSIX; Linux takes 0 for
// the caller's own group, and kill(-1) for every process there is.
Napi::Value Killpg(const Napi::CallbackInfo& info) {
  int32_t group = IntArg(info, 0);
  if (group <= 1) return ToJs(info.Env(), -EINVAL);
  return ToJs(info.Env(), OrErrno(::killpg(group, IntArg(info, 1))));
}

}  // namespace

void RegisterSession(Napi::Object exports) {
  Export<Setsid>(exports, "setsid");
  Export<Getsid>(exports, "getsid");
  Export<Setpgid>(exports, "setpgid");
  Export<Getpgid>(exports, "getpgid");
  Export<Getpgrp>(exports, "getpgrp");
  Export<Killpg>(exports, "killpg");
}

}  // namespace sess
